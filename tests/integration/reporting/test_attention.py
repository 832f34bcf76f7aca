"""What waits for a person: each cause with how many, since when and how much, and nothing that ends
by itself."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import get_args

import pytest
from psycopg.types.json import Jsonb

from payviox import ids
from payviox.auth.restrictions import Restrictions
from payviox.keyring import Keyring
from payviox.reporting.attention import ADVICE, Cause, Matter, matters
from payviox.treasury import restricted_keys
from support.businesses import TestBusiness
from support.databases import Urls
from support.giftcards import csv_of, import_text
from support.live import SECRET_KEY
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def of(business: TestBusiness) -> dict[str, Matter]:
    """The business's matters by cause and subject."""
    found = await business.database.fetch(matters, business.business_id)
    assert {each.business_id for each in found} <= {business.business_id}
    named = {f"{each.cause} {each.subject or ''}".strip(): each for each in found}
    assert len(named) == len(found)
    return named


async def wait_for(desk: Desk, urls: Urls, waiting: str, status: str = "queued") -> None:
    """An order of one dollar that waits for this."""
    order = await desk.withdraw(await desk.user(100), 100)
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE orders SET waiting = %s, status = %s WHERE id = %s",
            [waiting or None, status, order.id],
        )


async def test_a_business_with_nothing_to_see_to_has_no_matters(business: TestBusiness) -> None:
    desk = Desk.of(business)
    await desk.withdraw(await desk.user(5_000), 5_000)
    assert await of(business) == {}


async def test_orders_in_review_are_counted_with_their_money_and_end_with_the_decision(
    business: TestBusiness,
) -> None:
    await business.set(review_amount=1_000)
    desk = Desk.of(business)
    user_id = await desk.user(9_000)
    first, second = [await desk.withdraw(user_id, amount) for amount in (1_500, 2_000)]
    await desk.withdraw(user_id, 500)
    review = (await of(business))["review"]
    assert (review.number, review.cents, review.rail) == (2, 3_500, "sandbox")
    assert review.oldest is not None
    assert abs(review.oldest - first.created_at) < timedelta(seconds=60)
    await desk.approve(first)
    await desk.reject(second)
    assert await of(business) == {}


@pytest.mark.parametrize("cause", ["person", "float_empty"])
async def test_orders_that_wait_for_a_person_or_for_money_are_matters(
    business: TestBusiness, urls: Urls, cause: str
) -> None:
    await wait_for(Desk.of(business), urls, cause)
    found = await of(business)
    assert list(found) == [cause]
    if cause == "float_empty":
        assert found[cause].advice.next_step.startswith("No money is missing"), "at the sandbox"


async def test_what_an_operator_can_end_is_named_and_what_ends_by_itself_is_not(
    business: TestBusiness, urls: Urls
) -> None:
    desk = Desk.of(business)
    for waiting in ("credentials_refused", "rate_limited", "rail_unreachable", "unclaimed"):
        await wait_for(desk, urls, waiting)
    assert list(await of(business)) == ["waiting credentials_refused"]


async def test_an_order_with_an_unknown_outcome_is_one_matter_whatever_it_waits_for(
    business: TestBusiness, urls: Urls
) -> None:
    desk = Desk.of(business)
    await wait_for(desk, urls, "rail_unreachable", "unknown")
    await wait_for(desk, urls, "", "unknown")
    await wait_for(desk, urls, "person", "unknown")
    found = await of(business)
    assert {name: each.number for name, each in found.items()} == {"person": 1, "unknown": 2}
    assert list(found) == ["person", "unknown"]


async def test_a_product_with_too_few_cards_is_a_matter_until_there_are_more(
    business: TestBusiness,
) -> None:
    await business.set(low_stock=2)
    keyring = Keyring(SECRET_KEY)

    async def stock(code: str) -> None:
        await import_text(business.database, keyring, business.business_id, csv_of([code]))

    await stock("CARD-1")
    assert (await of(business))["low_stock"].number == 1
    await stock("CARD-2")
    assert await of(business) == {}


async def test_a_restricted_key_is_a_matter_when_it_stops_soon(business: TestBusiness) -> None:
    async def make(days: float) -> restricted_keys.NewKey:
        stops = datetime.now(UTC) + timedelta(days=days)
        wanted = Restrictions("shop", ("read",), expires_at=stops)
        return await business.database.write(
            restricted_keys.create, business.business_id, wanted, "test"
        )

    made = [await make(days) for days in (-8, -6, 6, 8)]
    assert (await of(business))["key_expiring"].number == 2
    for key in made:
        await business.database.write(
            restricted_keys.revoke, business.business_id, key.key.id, "test"
        )
    assert await of(business) == {}


async def test_a_webhook_that_was_given_up_is_a_matter_for_a_week_and_a_test_never(
    business: TestBusiness, urls: Urls
) -> None:
    desk = Desk.of(business)
    webhook = {"url": "https://example.com/", "enabled": True, "events": ["payout.created"]}
    assert (await business.client.put("/payout/webhook", json=webhook)).is_success
    assert (
        await business.client.post("/payout/webhook/test", json={"type": "payout.failed"})
    ).is_success
    await desk.withdraw(await desk.user(100), 100)
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE deliveries SET status = 'failed', due_at = NULL WHERE business_id = %s",
            [business.business_id],
        )
    assert (await of(business))["webhook_failing"].number == 1
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE deliveries SET id = %s WHERE business_id = %s AND event_id IN"
            " (SELECT id FROM events WHERE order_id IS NOT NULL)",
            [ids.first_at(datetime.now(UTC) - timedelta(days=8)), business.business_id],
        )
    assert await of(business) == {}


async def test_a_float_below_its_alert_level_is_a_matter_until_a_comparison_sees_more(
    business: TestBusiness, urls: Urls
) -> None:
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO rail_accounts (business_id, rail, environment, settings, credentials,"
            " key_id) VALUES (%s, 'paypal', 'sandbox', '{}', '', 'k')",
            [business.business_id],
        )
    await compared(urls, business, low=["USD"])
    matter = (await of(business))["float_low"]
    assert (matter.number, matter.rail, matter.page) == (1, "paypal", "/rails")
    await compared(urls, business, low=[])
    assert await of(business) == {}


async def compared(urls: Urls, business: TestBusiness, low: list[str]) -> None:
    """A comparison with PayPal that saw these assets below their alert level."""
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO reconciliations (business_id, id, rail, since, report, started_at)"
            " VALUES (%s, %s, 'paypal', now(), %s, now())",
            [business.business_id, ids.new(), Jsonb({"low": low})],
        )


async def test_rules_that_ask_for_mailed_codes_are_a_matter_where_no_mail_is_sent(
    business: TestBusiness,
) -> None:
    await business.set(code_first=True, code_amount=5_000)
    assert await of(business) == {}
    at = partial(matters, business_id=business.business_id, sends_mails=False)
    [matter] = await business.database.fetch(at)
    assert (matter.cause, matter.number, matter.page) == ("codes_without_mail", 2, "/settings")
    await business.set(code_first=False, code_amount=None)
    assert await business.database.fetch(at) == []


def test_every_cause_says_what_it_means_and_what_to_do() -> None:
    assert set(ADVICE) == set(get_args(Cause))
