"""Somebody at a psql prompt holds every table for longer than a call may wait: the answer says that
nothing was done, and when to try again."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from payviox import app
from payviox.db import pool
from payviox.errors import LockedTooLong
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.databases import Urls
from support.every_post import PREPARED, Stage

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def hasty(settings: Any, urls: Urls) -> AsyncIterator[Application]:
    """An application that waits for no lock."""
    assert "lock_timeout=30s" in pool.SESSION
    hurried = pool.SESSION.replace("lock_timeout=30s", "lock_timeout=10ms")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "SESSION", hurried)
        async with app.open_services(settings, urls.application) as services:
            yield app.build(services)


@contextmanager
def every_table_held(urls: Urls) -> Iterator[None]:
    """What is there can still be read, and nothing changed or locked."""
    with urls.as_admin() as admin, admin.transaction():
        for (name,) in admin.execute(
            "SELECT quote_ident(relname) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall():
            admin.execute(f"LOCK TABLE {name} IN EXCLUSIVE MODE".encode())
        yield


@pytest.mark.parametrize("path", PREPARED)
async def test_a_call_that_waits_too_long_for_a_lock_does_nothing_and_says_so(
    business: TestBusiness, hasty: Application, urls: Urls, path: str
) -> None:
    hurried = replace(business, application=hasty)
    ready = await PREPARED[path](Stage(business))
    before = await business.ledger()
    with every_table_held(urls):
        answer = await ready.send(hurried, Idempotency_Key="k")
    assert (answer.status_code, answer.json()) == (503, {"error": LockedTooLong.message})
    assert answer.headers["Retry-After"] == "5"
    assert await business.ledger() == before
    again = await ready.send(hurried, Idempotency_Key="k")
    assert again.is_success, again.text
    assert "Idempotent-Replayed" not in again.headers
