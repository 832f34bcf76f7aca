"""The end of a web process that another one replaces."""

import asyncio
import errno
import os
from typing import Any

import pytest

from payviox.web import draining
from payviox.web.draining import Draining
from support.polling import eventually

pytestmark = pytest.mark.anyio


async def test_it_ends_where_it_cannot_stop_to_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    signals: list[Any] = []
    monkeypatch.setattr(draining, "DRAIN_S", 0.01)
    monkeypatch.setattr(os, "kill", lambda *sent: signals.append(sent))

    def stop_accepting() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async def nothing(*_: Any) -> None: ...

    asyncio.get_running_loop().call_soon(Draining(nothing).begin, stop_accepting)
    await eventually(lambda: signals == [(os.getpid(), draining.signal.SIGTERM)])
