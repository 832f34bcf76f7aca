"""One business, one payout user and one long read leave room for all others."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest

from conftest import MakeBusiness
from payviox import ids
from payviox.api import batch, history
from payviox.db.pool import Connection, Database
from payviox.errors import Busy, ClientGone, ReadTooLong
from payviox.idempotency import service as idempotency
from payviox.web.limits import AT_ONCE, READS_AT_ONCE, Slots
from payviox.withdrawals import quotes
from support import lock_waits
from support.businesses import TestBusiness
from support.databases import Urls
from support.every_post import Stage
from support.polling import eventually

pytestmark = pytest.mark.anyio

QUOTE = {"provider": "paypal", "amount": 900}


async def test_a_read_that_takes_too_long_ends_and_says_so(urls: Urls) -> None:
    database = Database(urls.application, read_limit_s=0.05)
    await database.open()

    async def slow(connection: Connection) -> None:
        await connection.execute("SELECT pg_sleep(60)")

    try:
        with pytest.raises(ReadTooLong):
            await database.fetch(slow)
    finally:
        await database.close()


async def test_who_calls_is_found_out_while_every_reader_is_taken(
    business: TestBusiness, database: Database
) -> None:
    done = asyncio.Event()

    async def wait(_: Connection) -> None:
        await done.wait()

    async def look(connection: Connection) -> bool:
        return await (await connection.execute("SELECT 1")).fetchone() == (1,)

    readers = [asyncio.create_task(database.fetch(wait)) for _ in range(20)]
    await asyncio.sleep(0)
    assert await database.fetch_caller(look)
    done.set()
    await asyncio.gather(*readers)


async def test_the_reads_of_a_business_leave_readers_for_others(
    make_business: MakeBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    greedy, other = [await make_business(funds=100) for _ in range(2)]
    inside, done = 0, asyncio.Event()
    list_movements = history.ledger.list_movements

    async def slow(connection: Connection, business_id: UUID, **filters: Any) -> Any:
        nonlocal inside
        if business_id == greedy.business_id:
            inside += 1
            await done.wait()
        return await list_movements(connection, business_id, **filters)

    monkeypatch.setattr(history.ledger, "list_movements", slow)
    calls = [asyncio.ensure_future(greedy.client.get("/payout/history")) for _ in range(20)]
    try:
        await eventually(lambda: inside >= READS_AT_ONCE)
        assert (await other.client.get("/payout/history")).status_code == 200
        assert inside == READS_AT_ONCE
    finally:
        done.set()
    assert {answer.status_code for answer in await asyncio.gather(*calls)} == {200}


async def test_payout_users_writes_leave_the_business_its_own(
    business: TestBusiness, urls: Urls
) -> None:
    stage = Stage(business)
    users = [await stage.user() for _ in range(AT_ONCE + 2)]
    target, _ = await stage.user()
    with urls.as_admin() as admin, admin.transaction():
        admin.execute(
            "SELECT FROM payout_users WHERE business_id = %s AND id <> %s FOR UPDATE",
            [business.business_id, ids.parse(ids.USER, target)],
        )
        calls = [
            asyncio.ensure_future(stage.ready("/payout/quote", QUOTE, user).send(business))
            for _, user in users
        ]
        await eventually(lambda: _waiting(urls) == AT_ONCE)
        answer = await business.client.post(f"/payout/users/{target}/deactivate")
        assert answer.status_code == 200
    assert {answer.status_code for answer in await asyncio.gather(*calls)} == {200}


def _waiting(urls: Urls) -> int:
    with urls.as_admin() as admin:
        return lock_waits.count(admin)


async def test_slots_let_a_few_in_keep_others_waiting_and_refuse_the_rest() -> None:
    slots = Slots(1, 2)
    async with slots.slot("a"):

        async def second() -> str:
            async with slots.slot("a"):
                return "in"

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            async with slots.slot("a"):
                pass
        async with slots.slot("b"):
            assert not waiting.done()
    assert await waiting == "in"


async def test_open_quotes_of_a_payout_user_are_bounded(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotes, "MOST_OPEN", 2)
    stage = Stage(business)
    _, user = await stage.user()
    first, _, third = [
        await stage.ready("/payout/quote", QUOTE, user).send(business) for _ in range(3)
    ]
    assert (third.status_code, third.headers["Retry-After"]) == (429, "60")
    assert third.json() == {"error": quotes.TooManyQuotes.message}
    await stage.withdraw(user, amount=900, quote_id=first.json()["quote_id"])
    assert (await stage.ready("/payout/quote", QUOTE, user).send(business)).status_code == 200


async def test_idempotency_keys_of_a_payout_user_are_bounded_and_replays_are_not(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MOST_A_DAY", 2)
    stage = Stage(business)
    _, user = await stage.user()
    before = (await business.ledger()).balances

    async def quote(key: str) -> httpx.Response:
        ready = stage.ready("/payout/quote", QUOTE, user)
        return await ready.send(business, Idempotency_Key=key)

    answers = [(await quote(key)).status_code for key in ("1", "2", "3", "1")]
    assert answers == [200, 200, 429, 200]
    assert (await business.ledger()).balances == before


async def test_events_refuse_a_cursor_of_another_business(make_business) -> None:
    ours, theirs = [Stage(await make_business(funds=100_000)) for _ in range(2)]
    for stage in (ours, theirs):
        await stage.webhook()
        await stage.in_review()
    [event] = (await theirs.business.client.get("/payout/events")).json()["data"]
    answer = await ours.business.client.get(f"/payout/events?after={event['id']}")
    assert (answer.status_code, list(answer.json())) == (400, ["after"])
    assert (await theirs.business.client.get(f"/payout/events?after={event['id']}")).json() == {
        "data": [],
        "has_more": False,
    }


async def test_a_batch_is_not_looked_at_any_further_when_its_client_has_gone() -> None:
    gone = asyncio.create_task(asyncio.sleep(0))
    await gone
    look = batch._Looking(asyncio.Lock(), gone)
    with pytest.raises(ClientGone):
        await look.at([batch.BatchItem("a@x.com", 1)], "key")


async def test_of_all_batches_one_slice_at_a_time_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "SLICE_S", 0)  # an item each
    forever = asyncio.create_task(asyncio.Event().wait())
    lock, turns = asyncio.Lock(), []

    def made(key: str) -> Any:
        return SimpleNamespace(entry=lambda _: turns.append(key))

    items = [batch.BatchItem("a@x.com", 1)] * 3
    await asyncio.gather(
        *(batch._Looking(lock, forever).at(items, made(key)) for key in ("a", "b", "c"))
    )
    forever.cancel()
    assert turns == ["a", "b", "c"] * 3
