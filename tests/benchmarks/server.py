"""The web process as the benchmarks start it: the product's own, or with an engine that answers at
once, which shows what HTTP alone costs."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import uvloop

from payviox import app, tracing
from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Allocated, Item, Outcome
from payviox.settings import Settings

SECRET_KEY = "a secret key for the benchmarks alone"


class InstantBatcher(Batcher):
    """Answers every allocation at once, without a database."""

    async def submit(self, business_id: UUID, items: Sequence[Item], **_: object) -> list[Outcome]:
        return [Allocated("", "0" * 64) for _ in items]


def main() -> None:
    port, kind = int(sys.argv[1]), sys.argv[2]
    if kind == "instant":
        app.Batcher = InstantBatcher
    settings = Settings(home=Path("/nonexistent"), secret_key=SECRET_KEY, port=port)
    with tracing.sending(os.environ.get("BENCH_COLLECTOR"), "web"):
        uvloop.run(app.serve(settings, os.environ["BENCH_DATABASE_URL"]))


if __name__ == "__main__":
    main()
