"""Requests that share one commit are decided one after another, as if each were alone."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from payviox import app
from payviox.allocations import batcher as batchers
from payviox.allocations import service as allocations
from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Allocated, Item, Refused
from payviox.api import allocation
from payviox.db.pool import Database
from payviox.errors import (
    Busy,
    IdempotencyMismatch,
    InsufficientPayoutBalance,
    OutcomeUnknown,
    PayoutsDisabled,
    PayoutUserInactive,
    PayvioxError,
    Unauthorized,
)
from payviox.settings import Settings
from payviox.treasury import service as treasury
from payviox.web.asgi import Application
from payviox.web.context import Services
from support.databases import Urls
from support.polling import eventually

pytestmark = pytest.mark.anyio


def kinds(outcomes: list[Any]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


async def results(tasks: list[Any]) -> list[Any]:
    return [outcome for answer in await asyncio.gather(*tasks) for outcome in answer]


async def test_what_the_balance_no_longer_covers_is_refused_alone(make_engine) -> None:
    engine = await make_engine(100)
    tasks = [engine.pay(f"u{n}@x.com", amount) for n, amount in enumerate((60, 50, 40, 1))]
    found = await results(tasks)
    assert kinds(found) == [
        Allocated,
        InsufficientPayoutBalance,
        Allocated,
        InsufficientPayoutBalance,
    ]
    assert await engine.groups() == 1
    books = await engine.business.ledger()
    assert (books["u0@x.com"], books["u2@x.com"], books["payout"]) == (60, 40, 0)
    assert books.users == 2, "no payout user is made for a refusal"


async def test_a_user_refused_first_and_paid_later_in_one_group_is_made_once(make_engine) -> None:
    engine = await make_engine(100)
    found = await results([engine.pay("a@x.com", amount) for amount in (101, 60, 60, 40)])
    assert kinds(found) == [
        InsufficientPayoutBalance,
        Allocated,
        InsufficientPayoutBalance,
        Allocated,
    ]
    assert found[1] == found[3]
    books = await engine.business.ledger()
    assert (books.users, books["a@x.com"], await engine.groups()) == (1, 100, 1)


async def test_one_is_a_group_of_one(engine) -> None:
    for number in range(1, 4):
        await engine.pay("a@x.com", 1)
        assert await engine.groups() == number


async def test_those_who_wait_share_the_next_commit(engine) -> None:
    async with engine.locked():
        first = engine.pay("a@x.com", 1)
        await engine.waiting_for_a_lock()
        others = [engine.pay(f"u{n % 50}@x.com", 1) for n in range(500)]
        await engine.queued(500)
    assert kinds(await results([first, *others])) == [Allocated] * 501
    assert await engine.groups() == 2
    assert (await engine.business.ledger()).users == 51


async def test_a_group_has_a_largest_size(engine, monkeypatch) -> None:
    monkeypatch.setattr(batchers, "MAX_GROUP", 10)
    found = await results([engine.pay(f"u{n % 7}@x.com", 1) for n in range(95)])
    assert kinds(found) == [Allocated] * 95
    assert await engine.groups() == 10


async def test_nobody_is_answered_before_the_commit(engine, database) -> None:
    async with engine.locked():
        tasks = [engine.pay(f"u{n}@x.com", 1) for n in range(20)]
        await engine.waiting_for_a_lock()
        assert not any(task.done() for task in tasks)
    for task in asyncio.as_completed(tasks):
        [outcome] = await task
        paid = await engine.business.scalar(
            "SELECT count(*) FROM transfers WHERE business_id = %s AND to_account = %s",
            engine.business.business_id,
            outcome.user_id,
        )
        assert paid == 1


async def test_a_business_that_waits_keeps_nobody_else_waiting(make_engine) -> None:
    one, other = await make_engine(), await make_engine()
    other.batcher = one.batcher
    async with one.locked():
        waiting = one.pay("a@x.com", 1)
        await one.waiting_for_a_lock()
        assert kinds(await other.pay("a@x.com", 1)) == [Allocated]
        assert not waiting.done()
    await waiting


async def deactivate(engine: Any, email: str) -> Any:
    user_id = await engine.business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s AND email = %s",
        engine.business.business_id,
        email,
    )
    return lambda connection: allocations.set_status(
        connection, engine.business.business_id, user_id, "inactive", "test"
    )


async def test_a_key_regenerated_meanwhile_refuses_whatever_is_not_committed(engine) -> None:
    business = engine.business
    key_id = str(
        await business.scalar(
            "SELECT id FROM api_keys WHERE business_id = %s AND kind = 'secret'",
            business.business_id,
        )
    )
    assert kinds(await engine.pay("a@x.com", 1, key_id=key_id)) == [Allocated]
    before = await business.ledger()

    def regenerate(connection: Any) -> Any:
        return treasury.regenerate_key(connection, business.business_id, "secret", "test")

    async with engine.locked(regenerate):
        in_flight = engine.pay("a@x.com", 1, key_id=key_id)
        await engine.waiting_for_a_lock()
        waiting = [engine.pay("a@x.com", 1, key_id=key_id) for _ in range(5)]
        trusted = engine.pay("command@x.com", 1)
        await engine.queued(6)
    assert kinds(await results([in_flight, *waiting])) == [Unauthorized] * 6
    assert kinds(await trusted) == [Allocated], "a command needs no key"
    after = await business.ledger()
    assert (after["a@x.com"], after.users) == (before["a@x.com"], before.users + 1)


async def test_payouts_switched_off_meanwhile_refuses_whatever_is_not_committed(engine) -> None:
    before = await engine.business.ledger()

    def switch_off(connection: Any) -> Any:
        return treasury.set_rules(
            connection, engine.business.business_id, {"payouts_enabled": False}, "test"
        )

    async with engine.locked(switch_off):
        in_flight = engine.pay("a@x.com", 1)
        await engine.waiting_for_a_lock()
        waiting = [engine.pay("b@x.com", 1) for _ in range(5)]
        await engine.queued(5)
    assert kinds(await results([in_flight, *waiting])) == [PayoutsDisabled] * 6
    assert await engine.business.ledger() == before


async def test_a_user_deactivated_meanwhile_is_paid_no_more(engine) -> None:
    await engine.pay("a@x.com", 1)
    before = await engine.business.ledger()
    async with engine.locked(await deactivate(engine, "a@x.com")):
        in_flight = engine.pay("a@x.com", 1)
        await engine.waiting_for_a_lock()
        waiting = [engine.pay(email, 1) for email in ("a@x.com", "b@x.com", "a@x.com")]
        await engine.queued(3)
    assert kinds(await in_flight) == [PayoutUserInactive]
    assert kinds(await results(waiting)) == [PayoutUserInactive, Allocated, PayoutUserInactive]
    after = await engine.business.ledger()
    assert (after["a@x.com"], after["b@x.com"]) == (before["a@x.com"], 1)


async def test_money_that_left_meanwhile_cannot_be_spent(make_engine) -> None:
    engine = await make_engine(100)

    def take(connection: Any) -> Any:
        return treasury.defund(connection, engine.business.business_id, 95, "test")

    async with engine.locked(take):
        tasks = [engine.pay("a@x.com", 10), engine.pay("a@x.com", 5)]
        await engine.waiting_for_a_lock()
    assert kinds(await results(tasks)) == [InsufficientPayoutBalance, Allocated]
    assert (await engine.business.ledger())["payout"] == 0


async def test_a_key_given_twice_in_one_group_has_one_effect(engine) -> None:
    keyed = {"idempotency_key": "k", "digest": "aa"}
    found = await results(
        [
            engine.pay("a@x.com", 5, **keyed),
            engine.pay("a@x.com", 5, **keyed),
            engine.pay("a@x.com", 6, idempotency_key="k", digest="bb"),
            engine.pay("a@x.com", 5, idempotency_key="K", digest="aa"),
        ]
    )
    assert kinds(found) == [Allocated, Allocated, IdempotencyMismatch, Allocated]
    assert [outcome.replayed for outcome in found if isinstance(outcome, Allocated)] == [
        False,
        True,
        False,
    ]
    assert (await engine.business.ledger())["a@x.com"] == 10
    assert await engine.groups() == 1


async def test_a_key_whose_first_use_in_the_group_was_refused_is_free(make_engine) -> None:
    engine = await make_engine(10)
    found = await results(
        [
            engine.pay("a@x.com", 11, idempotency_key="k", digest="aa"),
            engine.pay("a@x.com", 10, idempotency_key="k", digest="bb"),
            engine.pay("a@x.com", 11, idempotency_key="k", digest="aa"),
        ]
    )
    assert kinds(found) == [InsufficientPayoutBalance, Allocated, IdempotencyMismatch]


async def test_one_key_at_two_processes_has_one_effect(engine, urls, keyring) -> None:
    """Two queues on two pools, as two processes have them."""
    elsewhere = Database(urls.application)
    await elsewhere.open()
    try:
        other = Batcher(elsewhere, keyring)
        keys = [f"k{n % 10}" for n in range(200)]
        found = await results(
            [
                asyncio.ensure_future(
                    queue.submit(
                        engine.business.business_id,
                        [Item(f"u{key}@x.com", 5, idempotency_key=key, digest="aa")],
                    )
                )
                for key in keys
                for queue in (engine.batcher, other)
            ]
        )
    finally:
        await elsewhere.close()
    assert kinds(found) == [Allocated] * 400
    assert sum(not outcome.replayed for outcome in found) == 10
    books = await engine.business.ledger()
    assert (books.users, books.transfers["allocation"], books.idempotency_keys) == (10, 10, 10)
    assert len({(outcome.user_id, outcome.hash) for outcome in found}) == 10


async def test_two_processes_paying_the_same_new_users_make_each_once(
    engine, urls, keyring
) -> None:
    elsewhere = Database(urls.application)
    await elsewhere.open()
    try:
        other = Batcher(elsewhere, keyring)
        found = await results(
            [
                asyncio.ensure_future(
                    queue.submit(engine.business.business_id, [Item(f"u{n % 40}@x.com", 1)])
                )
                for n in range(200)
                for queue in (engine.batcher, other)
            ]
        )
    finally:
        await elsewhere.close()
    assert kinds(found) == [Allocated] * 400
    assert (await engine.business.ledger()).users == 40


async def test_all_or_nothing_is_nothing_where_one_is_refused(make_engine) -> None:
    engine = await make_engine(100)
    before = await engine.business.ledger()
    items = [Item("a@x.com", 60), Item("b@x.com", 50)]
    with pytest.raises(Refused) as refused:
        await engine.submit(*items, atomic=True)
    assert kinds(refused.value.outcomes) == [Allocated, InsufficientPayoutBalance]
    assert await engine.business.ledger() == before
    assert (
        kinds(await engine.submit(*items[:1], Item("b@x.com", 40), atomic=True)) == [Allocated] * 2
    )


async def test_all_or_nothing_shares_its_group_with_nobody(make_engine) -> None:
    engine = await make_engine(100)
    tasks = [
        engine.pay("a@x.com", 10),
        engine.submit(Item("b@x.com", 80), Item("c@x.com", 80), atomic=True),
        engine.pay("d@x.com", 90),
    ]
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert kinds(found[0]) == kinds(found[2]) == [Allocated]
    assert isinstance(found[1], Refused)
    books = await engine.business.ledger()
    assert (books["payout"], books.users, await engine.groups()) == (0, 2, 2)


async def test_what_a_caller_records_beside_commits_with_the_money_or_not_at_all(engine) -> None:
    before = await engine.business.ledger()

    async def record(connection: Any, outcomes: Any) -> None:
        await connection.execute(
            "INSERT INTO audit_entries (business_id, actor, act) VALUES (%s, 'test', %s)",
            [engine.business.business_id, f"paid {len(outcomes)}"],
        )

    async def broken(connection: Any, outcomes: Any) -> None:
        await record(connection, outcomes)
        raise ValueError("changed its mind")

    async def recorded() -> Any:
        return await engine.business.scalar(
            "SELECT array_agg(act) FROM audit_entries WHERE business_id = %s AND actor = 'test'"
            " AND act LIKE 'paid %%'",
            engine.business.business_id,
        )

    with pytest.raises(PayvioxError) as refused:
        await engine.submit(Item("a@x.com", 1), Item("a@x.com", 1), record=broken)
    assert refused.value.body == {"error": "Internal server error"}
    assert await engine.business.ledger() == before
    assert await recorded() is None
    await engine.submit(Item("a@x.com", 1), Item("a@x.com", 1), record=record)
    assert await recorded() == ["paid 2"]


async def test_a_record_that_heeds_no_failure_commits_nothing(engine) -> None:
    """COMMIT would roll back without an error, and money be promised that nobody got."""

    async def heedless(connection: Any, _: Any) -> None:
        with contextlib.suppress(psycopg.Error):
            await connection.execute("SELECT 1 / 0")

    before = await engine.business.ledger()
    with pytest.raises(PayvioxError):
        await engine.submit(Item("a@x.com", 1), record=heedless)
    assert await engine.business.ledger() == before
    assert kinds(await engine.pay("a@x.com", 1)) == [Allocated]


async def test_a_caller_who_hangs_up_takes_nothing_from_the_others(engine) -> None:
    async with engine.locked():
        tasks = [engine.pay(f"u{n}@x.com", 1) for n in range(10)]
        await engine.waiting_for_a_lock()
        tasks[3].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[3]
    assert kinds(await results(tasks[:3] + tasks[4:])) == [Allocated] * 9
    assert (await engine.business.ledger()).users == 10, "a request sent is a request made"


async def test_draining_waits_for_everything(engine) -> None:
    async with engine.locked():
        tasks = [engine.pay(f"u{n}@x.com", 1) for n in range(30)]
        await engine.waiting_for_a_lock()
        draining = asyncio.ensure_future(engine.batcher.drain())
        await asyncio.sleep(0)
        assert not draining.done()
    await draining
    assert (await engine.business.ledger()).users == 30
    assert kinds(await results(tasks)) == [Allocated] * 30
    assert engine.batcher.queued == 0


async def test_giving_up_answers_everybody_at_once_and_undoes_what_was_begun(engine) -> None:
    before = await engine.business.ledger()
    async with engine.locked():
        in_flight = engine.pay("a@x.com", 1)
        await engine.waiting_for_a_lock()
        waiting = [engine.pay("a@x.com", 1) for _ in range(5)]
        await engine.queued(5)
        engine.batcher.give_up()
        found = await asyncio.gather(in_flight, *waiting, return_exceptions=True)
        await engine.batcher.drain()
    assert kinds(found) == [OutcomeUnknown] + [PayvioxError] * 5
    with pytest.raises(PayvioxError):
        await engine.pay("a@x.com", 1)
    assert await engine.business.ledger() == before


async def test_a_full_queue_refuses_at_once_and_holds_no_more_than_its_bound(make_engine) -> None:
    engine = await make_engine(capacity=100)
    async with engine.locked():
        first = engine.pay("a@x.com", 1)
        await engine.waiting_for_a_lock()
        waiting = [engine.pay(f"u{n}@x.com", 1) for n in range(100)]
        await engine.queued(100)
        turned_away = [engine.pay(f"v{n}@x.com", 1) for n in range(1_000)]
        with pytest.raises(Busy):
            await engine.submit(Item("w@x.com", 1), Item("w@x.com", 1))
        refusals = await asyncio.gather(*turned_away, return_exceptions=True)
        assert kinds(refusals) == [Busy] * 1_000
        assert engine.batcher.queued == 100
    assert kinds(await results([first, *waiting])) == [Allocated] * 101
    books = await engine.business.ledger()
    assert (books.users, books.transfers["allocation"]) == (101, 101)
    assert kinds(await engine.pay("a@x.com", 1)) == [Allocated]


class TestOverHttp:
    """The same refusal as a client sees it."""

    @pytest.fixture
    async def services(self, settings: Settings, urls: Urls) -> AsyncIterator[Services]:
        small = dataclasses.replace(settings, allocation_queue=20)
        async with app.open_services(small, urls.application) as opened:
            yield opened

    @pytest.fixture
    def application(self, services: Services) -> Application:
        return app.build(services)

    async def test_a_full_queue_is_429_with_retry_after_and_nothing_done(
        self, business, services
    ) -> None:
        async def work(connection: Any) -> Any:
            await connection.execute(
                "SELECT 1 FROM accounts WHERE business_id = %s AND kind = 'payout' FOR UPDATE",
                [business.business_id],
            )
            locked.set()
            await leave.wait()

        locked, leave = asyncio.Event(), asyncio.Event()
        await business.create("a@x.com", 1)
        holding = asyncio.ensure_future(business.database.write(work))
        await locked.wait()
        tasks = [asyncio.ensure_future(business.create(f"u{n}@x.com", 1)) for n in range(200)]
        await eventually(lambda: sum(task.done() for task in tasks) >= 100)
        turned_away = [task.result() for task in tasks if task.done()]
        assert {answer.status_code for answer in turned_away} == {429}
        assert {answer.headers["retry-after"] for answer in turned_away} == {"1"}
        assert list(turned_away[0].json()) == ["error"]
        assert services.batcher.queued <= 20
        leave.set()
        await holding
        answers = await asyncio.gather(*tasks)
        paid = sum(answer.status_code == 201 for answer in answers)
        assert 20 <= paid <= 100
        assert {answer.status_code for answer in answers} == {201, 429}
        assert (await business.ledger()).transfers["allocation"] == paid + 1

    async def test_all_who_call_with_a_regenerated_key_are_told_so_after_one_look_up_at_a_time(
        self, business, services, monkeypatch
    ) -> None:
        await business.create("a@x.com", 1)
        looking, most = 0, 0
        look = allocation.authenticate_business

        async def counted(*given: Any) -> Any:
            nonlocal looking, most
            looking += 1
            most = max(most, looking)
            try:
                return await look(*given)
            finally:
                looking -= 1

        monkeypatch.setattr(allocation, "authenticate_business", counted)
        monkeypatch.setattr(services.batcher, "_full", lambda *_: True)
        known = await asyncio.gather(*(business.create("a@x.com", 1) for _ in range(50)))
        await business.regenerate()
        answers = await asyncio.gather(*(business.create("a@x.com", 1) for _ in range(50)))
        assert {answer.status_code for answer in known} == {429}
        assert {answer.status_code for answer in answers} == {401}
        assert (await business.ledger()).transfers["allocation"] == 1
        assert most == 1


async def test_a_queue_filled_by_one_business_still_takes_a_share_of_the_others(
    make_engine,
) -> None:
    one = await make_engine(capacity=20)
    others = [await make_engine() for _ in range(6)]
    taken: list[int] = []
    one.batcher.on_group = taken.append
    async with contextlib.AsyncExitStack() as locks:
        tasks = []
        for number, engine in enumerate((one, *others), start=1):
            engine.batcher = one.batcher
            await locks.enter_async_context(engine.locked())
            tasks.append(engine.pay("a@x.com", 1))
            await eventually(lambda number=number: len(taken) == number)
            waiting = 20 if engine is one else 5
            tried = [engine.pay("a@x.com", 1) for _ in range(waiting + 3)]
            await eventually(lambda tried=tried: sum(task.done() for task in tried) >= 3)
            tasks += [task for task in tried if not task.done()]
            refused = [task for task in tried if task.done()]
            assert kinds([task.exception() for task in refused]) == [Busy] * len(refused)
        # Twenty of the first, five of each of four more; of the last two the first request alone.
        assert one.batcher.queued == 42
    assert kinds(await results(tasks)) == [Allocated] * 49
