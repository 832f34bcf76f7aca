"""Rails on pages: connected after their vendor was asked, limited, priced, paused, forgotten; and
credentials are never shown."""

from typing import Any

import pytest

from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.errors import NotFound
from payviox.rail_accounts import service
from payviox.rail_accounts.model import RailAccount
from payviox.rights.roles import RIGHTS, ROLES, Role
from support.businesses import TestBusiness
from support.dashboard import (
    Browser,
    base_of,
    heading,
    hidden,
    make_operator,
    make_stale,
    signed_in,
)
from support.paypal import SECRET, Office, office, running

__all__ = ["office", "running"]

pytestmark = pytest.mark.anyio

RULES = {
    "min_amount": "1",
    "max_amount": "2,000.50",
    "low_float": "",
    "fee_payer": "recipient",
    "fee_percentage": "2",
    "fee_fixed": "0",
    "fee_cap": "",
    "webhook_id": "WH-1",
}


@pytest.fixture
async def base(office: Office, browser: Browser, database: Database) -> str:
    return await signed_in(browser, database, office.business)


async def account(office: Office) -> RailAccount:
    return await office.business.database.fetch(service.get, office.business.business_id, "paypal")


async def test_every_rail_is_listed_with_its_state_limits_fees_and_callbacks(
    office: Office, browser: Browser, base: str
) -> None:
    page = await browser.get(f"{base}/rails")
    assert heading(page) == "Rails"
    assert page.text.count("not connected") == 3
    assert "not asked yet" in page.text
    assert "none received yet" in page.text
    assert "/rails/paypal/biz_" in page.text
    await browser.post(f"{base}/rails/paypal/rules", **RULES)
    again = await browser.get(f"{base}/rails")
    text = again.text.replace('<bdi class="amount">', "").replace("</bdi>", "")
    assert "$25.00 → fee $0.50, receives $24.50" in text
    assert "$2,000.50" in text


async def test_limits_and_fees_are_typed_in_dollars_and_what_is_wrong_stays_typed(
    office: Office, browser: Browser, base: str
) -> None:
    address = f"{base}/rails/paypal"
    saved = await browser.post(f"{address}/rules", **RULES)
    assert saved.headers["location"].endswith("?done=changed")
    now = await account(office)
    assert (now.min_amount, now.max_amount, now.low_float) == (100, 200_050, None)
    assert (now.fee_payer, now.fee_percentage_bp, now.fee_fixed) == ("recipient", 200, 0)
    assert now.settings["webhook_id"] == "WH-1"
    for name, text in {
        "max_amount": "1.234,50",
        "fee_percentage": "150",
        "min_amount": "5000",
        "fee_cap": "-1",
    }.items():
        answer = await browser.post(f"{address}/rules", **(RULES | {name: text}))
        assert answer.status_code == 422, name
        assert f'value="{text}"' in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert await account(office) == now
    entries = await office.business.database.fetch(
        lambda db: audit.list_page(db, office.business.business_id, act="rail.change", limit=5)
    )
    assert len(entries) == 1
    assert entries[0].before is not None
    assert entries[0].before["max_amount"] is None


async def test_credentials_are_replaced_only_where_the_vendor_takes_them_and_never_shown(
    office: Office, browser: Browser, base: str
) -> None:
    address = f"{base}/rails/paypal/connect"
    before = await account(office)
    form = {"client_id": office.client_id, "webhook_id": "WH-2"}
    refused = await browser.post(address, **form, client_secret="a wrong secret")
    assert refused.status_code == 409
    assert "Nothing was saved" in refused.text
    assert "a wrong secret" not in refused.text
    assert f'value="{office.client_id}"' in refused.text
    assert await account(office) == before
    missing = await browser.post(address, webhook_id="", client_id="", client_secret="x")
    assert missing.status_code == 422
    made = await browser.post(address, **form, client_secret=SECRET)
    assert heading(made) == "PayPal Payouts is connected"
    assert "/rails/paypal/biz_" in made.text
    assert (await account(office)).settings["webhook_id"] == "WH-2"
    pages = [await browser.get(f"{base}/rails/{path}") for path in ("paypal", "paypal/connect")]
    assert not [page for page in (made, *pages) if SECRET in page.text]


