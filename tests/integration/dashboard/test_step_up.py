"""What needs fresh proof is not done without it, and nothing that was asked for is lost."""

import html
import re
from pathlib import Path
from typing import get_args
from uuid import uuid4

import httpx
import pytest

from payviox import actors
from payviox.acts import Act, InstallationAct
from payviox.audit import service as audit
from payviox.auth import attempts, keys, step_up
from payviox.dashboard import app as dashboard
from payviox.db.pool import Database
from payviox.rights import proof
from payviox.rights.proof import FRESH_PROOF, LARGE, ProofNeeded
from payviox.treasury import service as treasury
from payviox.web.forms import new_key
from payviox.webhooks import settings as webhooks
from support.businesses import TestBusiness
from support.dashboard import (
    PASSWORD,
    Browser,
    base_of,
    heading,
    hidden,
    make_operator,
    make_stale,
    signed_in,
)
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


def fields_of(answer: httpx.Response) -> dict[str, str]:
    """Every hidden field of the page's last form."""
    form = answer.text[answer.text.rindex("<form") :]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return {html.unescape(name): html.unescape(text) for name, text in found}


async def hints(database: Database, business: TestBusiness) -> list[str]:
    listed = await database.fetch(keys.list_of, business.business_id)
    return sorted(key.hint for key in listed)


