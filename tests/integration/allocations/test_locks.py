"""Everything that moves money takes its locks in one order; a deadlock made by somebody else is
retried and never shown as a lack of money."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from payviox.allocations import service as allocations
from payviox.allocations.model import Allocated
from payviox.ledger import service as ledger
from payviox.ledger.model import Posting, user
from payviox.treasury import service as treasury

pytestmark = pytest.mark.anyio


async def user_id(engine: Any, email: str) -> UUID:
    found: UUID = await engine.business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s AND email = %s",
        engine.business.business_id,
        email,
    )
    return found


async def test_transfers_both_ways_between_two_accounts_at_once_all_succeed(engine) -> None:
    await asyncio.gather(engine.pay("a@x.com", 1_000), engine.pay("b@x.com", 1_000))
    one, other = user(await user_id(engine, "a@x.com")), user(await user_id(engine, "b@x.com"))
    deadlocks = await engine.business.scalar(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )

    async def move(number: int) -> None:
        source, target = (one, other) if number % 2 else (other, one)
        posting = Posting("adjustment", 1 + number % 7, source, target)
        await engine.database.write(ledger.post, engine.business.business_id, [posting])

    await asyncio.gather(*(move(number) for number in range(140)))
    books = await engine.business.ledger()
    assert books["a@x.com"] + books["b@x.com"] == 2_000
    assert books.transfers["adjustment"] == 140
    assert deadlocks == await engine.business.scalar(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )


async def test_allocations_race_everything_else_and_end_in_some_serial_outcome(engine) -> None:
    """Allocations, revocations, funding, defunding and moves between users, all at once."""
    business = engine.business
    emails = [f"u{n}@x.com" for n in range(6)]
    for email in emails:
        await engine.pay(email, 500)
    ids = [await user_id(engine, email) for email in emails]

    async def write(work: Any) -> None:
        await engine.database.write(work)

    def revoke(number: int) -> Any:
        return lambda c: allocations.revoke(
            c, business.business_id, ids[number % 6], 1 + number % 5, "test"
        )

    def swap(number: int) -> Any:
        postings = [
            Posting("adjustment", 3, user(ids[number % 6]), user(ids[(number + 1) % 6])),
            Posting("adjustment", 2, user(ids[(number + 1) % 6]), user(ids[(number + 3) % 6])),
        ]
        return lambda c: ledger.post(c, business.business_id, postings)

    def defund(number: int) -> Any:
        return lambda c: treasury.defund(c, business.business_id, 1 + number, "test")

    work: list[Any] = []
    for number in range(40):
        work += [engine.pay(emails[n % 6], 1) for n in range(number, number + 5)]
        work += [write(revoke(number)), write(swap(number)), write(defund(number))]
    await asyncio.gather(*work)
    books = await business.ledger()
    users = sum(books[email] for email in emails)
    assert users + books["payout"] + books["main"] == 1_000_000
    assert books["main"] == sum(range(1, 41))
    assert books.transfers["allocation"] == 6 + 200


async def test_a_deadlock_is_retried_and_never_shown(engine, urls) -> None:
    """Somebody at a psql prompt locks a user first and the payout account second."""
    await engine.pay("a@x.com", 1)
    victim = await user_id(engine, "a@x.com")
    lock = "SELECT 1 FROM accounts WHERE business_id = %s AND id = %s FOR UPDATE"
    payout = await engine.business.scalar(
        "SELECT id FROM accounts WHERE business_id = %s AND kind = 'payout'",
        engine.business.business_id,
    )
    with urls.as_admin() as admin:
        admin.execute("SET deadlock_timeout = '60s'")  # so that the engine's session is the victim
        with admin.transaction():
            admin.execute(lock, [engine.business.business_id, victim])
            tasks = [engine.pay(email, 1) for email in ("a@x.com", "b@x.com")]
            await engine.waiting_for_a_lock()
            await asyncio.to_thread(admin.execute, lock, [engine.business.business_id, payout])
    found = [outcome for answer in await asyncio.gather(*tasks) for outcome in answer]
    assert [type(outcome) for outcome in found] == [Allocated, Allocated]
    assert (await engine.business.ledger())["a@x.com"] == 2
