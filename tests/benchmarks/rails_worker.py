"""The worker as the benchmarks of rails start it: the product's own, with its own adapters, which
do not keep to the vendors' limits here."""

import os
import sys
from pathlib import Path

import uvloop
from tests.benchmarks.server import SECRET_KEY

from payviox import worker
from payviox.rails.paypal import rate_limit
from payviox.rails.tremendous import client
from payviox.settings import Settings


def main() -> None:
    rate_limit.POSTS_PER_MINUTE = 10**9
    # A limiter that allows a billion a second still waits for uvloop's clock, which ticks once a
    # millisecond.
    client._Pace.turn = _at_once  # type: ignore[method-assign]
    settings = Settings(
        home=Path("/nonexistent"), secret_key=SECRET_KEY, allow_private_webhooks=True
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    uvloop.run(worker.run(settings, os.environ["BENCH_DATABASE_URL"]))


async def _at_once(*_: object) -> None:
    pass


if __name__ == "__main__":
    main()
