"""A sending process that ends itself by SIGKILL at a named point of a send. Run as a program:
`python dying.py DATABASE_URL BUSINESS_ID POINT`; it says `sent` where it never came to that
point."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

from payviox import wiring
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.rail_state.evm_books import EvmBooks
from payviox.rail_state.sandbox_books import SandboxBooks
from payviox.rails.evm.client import Node
from payviox.rails.http import Http
from payviox.withdrawals.sending import claims, processor
from support import live


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, only: Callable[..., bool] = lambda *_, **__: True) -> None:
    _wrap(owner, name, only, dies_before=True)


def after(owner: Any, name: str, only: Callable[..., bool] = lambda *_, **__: True) -> None:
    _wrap(owner, name, only, dies_before=False)


def _wrap(owner: Any, name: str, only: Callable[..., bool], *, dies_before: bool) -> None:
    original = getattr(owner, name)

    async def wrapped(*given: Any, **named: Any) -> Any:
        struck = only(*given, **named)
        if struck and dies_before:
            die()
        found = await original(*given, **named)
        if struck:
            die()
        return found

    setattr(owner, name, wrapped)


def is_payment(*given: Any, **_: Any) -> bool:
    return given[1] == "POST" and given[2].endswith(("/payouts", "/orders"))


POINTS: dict[str, Callable[[], None]] = {
    "the reference is written, not committed": lambda: after(claims, "take"),
    "the reference is committed, the rail not called": lambda: before(processor, "_ask"),
    "the rail is called, the vendor not": lambda: before(Http, "request", is_payment),
    "the vendor has answered": lambda: after(Http, "request", is_payment),
    "the sandbox has paid": lambda: after(SandboxBooks, "keep"),
    "the nonce is taken": lambda: after(EvmBooks, "reserve"),
    "the transaction is stored": lambda: after(EvmBooks, "store"),
    "the transaction is broadcast": lambda: after(Node, "broadcast"),
    "the rail has answered": lambda: after(processor, "_ask"),
    "the answer is not yet recorded": lambda: before(claims, "record"),
    "the answer is written, not committed": lambda: after(claims, "record"),
    "the answer is recorded": lambda: after(processor._Drain, "_record"),
}
"""Where it dies, in the order of a send. Some are of one rail alone."""


async def send(url: str, business_id: UUID) -> None:
    database = Database(url)
    await database.open()
    rails = wiring.rails(database, Keyring(live.SECRET_KEY))
    await processor.process_due(database, rails, business_id=business_id)
    sys.stdout.write("sent\n")


if __name__ == "__main__":
    POINTS[sys.argv[3]]()
    asyncio.run(send(sys.argv[1], UUID(sys.argv[2])))
