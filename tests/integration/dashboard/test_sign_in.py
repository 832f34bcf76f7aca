"""Signing in: who is let in, what is said to others, how long it holds."""

import asyncio
from uuid import uuid4

import pytest

from payviox.auth import attempts, operators, sessions, sign_in
from payviox.db.pool import Database
from payviox.web.asgi import Application
from support.dashboard import PASSWORD, SITE, Browser, heading, hidden, make_operator
from support.machine import stretch

pytestmark = pytest.mark.anyio


@pytest.fixture
async def email(database: Database) -> str:
    """An admin's address."""
    address = f"{uuid4().hex}@example.com"
    await make_operator(database, address, is_admin=True)
    return address


async def test_a_page_leads_to_the_form_and_the_form_back_to_the_page(
    browser: Browser, email: str
) -> None:
    answer = await browser.get("/dashboard?all")
    assert answer.status_code == 303
    form = await browser.get(answer.headers["location"])
    assert heading(form) == "Sign in"
    signed_in = await browser.sign_in(email, next=hidden(form, "next"))
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/dashboard?all")
    assert heading(await browser.get("/dashboard?all")) == "Businesses"


async def test_no_cookie_is_set_before_somebody_signs_in(browser: Browser) -> None:
    await browser.get("/login")
    await browser.get("/dashboard")
    assert dict(browser.client.cookies) == {}


async def test_the_session_is_no_scripts_and_no_other_sites(browser: Browser, email: str) -> None:
    answer = await browser.sign_in(email)
    for cookie in answer.headers.get_list("set-cookie"):
        parts = {part.strip().lower() for part in cookie.split(";")}
        assert {"httponly", "samesite=lax", "path=/"} <= parts


async def test_a_wrong_password_and_an_unknown_address_are_told_the_same(
    browser: Browser, email: str
) -> None:
    wrong = await browser.sign_in(email, "not the password")
    unknown = await browser.sign_in("nobody@example.com", "not the password")
    assert wrong.status_code == unknown.status_code == 422
    assert sign_in.WRONG in wrong.text
    assert wrong.text.replace(email, "") == unknown.text.replace("nobody@example.com", "")
    assert "not the password" not in wrong.text
    assert (await browser.get("/dashboard")).status_code == 303


async def test_what_is_no_address_is_said_beside_the_field(browser: Browser) -> None:
    answer = await browser.sign_in("nobody")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


async def test_a_session_is_new_with_each_sign_in_and_ends_with_signing_out(
    browser: Browser, email: str
) -> None:
    chosen = {"Cookie": "session=chosen-by-somebody-else", "Sec-Fetch-Site": "same-origin"}
    form = {"email": email, "password": PASSWORD}
    await browser.client.post("/login", data=form, headers=chosen)
    token = browser.client.cookies["session"]
    assert token != "chosen-by-somebody-else"
    answer = await browser.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    browser.client.cookies.set("session", token)
    assert (await browser.get("/dashboard")).status_code == 303


async def test_guesses_end_and_the_owners_own_browser_still_gets_in(
    browser: Browser, email: str, application: Application
) -> None:
    await browser.sign_in(email)
    await browser.post("/logout")
    stranger = Browser.of(application)
    async with stranger.client:
        answers = [await stranger.sign_in(email, "guess") for _ in range(attempts.PER_PERSON + 1)]
        assert [each.status_code for each in answers] == [422] * attempts.PER_PERSON + [429]
        right = await stranger.sign_in(email)
        assert right.status_code == 429, "the right password too: a guess may be right"
    assert (await browser.sign_in(email)).status_code == 303


async def test_another_password_ends_every_session(
    browser: Browser, email: str, database: Database
) -> None:
    await browser.sign_in(email)
    await database.write(operators.set_password, email, "another long password", "test")
    assert (await browser.get("/dashboard")).status_code == 303
    assert (await browser.sign_in(email, PASSWORD)).status_code == 422
    assert (await browser.sign_in(email, "another long password")).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": SITE},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
)
async def test_a_form_from_elsewhere_opens_no_session(
    browser: Browser, email: str, headers: dict[str, str]
) -> None:
    data = {"email": email, "password": PASSWORD}
    answer = await browser.client.post("/login", data=data, headers=headers)
    assert answer.status_code == 403
    assert dict(browser.client.cookies) == {}


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/dashboard",
        "//evil.example/dashboard",
        "/\\evil.example",
        "/dashboardx",
        "javascript:alert(1)",
        "/logout",
        "/dashboard/\r\nSet-Cookie: x=y",
        "/dashboard/\t/evil",
        "//[",
    ],
)
async def test_the_form_leads_to_no_page_of_others(
    browser: Browser, email: str, address: str
) -> None:
    answer = await browser.sign_in(email, next=address)
    assert answer.headers["location"] == "/dashboard"


async def test_pages_may_load_nothing_from_elsewhere_and_are_in_no_frame(browser: Browser) -> None:
    answer = await browser.get("/login")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers.get_list("referrer-policy") == ["same-origin"]
    assert answer.headers["cache-control"] == "no-store"


async def test_sessions_that_have_ended_are_forgotten(
    browser: Browser, email: str, database: Database
) -> None:
    await browser.sign_in(email)
    digest = sessions.digest_of(browser.client.cookies["session"])
    await database.write(
        lambda db: db.execute(
            "UPDATE sessions SET seen_at = now() - interval '13 hours' WHERE digest = %s", [digest]
        )
    )
    assert (await browser.get("/dashboard")).status_code == 303
    assert await database.write(sessions.delete_ended) >= 1


async def test_a_password_changed_while_it_is_checked_opens_nothing(
    browser: Browser, email: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = sign_in._is_right

    def changed_meanwhile(operator: object, password: str) -> bool:
        right = check(operator, password)  # type: ignore[arg-type]  # passed on
        change = operators.set_password(email_connection, email, "another long password", "test")
        asyncio.run_coroutine_threadsafe(change, loop).result(stretch(30))
        return right

    loop = asyncio.get_running_loop()
    async with database.engine() as email_connection:
        monkeypatch.setattr(sign_in, "_is_right", changed_meanwhile)
        answer = await browser.sign_in(email)
    assert answer.status_code == 422
    assert "session" not in browser.client.cookies


async def test_refused_attempts_prolong_nobodys_wait(
    browser: Browser, email: str, database: Database
) -> None:
    for _ in range(attempts.PER_PERSON + 5):
        await browser.sign_in(email, "guess")
    await database.write(operators.set_password, email, "another long password", "test")
    assert (await browser.sign_in(email, "another long password")).status_code == 303
