"""Somebody at a psql prompt holds every table for longer than a call may wait: the answer says that
nothing was done, and when to try again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
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


@asynccontextmanager
async def every_table_held(urls: Urls) -> AsyncIterator[None]:
    """What is there can still be read, and nothing changed or locked. It waits for who writes just
    now, who may be of this event loop."""
    async with await psycopg.AsyncConnection.connect(urls.admin) as admin:
        tables = await admin.execute(
            "SELECT quote_ident(relname) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )
        for (name,) in await tables.fetchall():
            await admin.execute(f"LOCK TABLE {name} IN EXCLUSIVE MODE".encode())
        yield


@pytest.mark.parametrize("path", PREPARED)
async def test_a_call_that_waits_too_long_for_a_lock_does_nothing_and_says_so(
    business: TestBusiness, hasty: Application, urls: Urls, path: str
) -> None:
    hurried = replace(business, application=hasty)
    ready = await PREPARED[path](Stage(business))
    before = await business.ledger()
    async with every_table_held(urls):
        answer = await ready.send(hurried, Idempotency_Key="k")
    assert (answer.status_code, answer.json()) == (503, {"error": LockedTooLong.message})
    assert answer.headers["Retry-After"] == "5"
    assert await business.ledger() == before
    again = await ready.send(hurried, Idempotency_Key="k")
    assert again.is_success, again.text
    assert "Idempotent-Replayed" not in again.headers
