"""Money that leaves the main balance the way it came: once for each reference, with a reason."""

import asyncio
from typing import Any

import psycopg
import pytest

from conftest import MakeBusiness
from payviox.errors import Conflict, InsufficientBalance
from payviox.ledger.model import MAIN, WORLD, Posting
from payviox.treasury import service as treasury
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio


async def withdraw(business: TestBusiness, amount: int, reference: str = "typo 1") -> Any:
    async def work(connection: Any) -> treasury.Booked:
        return await treasury.withdraw_funds(
            connection, business.business_id, amount, reference, reason="typo", actor="test"
        )

    return await business.database.write(work, keyed=True)


async def test_a_mistyped_deposit_is_taken_back_and_says_why(make_business: MakeBusiness) -> None:
    business = await make_business(main=10_000)
    assert not (await withdraw(business, 9_000)).already_booked
    books = await business.ledger()
    assert (books["main"], books["world"]) == (1_000, -1_000)
    kept = await business.scalar(
        "SELECT json_build_array(actor, reason, reference) FROM transfers"
        " WHERE business_id = %s AND kind = 'funds_withdrawal'",
        business.business_id,
    )
    assert kept == ["test", "typo", "typo 1"]
    audited = await business.scalar(
        "SELECT detail FROM audit_entries"
        " WHERE business_id = %s AND act = 'balance.withdraw_funds'",
        business.business_id,
    )
    assert audited == {"amount": 9_000, "reference": "typo 1", "reason": "typo"}


async def test_the_same_reference_takes_nothing_twice(make_business: MakeBusiness) -> None:
    business = await make_business(main=10_000)
    at_once = await asyncio.gather(*(withdraw(business, 400, "Café") for _ in range(5)))
    assert sorted(one.already_booked for one in at_once) == [False, True, True, True, True]
    assert (await withdraw(business, 400, "Cafe\u0301")).already_booked
    with pytest.raises(Conflict, match="used before for a withdrawal of funds of 400 cents"):
        await withdraw(business, 401, "Café")
    assert (await business.ledger())["main"] == 9_600
    entries = await business.scalar(
        "SELECT count(*) FROM audit_entries"
        " WHERE business_id = %s AND act = 'balance.withdraw_funds'",
        business.business_id,
    )
    assert entries == 1


async def test_a_deposit_and_its_correction_may_have_one_reference(
    make_business: MakeBusiness,
) -> None:
    business = await make_business()

    async def deposit(amount: int, reference: str) -> Any:
        return await business.database.write(
            treasury.deposit, business.business_id, amount, reference, "test"
        )

    await deposit(5_000, "bank 7")
    assert not (await withdraw(business, 5_000, "bank 7")).already_booked
    assert (await deposit(5_000, "bank 7")).already_booked
    assert (await business.ledger())["main"] == 0


async def test_no_more_leaves_than_the_main_balance_holds(make_business: MakeBusiness) -> None:
    business = await make_business(main=500, funds=10_000)
    before = await business.ledger()
    with pytest.raises(InsufficientBalance):
        await withdraw(business, 501)
    assert await business.ledger() == before
    assert not (await withdraw(business, 500)).already_booked, "the refused one left no reference"


async def test_the_database_refuses_a_reference_twice(make_business: MakeBusiness) -> None:
    business = await make_business(main=500)
    await withdraw(business, 100)
    posting = Posting("funds_withdrawal", 100, MAIN, WORLD, reference="typo 1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await business.database.write(treasury.ledger.post, business.business_id, [posting])
    assert (await business.ledger())["main"] == 400
