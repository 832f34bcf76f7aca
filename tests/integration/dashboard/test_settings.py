"""Switches and rules on a page, and what the audit log says of it afterwards."""

import pytest

from payviox import ids
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Database
from payviox.errors import FieldErrors
from payviox.rails.orders import Request
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.withdrawals import review
from payviox.withdrawals import service as withdrawals
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, signed_in
from support.withdrawals import PAYPAL, Desk

pytestmark = pytest.mark.anyio


async def now(database: Database, business: TestBusiness) -> Business:
    return await database.fetch(businesses.get, business.business_id)


def typed(business: Business) -> dict[str, str]:
    """The rules' form as a browser would send it unchanged."""
    return {
        "min_withdrawal": f"{business.min_withdrawal / 100:.2f}",
        "max_withdrawal": f"{business.max_withdrawal / 100:.2f}",
        "low_stock": str(business.low_stock),
        "suspense_alert_hours": str(business.suspense_alert_hours),
        "bank_cooling_hours": str(business.bank_cooling_hours),
    }


async def test_payouts_are_switched_off_and_on_and_the_log_says_who(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    assert heading(await browser.get(f"{base}/settings")) == "Settings"
    answer = await browser.post(f"{base}/settings/payouts/off")
    assert "Payouts are disabled." in (await browser.get(answer.headers["location"])).text
    assert not (await now(database, business)).payouts_enabled
    await browser.post(f"{base}/settings/payouts/on")
    assert (await now(database, business)).payouts_enabled
    log = await browser.get(f"{base}/audit?act=business.set")
    assert heading(log) == "Audit log"
    assert "payouts_enabled: <bdi>yes</bdi> → <bdi>no</bdi>" in log.text
    assert "@example.com" in log.text
    assert "from 127.0.0.1" in log.text


async def test_rules_are_typed_in_dollars_cleared_by_nothing_and_kept_where_untouched(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    form = typed(await now(database, business))
    rules = {
        "review_amount": "1,250.50",
        "review_rails": "paypal, crypto",
        "review_first_use": "yes",
    }
    answer = await browser.post(f"{base}/settings/rules", **form, **rules)
    assert answer.headers["location"].endswith("done=rules")
    after = await now(database, business)
    assert (after.review_amount, after.review_rails) == (125_050, ["paypal", "crypto"])
    assert after.review_first_use
    assert "1250.50" in (await browser.get(f"{base}/settings")).text
    await browser.post(f"{base}/settings/rules", **form)
    after = await now(database, business)
    assert (after.review_amount, after.review_rails) == (None, [])
    assert not after.review_first_use


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("review_amount", "1.250,50"),
        ("review_amount", "-5"),
        ("review_shared_users", "many"),
        ("review_rails", "pigeons"),
        ("low_stock", ""),
        ("min_withdrawal", "2000000"),
        ("hash_lifetime_days", "99999999"),
    ],
)
async def test_what_is_no_value_is_said_beside_its_field_and_changes_nothing(
    browser: Browser, database: Database, business: TestBusiness, name: str, text: str
) -> None:
    base = await signed_in(browser, database, business, "owner")
    before = await now(database, business)
    answer = await browser.post(f"{base}/settings/rules", **typed(before) | {name: text})
    assert answer.status_code == 422
    assert f'id="{name}-error"' in answer.text
    assert await now(database, business) == before


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_changes_settings_as_the_table_says(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    may = "business.set" in RIGHTS[role]
    answer = await browser.post(f"{base}/settings/withdrawals/off")
    assert answer.status_code == (303 if may else 403)
    assert (await now(database, business)).withdrawals_enabled == (not may)
    for page in ("settings", "audit"):
        assert (await browser.get(f"{base}/{page}")).status_code == 200


async def test_another_organizations_settings_and_log_are_not_there(
    browser: Browser, database: Database, business: TestBusiness, make_business: object
) -> None:
    other = await make_business()  # type: ignore[operator]  # a fixture's function
    await signed_in(browser, database, business, "owner")
    for page in ("settings", "audit"):
        assert (await browser.get(f"{base_of(other)}/{page}")).status_code == 404
    assert (await browser.post(f"{base_of(other)}/settings/payouts/off")).status_code == 404
    assert (await now(database, other)).payouts_enabled


async def test_rules_say_before_they_are_saved_what_they_would_have_caught(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    desk = Desk.of(business)
    user = await desk.user(20_000)
    large = await desk.withdraw(user, 9_000)
    small = await desk.withdraw(user, 1_000)
    before = await now(database, business)
    asked = typed(before) | {"review_amount": "90.00"}
    answer = await browser.post(f"{base}/settings/preview", **asked)
    assert answer.status_code == 200
    assert "1 of 2 orders" in answer.text
    assert "$90.00" in answer.text
    assert f"{base}/orders/ord_{large.id}" in answer.text
    assert f"{base}/orders/ord_{small.id}" not in answer.text
    assert 'value="90.00"' in answer.text
    assert await now(database, business) == before
    wrong = await browser.post(f"{base}/settings/preview", **asked | {"low_stock": ""})
    assert wrong.status_code == 422
    assert "What these would have caught" not in wrong.text


async def test_a_preview_catches_what_the_same_rules_caught_when_the_orders_were_made(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    rules = {
        "review_amount": "30.00",
        "review_first_use": "yes",
        "review_shared_users": "2",
        "review_velocity_orders": "3",
        "review_velocity_amount": "60.00",
    }
    desk = Desk.of(business)
    ada, grace = await desk.user(20_000), await desk.user(20_000, "grace@example.com")
    before = await desk.withdraw(ada, 500)
    await desk.process()
    assert (await desk.get(before)).status == "succeeded"
    await browser.post(f"{base}/settings/rules", **typed(await now(database, business)) | rules)
    made = [
        await desk.withdraw(user, amount)
        for user, amount in ((ada, 1_000), (ada, 3_000), (grace, 2_000), (ada, 2_500), (ada, 500))
    ]
    preview = await database.fetch(review.preview, await now(database, business), {})
    caught = {each.order.id: list(each.causes) for each in preview.examples}
    assert caught.pop(before.id) == ["first_use"]
    assert caught == {
        order.id: list(order.review_reasons) for order in made if order.review_reasons
    }
    assert {"first_use" in causes for causes in caught.values()} == {True, False}
    assert len({tuple(causes) for causes in caught.values()}) > 2


async def test_a_method_that_is_off_is_quoted_and_paid_by_nobody_while_open_orders_go_on(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    desk = Desk.of(business)
    user = await desk.user(20_000)
    order = await desk.withdraw(user, 1_000)
    rail = desk.rails.named(order.rail)
    asked = Request(business.business_id, "paypal", PAYPAL, amount=1_000)
    ready = await rail.validate(ids.new(), await rail.quote(asked), asked, "ada@example.com")
    form = typed(await now(database, business))
    await browser.post(f"{base}/settings/rules", **form, methods_off="paypal, gift_card")
    after = await now(database, business)
    assert after.methods_off == ["paypal", "gift_card"]
    offered = {each.provider: each.enabled for each in await desk.rails.methods(after)}
    assert offered == {"paypal": False, "crypto": True, "gift_card": False, "bank": False}
    with pytest.raises(FieldErrors) as unquoted:
        await desk.withdraw(user, 1_000)
    with pytest.raises(FieldErrors) as unpaid:
        await database.write(withdrawals.create, user, ready)
    refused = {"provider": ["The provider paypal is not available."]}
    assert (unquoted.value.fields, unpaid.value.fields) == (refused, refused)
    count = "SELECT count(*) FROM orders WHERE business_id = %s"
    assert await business.scalar(count, business.business_id) == 1
    await desk.process()
    assert (await desk.get(order)).status not in ("queued", "canceled", "rejected")
    log = await browser.get(f"{base}/audit?act=business.set")
    assert "methods_off" in log.text
    await browser.post(f"{base}/settings/rules", **form)
    assert (await desk.withdraw(user, 1_000)).status == "queued"
    wrong = await browser.post(f"{base}/settings/rules", **form, methods_off="stock")
    assert wrong.status_code == 422


async def test_codes_by_mail_are_not_asked_for_without_a_mail_server_and_home_names_what_stands(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    form = typed(await now(database, business))
    for rule in ({"code_first": "yes"}, {"code_amount": "50.00"}, {"code_new_device": "yes"}):
        answer = await browser.post(f"{base}/settings/rules", **form, **rule)
        assert answer.status_code == 422
        assert "This needs a mail server, and the installation has none." in answer.text
    after = await now(database, business)
    assert [after.code_first, after.code_amount, after.code_new_device] == [False, None, False]
    assert "Nothing needs you now." in (await browser.get(base)).text
    await business.set(code_first=True)
    home = await browser.get(base)
    assert f'<a href="{base}/settings">Clear the rules, or have whoever runs' in home.text
    kept = form | {"code_first": "yes", "low_stock": "7"}
    assert (await browser.post(f"{base}/settings/rules", **kept)).status_code == 303
    await browser.post(f"{base}/settings/rules", **form)
    assert not (await now(database, business)).code_first
