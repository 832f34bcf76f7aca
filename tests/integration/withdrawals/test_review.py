"""The review rules, and what a review binds."""

import asyncio
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from payviox import ids
from payviox.businesses import service as businesses
from payviox.db.pool import Database
from payviox.errors import Conflict, FieldErrors
from payviox.rails.orders import Request
from payviox.withdrawals import service
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.databases import Urls
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

ADDRESS = {
    "currency": "USDT",
    "chain": "ERC20",
    "to_address": "0xdAC17F958D2ee523a2206206994597C13D831ec7",
}


async def reasons(desk: Desk, user: Any, amount: int, *given: Any) -> list[str]:
    order = await desk.withdraw(user, amount, *given)
    assert order.status == ("review" if order.review_reasons else "queued")
    return order.review_reasons


async def test_a_test_business_reviews_nothing(business: TestBusiness) -> None:
    desk = Desk.of(business)
    user = await desk.user(100_000)
    assert await reasons(desk, user, 100_000) == []


async def test_a_live_business_reviews_from_50_000_cents(make_business: Any) -> None:
    live = await make_business(funds=1_000_000, mode="live")
    desk = Desk.of(live, Vendor().rails)
    user = await desk.user(200_000)
    assert await reasons(desk, user, 49_999) == []
    assert await reasons(desk, user, 50_000) == ["amount"]


async def test_a_live_business_begins_with_a_bound_on_orders_a_day(database: Database) -> None:
    live, test = await database.write(businesses.create, "Acme")
    assert (live.review_velocity_orders, test.review_velocity_orders) == (20, None)


@pytest.mark.parametrize("named", ["paypal", "sandbox"])
async def test_a_rail_may_always_be_reviewed(business: TestBusiness, named: str) -> None:
    await business.set(review_rails=[named])
    desk = Desk.of(business)
    user = await desk.user(1_000)
    assert await reasons(desk, user, 100) == ["rail"]
    expected = [] if named == "paypal" else ["rail"]
    assert await reasons(desk, user, 100, ADDRESS, "crypto") == expected


async def test_where_new_bank_accounts_are_reviewed_nothing_else_is(business: TestBusiness) -> None:
    await business.set(review_new_bank_account=True)
    desk = Desk.of(business)
    user = await desk.user(1_000)
    assert await reasons(desk, user, 100) == []
    assert await reasons(desk, user, 100, ADDRESS, "crypto") == []


async def test_first_use_of_a_destination_ends_with_a_success(business: TestBusiness) -> None:
    await business.set(review_first_use=True)
    desk = Desk.of(business)
    user = await desk.user(10_000)
    first = await desk.withdraw(user, 100)
    assert first.review_reasons == ["first_use"]
    assert await reasons(desk, user, 100) == ["first_use"], "it has not succeeded yet"
    await desk.approve(first)
    await desk.process()
    assert await reasons(desk, user, 100) == []
    other = await desk.user(1_000, "bob@example.com")
    assert await reasons(desk, other, 100) == ["first_use"], "another payout user's first"
    card = {"product": "sandbox_card_5"}
    assert await reasons(desk, user, 500, card, "gift_card") == []


async def test_a_destination_shared_by_many_users_is_seen(business: TestBusiness) -> None:
    await business.set(review_shared_users=2)
    desk = Desk.of(business)
    seen = []
    for number in range(4):
        user = await desk.user(1_000, f"user{number}@example.com")
        seen.append(await reasons(desk, user, 100))
        assert await reasons(desk, user, 100) == seen[-1], "the same user counts once"
    assert seen == [[], *[["shared_destination"]] * 3]


async def test_orders_to_one_payee_at_once_are_counted_one_after_another(
    business: TestBusiness,
) -> None:
    await business.set(review_shared_users=2)
    desk = Desk.of(business)
    users = [await desk.user(1_000, f"mule{number}@example.com") for number in range(8)]
    orders = await asyncio.gather(*(desk.withdraw(user, 100) for user in users))
    assert sum(order.status == "queued" for order in orders) == 1


async def test_one_payee_is_seen_through_chains_currencies_and_plus_tags(
    business: TestBusiness,
) -> None:
    await business.set(review_shared_users=2)
    desk = Desk.of(business)
    one, other = await desk.user(1_000), await desk.user(1_000, "bob@example.com")
    assert await reasons(desk, one, 100, ADDRESS, "crypto") == []
    elsewhere = ADDRESS | {"currency": "USDC", "chain": "POLYGON"}
    assert await reasons(desk, other, 100, elsewhere, "crypto") == ["shared_destination"]
    assert await reasons(desk, one, 100, {"email": "mule@gmail.com"}) == []
    tagged = {"email": "m.ule+2@googlemail.com"}
    assert await reasons(desk, other, 100, tagged) == ["shared_destination"]


