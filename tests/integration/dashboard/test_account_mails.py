"""What an operator is told by mail is their own choice, on a page of their account."""

import html
import re
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest

from payviox.db.pool import Database
from payviox.operator_mails import choices
from payviox.operator_mails.model import Choices
from payviox.reporting.attention import BY_MAIL
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.dashboard import Browser, heading, make_operator
from support.databases import Urls

pytestmark = pytest.mark.anyio

PAGE = "/account/mails"


@pytest.fixture
async def operator_id(browser: Browser, database: Database, business: TestBusiness) -> UUID:
    """Whoever is signed in, a viewer of the business."""
    email = f"{uuid4().hex}@example.com"
    made = await make_operator(database, email, business, "viewer")
    await browser.sign_in(email)
    return made


@pytest.fixture
async def stranger(application: Application) -> AsyncIterator[Browser]:
    opened = Browser.of(application)
    async with opened.client:
        yield opened


def ticked(page: httpx.Response) -> set[str]:
    """The names, or the values of what has one of several, of all that is checked."""
    boxes = re.findall(r'<input type="(\w+)" name="(\w+)" value="(\w+)"[^>]* checked', page.text)
    return {value if kind == "radio" else name for kind, name, value in boxes}


async def test_nothing_is_ticked_before_somebody_chooses(
    browser: Browser, operator_id: UUID, business: TestBusiness
) -> None:
    assert "You are told nothing before you choose" in (await browser.get("/account")).text
    page = await browser.get(PAGE)
    assert heading(page) == "Mails about what needs you"
    assert ticked(page) == {"at_once"}
    assert ticked(await browser.get(f"{PAGE}?test=1")) == {"at_once", "with_test"}
    assert page.text.count('type="checkbox"') == len(BY_MAIL) + 1
    assert f"You are told of {business.name}." in page.text
    assert "has no mail server yet" in page.text


async def test_what_is_ticked_is_kept_in_the_browsers_zone_and_nothing_ticked_is_off(
    browser: Browser, operator_id: UUID, database: Database
) -> None:
    browser.client.cookies.set("zone", "Europe%2FBerlin")
    answer = await browser.post(PAGE, review="yes", low_stock="yes", how="daily", nonsense="yes")
    page = await browser.get(answer.headers["location"])
    assert "Your choice is saved." in page.text
    assert "with_test" not in ticked(await browser.get(f"{PAGE}?test=1"))
    assert ticked(page) == {"review", "low_stock", "daily"}
    assert await database.fetch(choices.find, operator_id) == Choices(
        frozenset({"review", "low_stock"}), is_daily=True, with_test=False, zone="Europe/Berlin"
    )
    assert "once a day at 8:00 (Europe/Berlin)" in (await browser.get("/account")).text
    await browser.post(PAGE, review="yes", how="at_once", with_test="yes")
    assert ticked(await browser.get(PAGE)) == {"review", "at_once", "with_test"}
    await browser.post(PAGE, how="at_once")
    assert await database.fetch(choices.find, operator_id) is None


async def test_nobody_chooses_who_is_not_signed_in_and_nobody_for_others(
    browser: Browser, operator_id: UUID, stranger: Browser, database: Database
) -> None:
    for answer in (await stranger.get(PAGE), await stranger.post(PAGE, review="yes")):
        assert answer.headers["location"].startswith("/login")
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email)
    await stranger.sign_in(email)
    assert "You belong to no organization yet" in (await stranger.get(PAGE)).text
    await stranger.post(PAGE, review="yes")
    assert await database.fetch(choices.find, operator_id) is None


async def test_an_admin_is_told_that_it_is_of_every_business(
    browser: Browser, database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email, is_admin=True)
    await browser.sign_in(email)
    assert "you are told of every business" in (await browser.get(PAGE)).text


async def test_an_address_that_was_never_shown_to_be_theirs_is_told_nothing_and_why(
    browser: Browser, operator_id: UUID, urls: Urls
) -> None:
    assert "Nobody has shown yet" not in (await browser.get(PAGE)).text
    with urls.as_admin() as admin:
        admin.execute("UPDATE operators SET email_verified = false WHERE id = %s", [operator_id])
    assert "Nobody has shown yet" in html.unescape((await browser.get(PAGE)).text)
