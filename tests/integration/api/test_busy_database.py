"""Every connection is lent out for longer than a call may wait: the answer says that nothing was
done, and when to try again."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from payviox.db import lending, pool
from payviox.errors import DatabaseAway
from support.businesses import TestBusiness
from support.every_post import PREPARED, Stage

pytestmark = pytest.mark.anyio

AWAY = (503, {"error": DatabaseAway.message})


@pytest.mark.parametrize("path", ["/payout/fund", "/payout/withdraw"])
async def test_a_write_without_a_free_connection_does_nothing_and_says_so(
    business: TestBusiness, services: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    ready = await PREPARED[path](Stage(business))
    before = await business.ledger()
    monkeypatch.setattr(pool, "RETRY_S", 0.0)
    writers = services.database._pool
    async with AsyncExitStack() as stack:
        for _ in range(writers.max_size):
            await stack.enter_async_context(lending.lent(writers))
        with monkeypatch.context() as patch:
            patch.setattr(writers, "timeout", 0.01)
            answer = await ready.send(business, Idempotency_Key="k")
    assert (answer.status_code, answer.json()) == AWAY
    assert answer.headers["Retry-After"] == "5"
    assert await business.ledger() == before
    again = await ready.send(business, Idempotency_Key="k")
    assert again.is_success, again.text
