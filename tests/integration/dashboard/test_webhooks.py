"""The webhook on pages: saved, tried at once, its token rotated in two steps; and who may."""

import re
from typing import Any

import httpx
import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.settings import Settings
from payviox.webhooks import settings as webhooks
from payviox.webhooks.events import TYPES
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, make_operator, signed_in
from support.receiver import receiver

pytestmark = pytest.mark.anyio


def checked(page: httpx.Response) -> list[str]:
    """The names of the checkboxes that are on."""
    return re.findall(r'type="checkbox"[^>]*name="([^"]+)"[^>]* checked', page.text)


def shown_token(page: httpx.Response) -> str:
    found = re.search(r'class="secret"[^>]*>([^<]+)<', page.text)
    assert found is not None, page.text
    return found[1]


async def save(browser: Browser, base: str, **fields: str) -> httpx.Response:
    page = await browser.get(f"{base}/webhooks")
    return await browser.post(f"{base}/webhooks", key=hidden(page, "key"), **fields)


async def is_signing(
    database: Database, business: TestBusiness, settings: Settings, token: str
) -> bool:
    keyring = Keyring(settings.secret_key)
    return await database.fetch(webhooks.is_signing, business.business_id, token, keyring)


async def test_a_webhook_is_saved_and_its_token_shown_once(
    browser: Browser, database: Database, business: TestBusiness, settings: Settings
) -> None:
    base = await signed_in(browser, database, business, "developer")
    page = await browser.get(f"{base}/webhooks")
    assert heading(page) == "Webhooks"
    assert checked(page) == ["payout.succeeded"]
    for name in ("Save", "Send test webhook", "Rotate token"):
        assert name in page.text
    assert all(f'name="{name}"' in page.text for name in TYPES)
    form = {
        "key": hidden(page, "key"),
        "url": "https://example.com/hook",
        "enabled": "yes",
        "payout.failed": "yes",
    }
    made = await browser.post(f"{base}/webhooks", **form)
    token = shown_token(made)
    assert await is_signing(database, business, settings, token)
    again = await browser.post(f"{base}/webhooks", **form)
    assert token not in again.text
    now = await browser.get(f"{base}/webhooks")
    assert checked(now) == ["enabled", "payout.failed"]
    assert "https://example.com/hook" in now.text
    assert token not in now.text
    saved = await save(browser, base, url="https://example.com/hook")
    assert saved.headers["location"].endswith("?done=saved")
    assert checked(await browser.get(f"{base}/webhooks")) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "ftp://example.com/"}, "must begin with https"),
        ({"url": "https://example.com/#there"}, "has a fragment"),
        ({"url": "", "enabled": "yes"}, "required to switch"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_stays_typed(
    browser: Browser,
    database: Database,
    business: TestBusiness,
    fields: dict[str, str],
    words: str,
) -> None:
    base = await signed_in(browser, database, business)
    answer = await save(browser, base, **fields, **{"payout.returned": "yes"})
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{fields["url"]}"' in answer.text
    assert "payout.returned" in checked(answer)
    assert await database.fetch(webhooks.get, business.business_id) == webhooks.Webhook()


async def test_a_test_webhook_is_sent_at_once_and_its_answer_shown(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    refused = await browser.post(f"{base}/webhooks/test", type="payout.failed")
    assert refused.status_code == 409
    assert "Save a URL first" in refused.text
    async with receiver() as one:
        one.answer = lambda _: 503
        one.content = b"<b>busy</b>"
        await save(browser, base, url=one.url)
        sent = await browser.post(f"{base}/webhooks/test", type="payout.failed")
        page = await browser.get(sent.headers["location"])
        assert "Answered 503" in page.text
        assert "&lt;b&gt;busy&lt;/b&gt;" in page.text
        [received] = one.received
    assert received.json["type"] == "payout.failed"
    assert received.json["test_mode"] is True
    assert "webhook-replayed" not in received.headers
    logs = await browser.get(f"{base}/webhooks/logs?state=failed")
    assert "payout.failed" in logs.text
    gone = await browser.post(f"{base}/webhooks/test")
    assert "connection refused" in (await browser.get(gone.headers["location"])).text
    due = await business.scalar(
        "SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL AND business_id = %s",
        business.business_id,
    )
    assert due == 0


async def test_a_test_webhook_obeys_the_guard_of_addresses(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    await save(browser, base, url="https://example.com/")
    await database.write(
        lambda db: db.execute(
            "UPDATE webhook_settings SET url = 'gopher://127.0.0.1/' WHERE business_id = %s",
            [business.business_id],
        )
    )
    sent = await browser.post(f"{base}/webhooks/test")
    page = await browser.get(sent.headers["location"])
    assert "No answer" in page.text
    assert "must begin with https" in page.text


async def test_a_token_is_rotated_in_two_steps(
    browser: Browser, database: Database, business: TestBusiness, settings: Settings
) -> None:
    base = await signed_in(browser, database, business, "developer")
    assert (await browser.get(f"{base}/webhooks/rotate-token")).status_code == 409
    old = shown_token(await save(browser, base, url="https://example.com/hook"))
    address = f"{base}/webhooks/rotate-token"
    form = {"key": hidden(await browser.get(address), "key")}
    made = await browser.post(address, **form)
    new = shown_token(made)
    assert "made already" in (await browser.post(address, **form)).text
    assert await is_signing(database, business, settings, old)
    assert "A new token waits since" in (await browser.get(f"{base}/webhooks")).text
    unasked = await browser.post(address, key=hidden(await browser.get(f"{base}/webhooks"), "key"))
    assert unasked.status_code == 409
    question = await browser.get(address)
    fields = {name: hidden(question, name) for name in ("key", "replace")}
    newest = shown_token(await browser.post(address, **fields))
    assert newest not in (old, new)
    confirming = f"{base}/webhooks/confirm-token"
    key = hidden(await browser.get(confirming), "key")
    confirmed = await browser.post(confirming, key=key)
    assert confirmed.headers["location"].endswith("?done=confirmed")
    assert await is_signing(database, business, settings, newest)
    late = await browser.post(confirming, key=key.replace("form:0", "form:1", 1))
    assert late.status_code == 409


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_does_as_the_table_says_whatever_the_page_shows(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    page = await browser.get(f"{base}/webhooks")
    may = "webhook.change" in RIGHTS[role]
    assert may == ("webhook.send" in RIGHTS[role]) == ("webhook.rotate_token" in RIGHTS[role])
    assert (">Save<" in page.text) == may
    saved = await save(browser, base, url="https://example.com/hook")
    assert saved.status_code == (200 if may else 403)
    if not may:
        await business.client.put("/payout/webhook", json={"url": "https://example.com/hook"})
    rotated = await browser.post(f"{base}/webhooks/rotate-token", key="form:1")
    assert rotated.status_code == (200 if may else 403)
    confirmed = await browser.post(f"{base}/webhooks/confirm-token", key="form:2")
    assert confirmed.status_code == (303 if may else 403)
    if not may:
        tested = await browser.post(f"{base}/webhooks/test")
        assert tested.status_code == 403


async def test_another_organizations_webhook_is_not_there(
    browser: Browser, database: Database, business: TestBusiness, make_business: Any
) -> None:
    await signed_in(browser, database, await make_business())
    theirs = f"{base_of(business)}/webhooks"
    for address in (theirs, f"{theirs}/rotate-token", f"{theirs}/confirm-token"):
        assert (await browser.get(address)).status_code == 404
        assert (await browser.post(address, key="form:1")).status_code == 404
    assert (await browser.post(f"{theirs}/test")).status_code == 404


async def test_the_documented_address_leads_to_the_last_used_business(
    browser: Browser, database: Database, business: TestBusiness, make_business: Any
) -> None:
    email = f"{ids.new()}@example.com"
    other = await make_business()
    await make_operator(database, email, business, "viewer")
    await make_operator(database, f"x{email}", other, "viewer")
    assert (await browser.get("/webhooks")).headers["location"].startswith("/login")
    await browser.sign_in(email)
    assert (await browser.get("/webhooks")).headers["location"] == "/dashboard"
    await browser.get(base_of(business))
    answer = await browser.get("/webhooks")
    assert answer.headers["location"] == f"{base_of(business)}/webhooks"
    assert (await browser.get("/settings")).headers["location"].endswith("/settings")


async def test_the_menu_marks_the_webhook_and_its_log_apart(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    marked = r'<a href="([^"]+)"[^>]* aria-current="page"'
    for path in ("/webhooks", "/webhooks/logs"):
        page = await browser.get(base + path)
        assert re.findall(marked, page.text) == [base + path]
