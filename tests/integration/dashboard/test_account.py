"""Your account: sessions and browsers listed and ended, another password, nobody else's."""

import re
from uuid import uuid4

import pytest

from payviox.auth import sessions
from payviox.db.pool import Database
from payviox.web.asgi import Application
from support.dashboard import PASSWORD, Browser, heading, make_operator, make_stale

pytestmark = pytest.mark.anyio

NEW = "several unrelated words here"


@pytest.fixture
async def email(browser: Browser, database: Database) -> str:
    """Whoever is signed in."""
    address = f"{uuid4().hex}@example.com"
    await make_operator(database, address)
    await browser.sign_in(address)
    return address


@pytest.fixture
async def other(application: Application) -> Browser:
    return Browser.of(application)


def ended(text: str) -> str:
    """The address of the one session that can be ended."""
    (address,) = re.findall(r'action="(/account/sessions/ses_[^"]+/end)"', text)
    return str(address)


async def test_a_session_is_listed_and_ended_from_another(
    browser: Browser, other: Browser, email: str
) -> None:
    other.client.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
    await other.sign_in(email)
    page = await browser.get("/account")
    assert heading(page) == "Your account"
    assert "Firefox on Linux" in page.text
    assert "this one" in page.text
    answer = await browser.post(ended(page.text))
    assert answer.headers["location"] == "/account?done=session"
    assert (await other.get("/account")).headers["location"].startswith("/login")
    assert (await browser.get("/account")).status_code == 200


async def test_signing_out_everywhere_else_leaves_this_one(
    browser: Browser, other: Browser, email: str
) -> None:
    await other.sign_in(email)
    await browser.post("/account/sessions/end-others")
    assert (await other.get("/account")).status_code == 303
    assert (await browser.get("/account")).status_code == 200


async def test_nobody_ends_somebody_elses_session_or_forgets_their_browser(
    browser: Browser, other: Browser, email: str, database: Database
) -> None:
    stranger = f"{uuid4().hex}@example.com"
    await make_operator(database, stranger)
    await other.sign_in(stranger)
    third = Browser(other.client)
    page = await third.get("/account")
    device = re.findall(r'action="(/account/devices/[^"]+)"', page.text)[0]
    assert (await browser.post(device)).status_code == 404
    session = re.sub("devices", "sessions", device).replace("dev_", "ses_")
    assert (await browser.post(session.replace("/forget", "/end"))).status_code == 404
    assert (await other.get("/account")).status_code == 200


async def test_a_browser_that_is_forgotten_is_a_strangers_again(
    browser: Browser, email: str, database: Database
) -> None:
    device = browser.client.cookies["device"]
    page = await browser.get("/account")
    (address,) = re.findall(r'action="(/account/devices/[^"]+)"', page.text)
    await browser.post(address)
    await browser.post("/logout")
    await browser.sign_in(email)
    assert browser.client.cookies["device"] != device


async def test_browsers_that_were_not_seen_for_half_a_year_are_forgotten(
    browser: Browser, email: str, database: Database
) -> None:
    digest = sessions.digest_of(browser.client.cookies["device"])
    await database.write(
        lambda db: db.execute(
            "UPDATE known_devices SET seen_at = now() - interval '181 days' WHERE digest = %s",
            [digest],
        )
    )
    assert "Known browsers" not in (await browser.get("/account")).text
    await database.write(sessions.delete_ended)
    cursor = await database.fetch(
        lambda db: db.execute("SELECT FROM known_devices WHERE digest = %s", [digest])
    )
    assert cursor.rowcount == 0


async def test_another_password_signs_out_everywhere_else_and_works(
    browser: Browser, other: Browser, email: str
) -> None:
    await other.sign_in(email)
    answer = await browser.post("/account/password", password=NEW, again=NEW)
    assert answer.headers["location"] == "/account?done=password"
    assert (await other.get("/account")).status_code == 303
    assert (await browser.get("/account")).status_code == 200
    assert (await other.sign_in(email, PASSWORD)).status_code == 422
    assert (await other.sign_in(email, NEW)).status_code == 303


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("too short", "at least 12"),
        ("passwordpassword", "easy to guess"),
        ("qwertyuiop123", "easy to guess"),
        ("my Payviox account", "the name Payviox"),
        ("x" * 1001, "greater than 1000"),
    ],
)
async def test_a_password_that_others_guess_is_refused_beside_the_field(
    browser: Browser, email: str, password: str, problem: str
) -> None:
    answer = await browser.post("/account/password", password=password, again=password)
    assert answer.status_code == 422
    assert problem in answer.text
    assert password not in answer.text
    name = email.partition("@")[0]
    named = await browser.post("/account/password", password=f"so {name}!", again=f"so {name}!")
    assert "your email address" in named.text


async def test_two_passwords_that_differ_change_nothing(browser: Browser, email: str) -> None:
    answer = await browser.post("/account/password", password=NEW, again=f"{NEW}!")
    assert answer.status_code == 422
    assert "not the same" in answer.text


async def test_another_password_needs_fresh_proof(
    browser: Browser, email: str, database: Database
) -> None:
    await make_stale(browser, database)
    for answer in (
        await browser.get("/account/password"),
        await browser.post("/account/password", password=NEW, again=NEW),
    ):
        assert answer.headers["location"] == "/account/prove?next=%2Faccount%2Fpassword"
    assert (await browser.get("/account")).status_code == 200


async def test_passkeys_are_not_offered_where_browsers_have_none(
    browser: Browser, email: str
) -> None:
    assert "cannot have passkeys" in (await browser.get("/account")).text
    assert (await browser.post("/login/passkey/options")).status_code == 404
    assert (await browser.post("/account/passkeys", name="x", answer="{}")).status_code == 404


async def test_without_a_provider_there_is_no_way_to_one(browser: Browser) -> None:
    assert "/login/openid" not in (await browser.get("/login")).text
    assert (await browser.get("/login/openid")).status_code == 404
    assert (await browser.get("/login/openid/back?code=x&state=y")).status_code == 404
