"""A group that the database refuses is split until the guilty request stands alone; trouble that is
the server's and no request's is not."""

import asyncio
from typing import Any

import psycopg
import pytest

from payviox import ids
from payviox.allocations.model import Allocated, Item
from payviox.errors import PayvioxError

pytestmark = pytest.mark.anyio

POISON = "\0"
"""A reference that PostgreSQL cannot store: its JSON is fine, its text is not."""


async def settled(tasks: list[Any]) -> list[Any]:
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    return [a if isinstance(a, BaseException) else a[0] for a in answers]


@pytest.mark.parametrize("guilty", [{0}, {13}, {29}, {3, 4}, {0, 7, 8, 20, 29}, set(range(30))])
async def test_the_guilty_are_refused_and_all_others_paid(engine, guilty: set[int]) -> None:
    tasks = [
        engine.pay(f"u{n}@x.com", 1, reference=POISON if n in guilty else f"r{n}")
        for n in range(30)
    ]
    found = await settled(tasks)
    for number, outcome in enumerate(found):
        expected = PayvioxError if number in guilty else Allocated
        assert type(outcome) is expected, number
    books = await engine.business.ledger()
    assert (books.users, books["payout"]) == (30 - len(guilty), 1_000_000 - 30 + len(guilty))


async def test_a_refused_request_answers_as_our_fault_and_tells_nothing(engine) -> None:
    [error] = await settled([engine.pay("a@x.com", 1, reference=POISON)])
    assert (error.status, error.body) == (500, {"error": "Internal server error"})


async def test_a_guilty_request_leaves_its_key_unused(engine) -> None:
    keyed = {"idempotency_key": "k", "digest": "aa"}
    [error] = await settled([engine.pay("a@x.com", 1, reference=POISON, **keyed)])
    assert isinstance(error, PayvioxError)
    [outcome] = await engine.pay("a@x.com", 1, **keyed)
    assert not outcome.replayed


async def test_a_user_whose_hash_cannot_be_made_harms_nobody_else(engine, urls) -> None:
    """Their key was rotated away and is not configured: theirs is refused, the others' paid."""
    await engine.pay("old@x.com", 1)
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE payout_users SET hash_key_id = 'gone' WHERE business_id = %s",
            [engine.business.business_id],
        )
    found = await settled([engine.pay(e, 1) for e in ("a@x.com", "old@x.com", "b@x.com")])
    assert [type(outcome) for outcome in found] == [Allocated, PayvioxError, Allocated]
    assert str(found[1]) == PayvioxError.message, "what the operator must do is the log's alone"
    assert (await engine.business.ledger())["old@x.com"] == 1


async def test_an_unknown_business_is_our_fault_for_all_of_the_group(engine) -> None:
    nobody = ids.new()
    answers = await asyncio.gather(
        *(engine.batcher.submit(nobody, [Item("a@x.com", 1)]) for _ in range(3)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [PayvioxError] * 3
    assert type((await engine.pay("a@x.com", 1))[0]) is Allocated


async def test_a_statement_that_the_server_cancels_fails_its_group_without_effect(
    engine, urls
) -> None:
    before = await engine.business.ledger()
    async with engine.locked():
        tasks = [engine.pay(f"u{n}@x.com", 1) for n in range(20)]
        [pid] = await engine.waiting_for_a_lock()
        with urls.as_admin() as admin:
            admin.execute("SELECT pg_cancel_backend(%s::integer)", [pid])
        found = await settled(
            tasks
        )  # answered while the lock is held: nothing is tried twenty times
    assert [type(outcome) for outcome in found] == [PayvioxError] * 20
    assert await engine.business.ledger() == before
    assert type((await engine.pay("a@x.com", 1))[0]) is Allocated


async def test_a_constraint_stands_behind_the_engine(engine, urls) -> None:
    """Were the decision wrong, PostgreSQL would refuse it: balances that lie are never stored."""
    with urls.as_admin() as admin, pytest.raises(psycopg.errors.CheckViolation):
        admin.execute(
            "UPDATE accounts SET balance = -1 WHERE business_id = %s AND kind = 'payout'",
            [engine.business.business_id],
        )
