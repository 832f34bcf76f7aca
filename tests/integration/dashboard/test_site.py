"""*Where it lives*: which sites may show the redemption page, on a page and in the audit log."""

import pytest

from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.sites import origins
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, make_stale, signed_in

pytestmark = pytest.mark.anyio


async def test_sites_are_typed_one_a_line_and_written_down(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    assert f"{base}/settings/site" in (await browser.get(f"{base}/settings")).text
    page = await browser.get(f"{base}/settings/site")
    assert heading(page) == "Where it lives"
    assert "/embed.js" in page.text
    typed = "https://shop.example.com/\r\nhttp://localhost:3000\r\n"
    answer = await browser.post(f"{base}/settings/site/origins", origins=typed)
    page = await browser.get(answer.headers["location"])
    assert "The sites are saved." in page.text
    assert "https://shop.example.com\nhttp://localhost:3000</textarea>" in page.text
    log = await browser.get(f"{base}/audit?act=site.set_origins")
    assert "https://shop.example.com" in log.text
    await browser.post(f"{base}/settings/site/origins", origins="")
    assert await database.fetch(origins.get, business.business_id) == []


async def test_what_is_no_site_is_said_at_the_field_and_stays(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    typed = "https://shop.example.com\nhttp://shop.example.com\n<script>"
    answer = await browser.post(f"{base}/settings/site/origins", origins=typed)
    assert answer.status_code == 422
    assert "begins with https" in answer.text
    assert "<script>\n" not in answer.text
    assert "https://shop.example.com\nhttp://shop.example.com" in answer.text
    assert await database.fetch(origins.get, business.business_id) == []


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_changes_them_as_the_table_says(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    may = "site.set_origins" in RIGHTS[role]
    page = await browser.get(f"{base}/settings/site")
    assert ("Save</button>" in page.text) == may
    answer = await browser.post(f"{base}/settings/site/origins", origins="https://a.example")
    assert answer.status_code == (303 if may else 403)
    assert await database.fetch(origins.get, business.business_id) == (
        ["https://a.example"] if may else []
    )


async def test_they_ask_for_fresh_proof_and_are_another_organizations_of_nobody(
    browser: Browser, database: Database, business: TestBusiness, make_business: object
) -> None:
    other = await make_business()  # type: ignore[operator]  # a fixture
    base = await signed_in(browser, database, business, "owner")
    theirs = f"{base_of(other)}/settings/site"
    assert (await browser.get(theirs)).status_code == 404
    assert (await browser.post(f"{theirs}/origins", origins="https://a.example")).status_code == 404
    await make_stale(browser, database)
    await browser.post(f"{base}/settings/site/origins", origins="https://a.example")
    for each in (business, other):
        assert await database.fetch(origins.get, each.business_id) == []
