"""What a call with a key answers when the network fails at its COMMIT."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from payviox.db.pool import Database
from payviox.idempotency.model import Scope
from payviox.idempotency.service import Done, ShownOnce, once
from support.businesses import TestBusiness
from support.databases import Urls
from support.proxy import Moment, Proxy, proxy

pytestmark = pytest.mark.anyio

SCOPE = Scope("business", "/payout/webhook/rotate-token", "k", b"digest")


@pytest.fixture
async def network(urls: Urls) -> AsyncIterator[Proxy]:
    async with proxy(urls.application) as running:
        yield running


@pytest.fixture
async def far(network: Proxy) -> AsyncIterator[Database]:
    database = Database(network.url)
    await database.open()
    yield database
    await database.close()


async def call(database: Database, business: TestBusiness, made: list[str]) -> Done:
    """A secret of its own at each run of the effect."""

    async def effect(_: Any) -> ShownOnce:
        made.append(f"secret {len(made)}")
        return ShownOnce({"confirmed": False}, made[-1])

    return await database.write(once(business.business_id, SCOPE, effect), keyed=True)


@pytest.mark.parametrize("moment", ["before COMMIT", "COMMIT sent", "COMMIT done"])
async def test_a_secret_shown_once_is_shown_where_the_answer_of_the_commit_was_lost(
    business: TestBusiness, database: Database, far: Database, network: Proxy, moment: Moment
) -> None:
    made: list[str] = []
    network.cut_at(moment)
    done = await call(far, business, made)
    assert network.cuts == 1
    assert done == Done({"confirmed": False}, replayed=False, shown_once=made[-1])
    again = await call(database, business, made)
    assert again == Done({"confirmed": False}, replayed=True)


async def test_the_repeat_of_a_lost_commit_is_a_replay_where_another_call_used_the_key_first(
    business: TestBusiness, database: Database, far: Database, network: Proxy
) -> None:
    made: list[str] = []
    await call(database, business, made)
    network.cut_at("COMMIT done")
    done = await call(far, business, made)
    assert network.cuts == 1
    assert done == Done({"confirmed": False}, replayed=True)
    assert made == ["secret 0"]
