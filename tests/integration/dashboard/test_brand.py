"""*Brand and mails*: what a business's mails look like, on a page and in the audit log."""

import html
import re

import httpx
import pytest

from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Database
from payviox.mails.model import TO_PAYOUT_USERS
from payviox.rights.roles import RIGHTS, ROLES, Role
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, make_stale, signed_in

pytestmark = pytest.mark.anyio

TYPED = {
    "brand_name": "Acme Rewards",
    "brand_color": "#7a1f5c",
    "support_email": "help@acme.test",
    "notify": "yes",
}


def mail_frames(page: httpx.Response) -> list[str]:
    """The addresses of the mails' frames."""
    found = re.findall(r'<iframe class="mail-frame" src="([^"]+)"', page.text)
    return [html.unescape(address) for address in found]


async def now(database: Database, business: TestBusiness) -> Business:
    return await database.fetch(businesses.get, business.business_id)


async def test_a_brand_is_saved_shown_in_each_mail_and_written_down(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    assert f"{base}/settings/brand" in (await browser.get(f"{base}/settings")).text
    page = await browser.get(f"{base}/settings/brand")
    assert heading(page) == "Brand and mails"
    assert "no mail server yet" in page.text
    answer = await browser.post(f"{base}/settings/brand", **TYPED)
    assert answer.status_code == 303
    page = await browser.get(answer.headers["location"])
    assert "The brand is saved." in page.text
    assert "Acme Rewards sent you $25.00" in page.text
    after = await now(database, business)
    assert (after.notify, after.brand_name) == (True, "Acme Rewards")
    assert (after.brand_color, after.support_email) == ("#7a1f5c", "help@acme.test")
    log = await browser.get(f"{base}/audit?act=business.set")
    assert "support_email" in log.text
    await browser.post(f"{base}/settings/brand")
    after = await now(database, business)
    assert (after.notify, after.brand_name, after.support_email) == (False, None, None)


async def test_what_does_not_fit_is_said_at_its_field_and_nothing_is_lost(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    before = await now(database, business)
    typed = {**TYPED, "brand_color": "#ffcc00", "support_email": "<script>"}
    answer = await browser.post(f"{base}/settings/brand", **typed)
    assert answer.status_code == 422
    assert 'id="brand_color-error"' in answer.text
    assert 'id="support_email-error"' in answer.text
    assert "Acme Rewards" in answer.text
    assert "<script>" not in answer.text
    assert await now(database, business) == before


async def test_another_address_for_answers_needs_fresh_proof(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    await make_stale(browser, database)
    await browser.post(f"{base}/settings/brand", **TYPED)
    assert (await now(database, business)).support_email is None


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_changes_the_brand_as_the_table_says(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    may = "business.set" in RIGHTS[role]
    answer = await browser.post(f"{base}/settings/brand", **TYPED)
    assert answer.status_code == (303 if may else 403)
    assert (await now(database, business)).notify == may
    assert (await browser.get(f"{base}/settings/brand")).status_code == 200


async def test_another_organizations_brand_is_not_there(
    browser: Browser, database: Database, business: TestBusiness, make_business: object
) -> None:
    other = await make_business()  # type: ignore[operator]  # a fixture's function
    await signed_in(browser, database, business, "owner")
    assert (await browser.get(f"{base_of(other)}/settings/brand")).status_code == 404
    assert (await browser.post(f"{base_of(other)}/settings/brand", **TYPED)).status_code == 404
    assert not (await now(database, other)).notify


async def test_each_mail_is_shown_in_a_frame_that_runs_nothing(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    await browser.post(f"{base}/settings/brand", **TYPED)
    page = await browser.get(f"{base}/settings/brand")
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    frames = re.findall(
        r'<iframe class="mail-frame" src="([^"]+)"[^>]* sandbox="([^"]*)"', page.text
    )
    assert len(frames) == len(TO_PAYOUT_USERS)
    for address, sandbox in frames:
        assert "allow-scripts" not in sandbox
        framed = await browser.get(address)
        assert "Acme Rewards" in framed.text
        policy = framed.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy
        assert "script-src" not in policy
        assert "unsafe-inline" not in policy
    assert (await browser.get(f"{base}/settings/brand/mails/invitation")).status_code == 404


async def test_mails_are_shown_in_the_language_that_is_chosen_with_its_amounts_and_sentences(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    page = await browser.get(f"{base}/settings/brand?shown=es")
    assert '<option value="es" lang="es" selected>Español</option>' in page.text
    assert "te envió" in page.text
    frames = mail_frames(page)
    assert len(frames) == len(TO_PAYOUT_USERS)
    for address in frames:
        mail = (await browser.get(address)).text
        assert '<html lang="es" dir="ltr">' in mail
        assert not re.search(r"\b(the|your|with|sent|arrives?)\b", mail.partition("<body")[2]), mail
    await business.set(language="ar")
    page = await browser.get(f"{base}/settings/brand")
    assert all("shown=ar" in address for address in mail_frames(page))
    assert 'dir="rtl"' in (await browser.get(mail_frames(page)[0])).text
    part = await browser.client.get(
        f"{base}/settings/brand?shown=es",
        headers={"HX-Request": "true", "HX-Target": "div#brand-previews"},
    )
    assert mail_frames(part) == frames
    assert "<h1" not in part.text


async def test_the_redemption_page_is_shown_with_the_brand_and_sample_money_and_nothing_acts(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    await business.set(brand_name="Acme & Sons", methods_off=["crypto"])
    page = await browser.get(f"{base}/settings/brand?shown=ar")
    frames = re.findall(
        r'<iframe class="page-frame" src="([^"]+)"[^>]* sandbox="([^"]*)"', page.text
    )
    assert [sandbox for _, sandbox in frames] == ["allow-same-origin"] * 2
    entrance, balance = [await browser.get(address) for address, _ in frames]
    for sample in (entrance, balance):
        assert sample.status_code == 200
        assert '<html lang="ar" dir="rtl"' in sample.text
        assert "Acme &amp; Sons" in sample.text
        assert "<script" not in sample.text
        assert '<base target="_blank">' in sample.text
        policy = sample.headers["content-security-policy"]
        for rule in ("default-src 'none'", "form-action 'none'", "frame-ancestors 'self'"):
            assert rule in policy
        assert policy.endswith("sandbox allow-same-origin")
        assert "script-src" not in policy
        assert not sample.cookies
    assert heading(entrance) == "Acme & Sons"
    assert '<div class="stack" hidden>' in entrance.text, "as scripts leave it"
    assert "25.00" in balance.text
    assert "/redeem/withdraw/paypal" in balance.text
    assert "/redeem/withdraw/crypto" not in balance.text
    assert (await browser.get(f"{base}/settings/brand/pages/history")).status_code == 404