async def test_a_stale_session_regenerates_no_key_until_it_is_proved_and_then_one(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    address = f"{await signed_in(browser, database, business)}/developer/keys/secret/regenerate"
    key = hidden(await browser.get(address), "key")
    before = await hints(database, business)
    await make_stale(browser, database)
    asked = await browser.post(address, key=key)
    assert (asked.status_code, heading(asked)) == (403, "Confirm that it is you")
    assert await hints(database, business) == before
    token = browser.client.cookies["session"]
    wrong = await browser.post("/account/prove", **fields_of(asked), password="a guess of theirs")
    assert wrong.status_code == 422
    assert "a guess of theirs" not in wrong.text
    go_on = await browser.post("/account/prove", **fields_of(wrong), password=PASSWORD)
    assert (go_on.status_code, heading(go_on)) == (200, "Confirmed")
    assert PASSWORD not in go_on.text
    assert await hints(database, business) == before, "nothing is done before Continue"
    assert f'action="{address}"' in go_on.text
    assert browser.client.cookies["session"] != token
    made = await browser.post(address, **fields_of(go_on))
    assert heading(made) == "New API key"
    assert await hints(database, business) != before
    browser.client.cookies.set("session", token)
    assert (await browser.get("/account")).status_code == 303, "the old token opens nothing"


async def test_the_page_that_asks_whether_to_regenerate_is_led_back_to(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    address = f"{await signed_in(browser, database, business)}/developer/keys/secret/regenerate"
    await make_stale(browser, database)
    asked = await browser.get(address)
    assert asked.status_code == 303
    page = await browser.get(asked.headers["location"])
    onward = hidden(page, "next")
    answer = await browser.post("/account/prove", next=onward, password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert heading(await browser.get(address)) == "Regenerate API key"


async def test_a_large_approval_needs_fresh_proof_and_a_small_one_does_not(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "approver")
    await business.set(review_amount=1)
    await treasury_of(database, business)
    desk = Desk.of(business)
    user = await desk.user(3 * LARGE)
    small, large = [await desk.withdraw(user, amount) for amount in (LARGE - 1, LARGE)]
    await make_stale(browser, database)
    for order, status in ((small, 303), (large, 403)):
        page = f"{base}/orders/ord_{order.id}"
        seen = hidden(await browser.get(page), "seen")
        answer = await browser.post(f"{page}/approve", seen=seen)
        assert answer.status_code == status
    assert await business.scalar("SELECT status FROM orders WHERE id = %s", large.id) == "review"


async def treasury_of(database: Database, business: TestBusiness) -> None:
    """Money enough for large orders."""
    await database.write(treasury.deposit, business.business_id, 10 * LARGE, "r", "test")
    await database.write(treasury.fund, business.business_id, 10 * LARGE, "test")


async def test_every_act_of_the_table_asks_in_a_stale_session_and_no_other_does() -> None:
    somebody = actors.operator(uuid4())
    for act in (*get_args(Act), *get_args(InstallationAct)):
        with proof.proved(is_fresh=True):
            proof.require(somebody, act)
        with proof.proved(is_fresh=False):
            proof.require(actors.key("abcd"), act)
            if act in FRESH_PROOF:
                with pytest.raises(ProofNeeded):
                    proof.require(somebody, act, FRESH_PROOF[act])
            else:
                proof.require(somebody, act)


async def test_what_is_recorded_in_a_stale_session_is_rolled_back(
    database: Database, business: TestBusiness
) -> None:
    operator = await make_operator(database, f"{uuid4().hex}@example.com", business, "owner")
    before = await hints(database, business)
    with proof.proved(is_fresh=False), pytest.raises(ProofNeeded):
        await database.write(
            treasury.regenerate_key, business.business_id, "secret", actors.operator(operator)
        )
    assert await hints(database, business) == before
    entries = await database.fetch(
        lambda db: audit.list_page(db, business.business_id, act="key.regenerate", limit=10)
    )
    assert actors.operator(operator) not in [entry.actor for entry in entries]


def test_no_page_writes_around_the_session_but_where_there_is_none_yet() -> None:
    folder = dashboard.TEMPLATES
    writing = {
        str(path.relative_to(folder))
        for path in Path(folder).rglob("*.py")
        if ".write(" in path.read_text("utf-8").replace("database.write(done", "")
    }
    before = {
        "account/proof.py",
        "account/stop_mails.py",  # what mail programs may ask for, by a token
        "forgotten/ask.py",
        "forgotten/reset.py",
        "invitation/accept.py",
        "sign_in/openid.py",
        "sign_in/passkey.py",
    }
    assert writing == before


async def test_guesses_at_a_proof_end_for_that_session_alone(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    await signed_in(browser, database, business)
    for _ in range(attempts.CODES):
        answer = await browser.post("/account/prove", password="a guess")
        assert answer.status_code == 422
        assert step_up.WRONG in answer.text
    assert (await browser.post("/account/prove", password=PASSWORD)).status_code == 429


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example/account", "/login", "/accountx"]
)
async def test_proving_leads_to_no_page_of_others_and_keeps_no_form_for_one(
    browser: Browser, database: Database, business: TestBusiness, address: str
) -> None:
    await signed_in(browser, database, business)
    answer = await browser.post("/account/prove", password=PASSWORD, next=address, waits=address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")


async def test_a_proof_from_elsewhere_is_none(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    await signed_in(browser, database, business)
    data = {"password": PASSWORD, "next": base_of(business)}
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await browser.client.post("/account/prove", data=data, headers=headers)
        assert answer.status_code == 403


async def test_nobody_who_is_not_signed_in_is_asked_to_prove_anything(browser: Browser) -> None:
    for answer in (
        await browser.get("/account/prove?next=/account"),
        await browser.post("/account/prove", password=PASSWORD),
        await browser.get("/account"),
    ):
        assert answer.headers["location"].startswith("/login")


async def test_a_large_allocation_to_one_person_needs_fresh_proof_and_a_small_one_does_not(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    await treasury_of(database, business)
    base = await signed_in(browser, database, business, "finance")
    await make_stale(browser, database)
    for amount, is_paid in (("999.99", True), ("1000.00", False)):
        asked = await browser.get(f"{base}/allocate/confirm?email=ada@x.com&amount={amount}")
        cents = str(round(float(amount) * 100))
        answer = await browser.post(
            f"{base}/allocate", key=hidden(asked, "key"), email="ada@x.com", cents=cents
        )
        assert (heading(answer) == "Allocated") is is_paid, heading(answer)
    assert (await business.ledger())["ada@x.com"] == 99_999


async def test_rules_and_the_webhooks_url_ask_for_fresh_proof_and_stopping_does_not(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    hook = {"url": "https://example.com/hook", "enabled": "yes"}
    await browser.post(f"{base}/webhooks", key=new_key(), **hook)
    await make_stale(browser, database)
    stopped = hook | {"enabled": ""}
    other = hook | {"url": "https://evil.example/hook"}
    rules = {
        "min_withdrawal": "1",
        "max_withdrawal": "2",
        "low_stock": "5",
        "suspense_alert_hours": "24",
        "bank_cooling_hours": "24",
    }
    for address, form, status in (
        ("/settings/payouts/off", {}, 303),
        ("/settings/withdrawals/off", {}, 303),
        ("/settings/payouts/on", {}, 403),
        ("/settings/rules", rules, 403),
        ("/webhooks", stopped, 303),
        ("/webhooks", other, 403),
    ):
        fields = form | ({"key": new_key()} if address == "/webhooks" else {})
        answer = await browser.post(base + address, **fields)
        assert answer.status_code == status, (address, form)
    seen = await database.fetch(webhooks.get, business.business_id)
    assert (seen.url, seen.enabled) == (hook["url"], False)
    assert not await business.scalar(
        "SELECT payouts_enabled FROM businesses WHERE id = %s", business.business_id
    )