async def test_rules_and_limits_are_those_of_the_moment_the_order_is_made(
    business: TestBusiness,
) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)
    before = await desk.database.fetch(businesses.get, business.business_id)
    request = Request(business.business_id, "paypal", {"email": "a@example.com"}, amount=500)
    rail = await desk.rails.serving(before, "paypal", request.destination)

    async def create() -> Order:
        ready = await rail.validate(ids.new(), await rail.quote(request), request, "a@example.com")
        return await desk.database.write(service.create, user, ready)

    await business.set(review_amount=1)
    assert (await create()).status == "review"
    await business.set(max_withdrawal=499)
    with pytest.raises(FieldErrors):
        await create()
    assert (await business.ledger())["ada@example.com"] == 500


async def test_a_burst_of_small_withdrawals_is_seen(business: TestBusiness) -> None:
    await business.set(review_velocity_orders=3)
    desk = Desk.of(business)
    user = await desk.user(1_000)
    canceled = await desk.withdraw(user, 10)
    await desk.cancel(canceled)
    seen = [await reasons(desk, user, 10) for _ in range(4)]
    assert seen == [[], [], ["velocity_orders"], ["velocity_orders"]]
    other = await desk.user(1_000, "bob@example.com")
    assert await reasons(desk, other, 10) == []


async def test_many_cents_in_a_day_are_seen(business: TestBusiness) -> None:
    await business.set(review_velocity_amount=1_000)
    desk = Desk.of(business)
    user = await desk.user(10_000)
    assert await reasons(desk, user, 999) == []
    assert await reasons(desk, user, 1) == ["velocity_amount"]


async def test_orders_at_once_are_counted_one_after_another(business: TestBusiness) -> None:
    await business.set(review_velocity_orders=4)
    desk = Desk.of(business)
    user = await desk.user(1_000)
    orders = await asyncio.gather(*(desk.withdraw(user, 10) for _ in range(10)))
    assert sum(order.status == "queued" for order in orders) == 3


async def test_an_approved_order_is_sent(business: TestBusiness) -> None:
    await business.set(review_amount=1)
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    assert await desk.process() == 0
    await desk.approve(order)
    assert await desk.process() == 1
    assert (await desk.get(order)).status == "succeeded"
    assert await desk.states(order) == ["created", "review", "queued", "sending", "succeeded"]


async def test_a_rejected_order_gives_the_money_back_and_tells_why(
    business: TestBusiness,
) -> None:
    await business.set(review_amount=1)
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.reject(order, "please confirm")
    assert (await desk.get(order)).note == "please confirm"
    assert await desk.events(order) == ["payout.created", "payout.rejected"]
    body = await business.scalar(
        "SELECT body FROM events WHERE business_id = %s AND type = 'payout.rejected'",
        business.business_id,
    )
    assert '"reason":"please confirm"' in body
    assert (await business.ledger())["ada@example.com"] == 1_000
    with pytest.raises(Conflict):
        await desk.approve(order)


def change(urls: Urls, order: Order, column: str, value: object) -> None:
    """By somebody at the database itself: the application's role may not."""
    with urls.as_admin() as admin:
        admin.execute(
            f"UPDATE orders SET {column} = %s WHERE business_id = %s AND id = %s",
            [value, order.business_id, order.id],
        )


@pytest.mark.parametrize("review", [True, False])
async def test_a_destination_changed_after_its_review_is_reviewed_again(
    business: TestBusiness, urls: Urls, review: bool
) -> None:
    if review:
        await business.set(review_amount=1)
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    if review:
        await desk.approve(order)
    change(urls, order, "destination", Jsonb({"email": "mallory@example.com"}))
    assert await desk.process() == 0
    after = await desk.get(order)
    assert after.status == "review"
    assert "changed" in after.review_reasons
    assert await desk.attempts(order) == []
    assert await business.scalar(
        "SELECT count(*) FROM audit_entries WHERE business_id = %s"
        " AND act = 'order.changed_after_review'",
        business.business_id,
    )
    await desk.reject(order)
    assert (await business.ledger())["ada@example.com"] == 1_000
