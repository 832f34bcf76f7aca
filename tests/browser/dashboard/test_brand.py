"""*Brand and mails* in a real browser: a logo is uploaded, and page and mails are previewed."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from payviox.db.pool import Database
from payviox.recipient_mails import logo
from support.businesses import TestBusiness, open_business
from support.dashboard import PASSWORD, base_of, make_operator
from support.live import LiveServer
from support.logos import drawing, file_of
from support.looks import check, require_whole

EMAIL = "brand@example.com"


@pytest.fixture(scope="module")
def business(site: LiveServer, prepare: Callable[..., Any]) -> TestBusiness:
    async def make(database: Database) -> TestBusiness:
        await make_operator(database, EMAIL, is_admin=True)
        return await open_business(database, funds=1_000, main=100)

    made: TestBusiness = prepare(make)
    return made


@pytest.fixture(scope="module")
def with_logo(prepare: Callable[..., Any]) -> TestBusiness:
    async def make(database: Database) -> TestBusiness:
        made = await open_business(database, funds=10_000)
        drawn = await logo.drawn(file_of(drawing()))
        await database.write(logo.save, made.business_id, drawn, "test")
        return made

    made: TestBusiness = prepare(make)
    return made


def test_a_logo_is_uploaded_and_page_and_mails_are_shown_as_people_will_see_them(
    site: LiveServer,
    business: TestBusiness,
    with_logo: TestBusiness,
    open_page: Callable[..., Page],
    console: list[str],
) -> None:
    page = open_page()
    page.goto(f"{site.url}{base_of(business)}/settings/brand")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    picture = {"name": "logo.png", "mimeType": "image/png", "buffer": file_of(drawing())}
    page.get_by_label("Picture").set_input_files([picture])
    page.get_by_role("button", name="Upload logo").click()
    expect(page.get_by_role("status").first).to_contain_text("The logo is saved.")
    seen = page.get_by_role("img", name=business.name)
    assert seen.evaluate("each => each.decode().then(() => each.naturalWidth)") > 100
    page.get_by_label("Language", exact=True).select_option("ar")
    sample = page.frame_locator("[title='The balance']")
    expect(sample.get_by_role("heading", level=1)).to_have_text("رصيدك")
    assert sample.get_by_role("img", name=business.name).evaluate("each => each.naturalWidth") > 100
    font = "document.fonts.ready.then(() => document.fonts.check('16px Inter'))"
    assert sample.locator("body").evaluate(f"() => {font}")
    assert console == []
    before = page.frames[1].url
    sample.get_by_role("link", name="PayPal").click()
    sample.get_by_role("combobox").select_option("es")
    expect(sample.get_by_role("heading", level=1)).to_have_text("رصيدك")
    assert page.frames[1].url == before
    assert len(page.context.pages) == 1
    assert [text for text in console if "Blocked opening" in text]
    console.clear()  # what was refused in the frame
    page.get_by_text("لك").first.scroll_into_view_if_needed()
    check(page)


def test_people_see_it_above_the_senders_name_and_then_in_its_place(
    site: LiveServer, with_logo: TestBusiness, open_page: Callable[..., Page]
) -> None:
    created = httpx.post(
        f"{site.url}/payout/create",
        json={"email": "ada@example.com", "amount": 2_500},
        headers={"Authorization": f"Bearer {with_logo.secret_key}"},
    )
    page = open_page(width=320, scheme="dark")
    page.goto(f"{site.url}/redeem#{created.json()['hash']}")
    expect(page.get_by_role("heading", level=1)).to_have_text(with_logo.name)
    seen = page.locator("[data-logo] img")
    assert seen.evaluate("each => each.decode().then(() => each.naturalWidth)") > 100
    require_whole(page)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("link", name=with_logo.name)).to_be_visible()
    expect(page.get_by_role("img", name=with_logo.name)).to_be_visible()
    require_whole(page)