async def test_a_check_says_what_the_vendor_says_and_what_it_holds(
    office: Office, browser: Browser, base: str
) -> None:
    answer = await browser.post(f"{base}/rails/paypal/check")
    assert heading(answer) == "Check of PayPal Payouts"
    assert "Findings" in answer.text
    assert "USD" in answer.text
    assert SECRET not in answer.text


async def test_a_rail_is_paused_enabled_and_disconnected_after_a_question(
    office: Office, browser: Browser, base: str
) -> None:
    address = f"{base}/rails/paypal"
    for way, enabled in (("pause", False), ("enable", True)):
        assert "PayPal Payouts" in heading(await browser.get(f"{address}/{way}"))
        await browser.post(f"{address}/{way}")
        assert (await account(office)).enabled == enabled
    question = await browser.get(f"{address}/disconnect")
    payee = await office.payee("pending")
    order = await office.withdraw(payee)
    key = hidden(question, "key")
    refused = await browser.post(f"{address}/disconnect", key=key)
    assert refused.status_code == 409
    assert "Orders are under way" in refused.text
    assert (await payee.cancel(order)).is_success
    gone = await browser.post(f"{address}/disconnect", key=key)
    assert gone.headers["location"].endswith("/rails?done=disconnected")
    with pytest.raises(NotFound):
        await account(office)
    assert (await browser.get(address)).status_code == 404
    assert (await browser.get(f"{address}/explode")).status_code == 404


async def test_a_wallet_is_connected_by_the_installations_admins_alone(
    office: Office, browser: Browser, base: str, database: Database
) -> None:
    address = f"{base}/rails/evm/connect"
    page = await browser.get(address)
    assert "payviox rail connect evm" in page.text
    assert 'name="keystore"' not in page.text
    form = {"keystore": "/etc/passwd", "passphrase": "x", "chains": "base=http://127.0.0.1:1"}
    assert (await browser.post(address, **form)).status_code == 403
    await make_operator(database, "root@example.com", is_admin=True)
    await browser.sign_in("root@example.com")
    assert 'name="keystore"' in (await browser.get(address)).text
    for wrong in (form, form | {"signer": "https://signer.example.com"}, {"signer": "https://x.y"}):
        answer = await browser.post(address, **wrong)
        assert answer.status_code == 422, answer.text
        assert 'class="error"' in answer.text


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_does_as_the_table_says_whatever_the_page_shows(
    office: Office, browser: Browser, database: Database, role: Role
) -> None:
    base = await signed_in(browser, database, office.business, role)
    may = "rail.connect" in RIGHTS[role]
    page = await browser.get(f"{base}/rails/paypal")
    assert page.status_code == 200
    assert ("Disconnect" in page.text) == (">Save<" in page.text) == may
    done = {
        "rules": (RULES, 303),
        "check": ({}, 200),
        "pause": ({}, 303),
        "enable": ({}, 303),
        "connect": ({"client_id": office.client_id, "client_secret": SECRET}, 200),
        "disconnect": ({"key": "form:1"}, 303),
    }
    for way, (fields, status) in done.items():
        answer = await browser.post(f"{base}/rails/paypal/{way}", **fields)
        assert answer.status_code == (status if may else 403), way


async def test_another_organizations_rails_and_unknown_ones_are_not_there(
    office: Office, browser: Browser, database: Database, business: TestBusiness
) -> None:
    own = await signed_in(browser, database, business)
    theirs = f"{base_of(office.business)}/rails"
    ways: tuple[Any, ...] = ("", "/paypal", "/paypal/connect", "/paypal/pause")
    for address in (
        *(theirs + way for way in ways),
        f"{own}/rails/paypal",
        f"{own}/rails/x/connect",
    ):
        assert (await browser.get(address)).status_code == 404, address
    for way in ("rules", "check", "pause", "disconnect", "connect"):
        assert (await browser.post(f"{theirs}/paypal/{way}", key="form:1")).status_code == 404


async def test_credentials_are_taken_only_from_somebody_who_proved_again_who_they_are(
    office: Office, browser: Browser, base: str, database: Database
) -> None:
    address = f"{base}/rails/paypal/connect"
    await make_stale(browser, database)
    before = await account(office)
    fields = {"client_id": office.client_id, "webhook_id": "WH-9", "client_secret": SECRET}
    for answer in (await browser.get(address), await browser.post(address, **fields)):
        assert answer.status_code == 303
        assert SECRET not in answer.text
    assert await account(office) == before
