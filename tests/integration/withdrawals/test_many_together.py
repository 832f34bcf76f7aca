"""Many orders made in one transaction: as if one after another, or none at all."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import pytest

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import InsufficientBalance
from payviox.ledger import service as ledger
from payviox.ledger.model import in_transit
from payviox.withdrawals import service
from payviox.withdrawals.codes import CodeNeeded
from payviox.withdrawals.creation import Wanted
from payviox.withdrawals.model import Order
from support import lock_waits
from support.businesses import TestBusiness
from support.polling import eventually
from support.withdrawals import PAYPAL, Desk

pytestmark = pytest.mark.anyio


async def make(desk: Desk, *parts: tuple[UUID, int]) -> list[Order]:
    """A payout user and an amount each."""
    ready = await desk.ready([(amount, PAYPAL) for _, amount in parts], "paypal", "a@example.com")
    wanted = [Wanted(user, each) for (user, _), each in zip(parts, ready, strict=True)]
    return await desk.database.write(service.create_all, desk.business.business_id, wanted)


async def test_orders_of_several_people_are_made_in_their_order(business: TestBusiness) -> None:
    desk = Desk.of(business)
    ada, bob = await desk.user(1_000), await desk.user(500, "bob@example.com")
    orders = await make(desk, (ada, 100), (bob, 500), (ada, 900))
    assert [(each.payout_user_id, each.email, each.amount) for each in orders] == [
        (ada, "ada@example.com", 100),
        (bob, "bob@example.com", 500),
        (ada, "ada@example.com", 900),
    ]
    assert orders == [await desk.get(order) for order in orders]
    books = await business.ledger()
    assert (books["in_transit:sandbox"], books.orders) == (1_500, 3)
    for order in orders:
        assert await desk.states(order) == ["created", "queued"]
        assert await desk.events(order) == ["payout.created"]
    assert await desk.process() == 3
    assert [(await desk.get(order)).status for order in orders] == ["succeeded"] * 3


async def test_more_than_a_balance_together_makes_none_of_them(business: TestBusiness) -> None:
    desk = Desk.of(business)
    ada, bob = await desk.user(1_000), await desk.user(1_000, "bob@example.com")
    before = await business.ledger()
    with pytest.raises(InsufficientBalance):
        await make(desk, (bob, 1_000), (ada, 600), (ada, 401))
    assert await business.ledger() == before


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"review_amount": 300}, [[], ["amount"], []]),
        ({"review_velocity_orders": 2}, [[], ["velocity_orders"], ["velocity_orders"]]),
        ({"review_velocity_amount": 401}, [[], [], ["velocity_amount"]]),
    ],
)
async def test_rules_see_those_before(
    business: TestBusiness, rules: Mapping[str, object], expected: list[list[str]]
) -> None:
    await business.set(**rules)
    desk = Desk.of(business)
    ada = await desk.user(1_000)
    orders = await make(desk, (ada, 100), (ada, 300), (ada, 1))
    assert [each.review_reasons for each in orders] == expected


async def test_another_at_the_same_destination_is_seen(business: TestBusiness) -> None:
    await business.set(review_shared_users=2)
    desk = Desk.of(business)
    ada, bob = await desk.user(1_000), await desk.user(1_000, "bob@example.com")
    orders = await make(desk, (ada, 100), (bob, 100))
    assert [each.review_reasons for each in orders] == [[], ["shared_destination"]]


async def test_a_code_is_asked_for_from_an_amount_in_parts(business: TestBusiness) -> None:
    await business.set(code_amount=500)
    desk = Desk.of(business)
    ada = await desk.user(1_000)
    await make(desk, (ada, 100), (ada, 100))
    with pytest.raises(CodeNeeded):
        await make(desk, (ada, 100), (ada, 200))
    assert (await business.ledger())["ada@example.com"] == 800


async def test_several_who_make_some_at_once_end_whole(business: TestBusiness) -> None:
    desk = Desk.of(business)
    users = [await desk.user(1_000, f"user{number}@example.com") for number in range(6)]

    async def some(turn: int) -> list[Order]:
        turned = [*users[turn % 6 :], *users[: turn % 6]]
        return await make(desk, *((user, 100) for user in turned))

    made = await asyncio.gather(*(some(turn) for turn in range(12)), return_exceptions=True)
    refused = [each for each in made if isinstance(each, BaseException)]
    assert [type(error) for error in refused] == [InsufficientBalance] * 2
    books = await business.ledger()
    assert (books["in_transit:sandbox"], books.orders) == (6_000, 60)


async def test_of_two_rails_neither_is_held_while_the_other_is_waited_for(
    business: TestBusiness,
) -> None:
    await business.set(review_velocity_orders=100)
    desk, business_id = Desk.of(business), business.business_id
    ada = await desk.user(1_000)
    [ready] = await desk.ready([(100, PAYPAL)], "paypal", "ada@example.com")
    first, last = in_transit("sandbox"), in_transit("vendor")
    opened = await desk.write(lambda db: ledger.lock(db, business_id, [first, last]))
    if opened[first].id > opened[last].id:
        first, last = last, first
    wanted = [
        Wanted(ada, replace(ready, order_id=ids.new(), rail=name.rail)) for name in (last, first)
    ]

    async def others(db: Connection) -> asyncio.Task[list[Order]]:
        await ledger.lock(db, business_id, [first])
        making = asyncio.create_task(desk.database.write(service.create_all, business_id, wanted))
        await eventually(lambda: desk.database.fetch(lock_waits.waiting))
        await db.execute("SET LOCAL lock_timeout = '100ms'")
        await ledger.lock(db, business_id, [last])
        return making

    making = await desk.write(others)
    assert [order.rail for order in await making] == [last.rail, first.rail]
