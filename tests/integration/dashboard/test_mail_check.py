"""*Check mails*: a test to whoever asks, with what was said and the sender's records."""

from dataclasses import replace

import pytest

from payviox.db.pool import Database
from payviox.mails import checking
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.web.context import Services
from support.businesses import TestBusiness
from support.dashboard import Browser, heading, signed_in
from support.mail_server import mail_server

pytestmark = pytest.mark.anyio


async def test_without_a_mail_server_it_says_so(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    assert f"{base}/settings/mail-check" in (await browser.get(f"{base}/settings")).text
    page = await browser.get(f"{base}/settings/mail-check")
    assert heading(page) == "Check mails"
    assert "has no mail server yet" in page.text
    assert (await browser.post(f"{base}/settings/mail-check")).status_code == 409


async def test_a_test_mail_goes_to_whoever_asks(
    browser: Browser,
    database: Database,
    business: TestBusiness,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checking, "DNS_S", 0.2)
    base = await signed_in(browser, database, business)
    with mail_server() as post_office:
        before = services.settings
        changed = replace(
            before,
            smtp_url=f"smtp://127.0.0.1:{post_office.port}?tls=no",
            mail_from="Acme <payouts@nowhere.invalid>",
        )
        object.__setattr__(services, "settings", changed)
        try:
            wrong = await browser.post(f"{base}/settings/mail-check", selector="a b")
            page = await browser.post(f"{base}/settings/mail-check", selector="s1")
        finally:
            object.__setattr__(services, "settings", before)
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    assert page.status_code == 200
    assert [str(mail["Subject"]) for mail in post_office.mails] == ["A test mail from Payviox"]
    [recipient] = post_office.recipients
    assert f"It took a mail to {recipient}." in page.text
    assert "C: DATA, the mail, and a dot" in page.text
    for subject in ("SPF", "DKIM", "DMARC"):
        assert f">{subject}<" in page.text


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_checks_mails_as_the_table_says(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    may = "business.set" in RIGHTS[role]
    answer = await browser.post(f"{base}/settings/mail-check")
    assert answer.status_code == (409 if may else 403)
