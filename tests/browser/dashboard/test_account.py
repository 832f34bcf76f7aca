"""Passkeys, an authenticator app and proof given again, as a person does it."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pyotp
import pytest
from playwright.sync_api import Page, Request, expect

from payviox.db.pool import Database
from support import live, looks
from support.dashboard import PASSWORD, make_operator
from support.databases import Urls
from support.live import LiveServer
from support.looks import violations
from support.machine import stretch


@pytest.fixture(scope="module")
def site(urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A web process by a name: browsers have no passkeys at an address of numbers."""
    folder = tmp_path_factory.mktemp("site")
    port = live.free_port()
    given = live.environment(
        folder / "home", urls.application, PAYVIOX_PUBLIC_URL=f"http://localhost:{port}"
    )
    server = LiveServer(given, folder, port=port)
    yield server.start()
    server.kill()


class Person:
    """An operator at a browser with a device that holds passkeys."""

    def __init__(self, site: LiveServer, page: Page, prepare: Callable[..., Any]) -> None:
        self.home = site.url.replace("127.0.0.1", "localhost")
        self.page, self._prepare = page, prepare
        self.email = f"{uuid4().hex}@example.com"
        self._run(self._make)

    def _run(self, work: Callable[[Database], Any]) -> None:
        """In a thread: the browser has this one's event loop."""
        with ThreadPoolExecutor(1) as thread:
            thread.submit(self._prepare, work).result()

    async def _make(self, database: Database) -> None:
        await make_operator(database, self.email, is_admin=True)

    def holds_passkeys(self, *, verifies: bool = True) -> None:
        self.devtools = self.page.context.new_cdp_session(self.page)
        self.devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        made = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self.device = made["authenticatorId"]

    def sign_in(self) -> None:
        self.page.goto(f"{self.home}/login?next=/account")
        self.page.get_by_label("Email").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def sign_out(self) -> None:
        self.page.goto(f"{self.home}/account")
        self.page.get_by_role("button", name="Sign out", exact=True).click()
        expect(self.page).to_have_url(f"{self.home}/login")

    def forget_proof(self) -> None:
        """Let the proof of every session be too old."""

        async def work(database: Database) -> None:
            statement = "UPDATE sessions SET proved_at = now() - interval '11 minutes'"
            await database.write(lambda db: db.execute(statement))

        self._run(work)

    def add_passkey(self) -> None:
        self.page.get_by_label("Name of the new passkey").fill("Work laptop")
        self.page.get_by_role("button", name="Add a passkey").click()
        self.is_at("Recovery codes")

    def is_at(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)


@pytest.fixture
def person(
    site: LiveServer, open_page: Callable[..., Page], prepare: Callable[..., Any]
) -> Callable[..., Person]:
    def make(**options: Any) -> Person:
        return Person(site, open_page(**options), prepare)

    return make


def again(sent: Request) -> httpx.Response:
    """The answer to what a browser sent, sent by somebody else once more."""
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": sent.headers["content-type"]}
    return httpx.post(sent.url, content=sent.post_data or "", headers=headers, timeout=stretch(30))


def check(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert violations(page) == [], page.url


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_passkey_is_added_signs_in_by_itself_and_is_removed(
    person: Callable[..., Person], width: int, scheme: str
) -> None:
    somebody = person(width=width, scheme=scheme)
    page = somebody.page
    somebody.holds_passkeys()
    somebody.sign_in()
    somebody.is_at("Your account")
    check(page)
    somebody.add_passkey()
    check(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("table", name="Passkeys")).to_contain_text("Work laptop")
    check(page)
    somebody.sign_out()
    page.goto(f"{somebody.home}/login?next=/account")
    check(page)
    with page.expect_request("**/login/passkey") as sent:
        page.get_by_role("button", name="Sign in with a passkey").click()
    somebody.is_at("Your account")
    assert again(sent.value).status_code == 409, "what a passkey signed works once"
    expect(page.get_by_role("table", name="Sessions")).to_contain_text("by passkey")
    page.get_by_role("table", name="Passkeys").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_have_text("The passkey is removed.")


def test_mails_are_chosen_by_the_keyboard_alone_in_the_browsers_own_zone(
    person: Callable[..., Person],
) -> None:
    somebody = person()
    page = somebody.page
    somebody.sign_in()
    page.get_by_role("link", name="Choose mails").press("Enter")
    somebody.is_at("Mails about what needs you")
    page.get_by_role("checkbox", name="Orders to review").press("Space")
    page.get_by_role("radio", name="Once a day").press("Space")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Your choice is saved.")
    zone = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    daily = page.get_by_role("radio", name=f"Once a day at 8:00 ({zone})")
    expect(daily).to_be_checked()
    expect(page.get_by_role("checkbox", name="Orders to review")).to_be_checked()
    looks.check(page)


def test_a_passkey_follows_the_password_and_proves_again_who_one_is(
    person: Callable[..., Person],
) -> None:
    somebody = person()
    page = somebody.page
    somebody.holds_passkeys()
    somebody.sign_in()
    somebody.add_passkey()
    somebody.sign_out()
    somebody.sign_in()
    check(page)
    page.get_by_role("button", name="Use a passkey").click()
    somebody.is_at("Your account")
    somebody.forget_proof()
    page.get_by_role("button", name="Make new recovery codes").click()
    somebody.is_at("Confirm that it is you")
    check(page)
    page.get_by_role("button", name="Use a passkey").click()
    somebody.is_at("Confirmed")
    check(page)
    page.get_by_role("button", name="Continue").click()
    somebody.is_at("Recovery codes")


def test_a_passkey_whose_owner_was_not_verified_opens_nothing(
    person: Callable[..., Person],
) -> None:
    somebody = person()
    page = somebody.page
    somebody.holds_passkeys()
    somebody.sign_in()
    somebody.add_passkey()
    somebody.sign_out()
    somebody.devtools.send(
        "WebAuthn.setUserVerified", {"authenticatorId": somebody.device, "isUserVerified": False}
    )
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey was used")


def test_an_app_is_set_up_and_its_code_asked_for_without_scripts(
    person: Callable[..., Person],
) -> None:
    somebody = person(scripts=False, width=360)
    page = somebody.page
    somebody.sign_in()
    page.get_by_role("button", name="Set up authenticator app").click()
    expect(page.get_by_role("img", name="QR code of the secret")).to_be_visible()
    secret = re.sub(r"\s", "", page.get_by_label("Secret", exact=True).inner_text())
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("listitem")).to_have_count(10)
    somebody.sign_out()
    somebody.sign_in()
    page.get_by_label("Code").fill("12 34")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    code = pyotp.TOTP(secret).at(datetime.now(UTC), counter_offset=1)
    page.get_by_label("Code").fill(f"{code[:3]} {code[3:]}")
    page.get_by_role("button", name="Sign in").click()
    somebody.is_at("Your account")
