"""Signing in at a real OpenID provider: who is let in, who is not, and what works once."""

import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from html import unescape
from typing import Any
from unittest.mock import AsyncMock
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from payviox.audit import service as audit
from payviox.auth import attempts, openid, operators
from payviox.auth.openid import (
    LinkTaken,
    NotAccepted,
    NotAnswered,
    NotLinked,
    Provider,
    Unknown,
    depart,
)
from payviox.db.pool import Database
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.web.context import SIGN_INS, Services
from support import live, openid_provider
from support.dashboard import PASSWORD, Browser, heading, make_operator, make_stale
from support.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider

pytestmark = pytest.mark.anyio

BACK = "http://127.0.0.1:8000/login/openid/back"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    yield from openid_provider.start(tmp_path_factory.mktemp("provider"), BACK)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, provider: OpenIdProvider) -> Settings:
    return Settings(
        home=tmp_path_factory.mktemp("home"),
        secret_key=live.SECRET_KEY,
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_name="Example & Co",
    )


@pytest.fixture
async def person(database: Database) -> tuple[str, UUID]:
    """An operator's address and id."""
    email = f"{uuid4().hex}@example.com"
    return email, await make_operator(database, email, is_admin=True)


async def leave(browser: Browser, onward: str = "") -> str:
    """Press the button; answers where at the provider it leads."""
    answer = await browser.get(f"/login/openid?next={onward}")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def come_back(browser: Browser, address: str, **instead: str) -> httpx.Response:
    """Follow the provider's redirect, with some of its parameters changed."""
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | instead
    return await browser.client.get(parts.path, params=query)


async def enter(browser: Browser, provider: OpenIdProvider, name: str) -> httpx.Response:
    return await come_back(browser, provider.sign_in(await leave(browser), name))


async def test_the_button_leads_there_and_back_to_the_page(
    browser: Browser, provider: OpenIdProvider, person: tuple[str, UUID], database: Database
) -> None:
    email, operator_id = person
    assert "Sign in with Example &amp; Co" in (await browser.get("/login")).text
    address = await leave(browser, "/dashboard?all")
    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    answer = await come_back(browser, provider.sign_in(address, email))
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard?all")
    assert heading(await browser.get("/dashboard?all")) == "Businesses"
    page = await browser.get("/account")
    assert "by openid" in page.text
    assert provider.url in page.text
    listed = await database.fetch(audit.list_of_installation, 20)
    mine = [each.act for each in listed if each.actor == f"operator:op_{operator_id}"]
    assert mine == ["operator.sign_in", "identity.link"]


async def test_the_identity_stays_bound_to_its_subject_until_it_is_removed(
    browser: Browser, provider: OpenIdProvider, person: tuple[str, UUID], database: Database
) -> None:
    email, _ = person
    await enter(browser, provider, email)
    await browser.post("/logout")
    assert (await enter(browser, provider, email)).status_code == 303
    other = await enter(browser, provider, email.upper())
    assert other.status_code == 409, "another subject with the same address"
    await browser.post("/account/identities/remove", issuer=provider.url)
    assert provider.url not in (await browser.get("/account")).text


@pytest.mark.parametrize("kind", ["unverified", "unknown", "disabled"])
async def test_nobody_else_is_let_in_or_made(
    browser: Browser,
    provider: OpenIdProvider,
    person: tuple[str, UUID],
    database: Database,
    kind: str,
) -> None:
    email, _ = person
    name = {"unverified": f"unverified-{email}", "unknown": f"x{email}", "disabled": email}[kind]
    if kind == "disabled":
        await database.write(operators.disable, email, "test")
    answer = await enter(browser, provider, name)
    assert answer.status_code == 409
    assert Unknown.message in answer.text
    assert "session" not in browser.client.cookies
    assert await database.fetch(operators.find_id, f"x{email}") is None


async def test_somebody_disabled_later_is_let_in_no_more(
    browser: Browser, provider: OpenIdProvider, person: tuple[str, UUID], database: Database
) -> None:
    email, _ = person
    assert (await enter(browser, provider, email)).status_code == 303
    await database.write(operators.disable, email, "test")
    assert (await enter(browser, provider, email)).status_code == 409


async def test_the_way_back_is_for_one_browser_and_once(
    browser: Browser,
    provider: OpenIdProvider,
    person: tuple[str, UUID],
    application: Application,
) -> None:
    email, _ = person
    back = provider.sign_in(await leave(browser), email)
    stranger = Browser.of(application)
    async with stranger.client:
        assert (await come_back(stranger, back)).status_code == 409
        await leave(stranger)
        assert (await come_back(stranger, back)).status_code == 409, "with a state of their own"
        assert "session" not in stranger.client.cookies
    assert (await come_back(browser, back)).status_code == 303
    assert (await come_back(browser, back)).status_code == 409


@pytest.mark.parametrize(
    "instead", [{"iss": "https://evil.example"}, {"code": "guessed"}, {"state": "guessed"}]
)
async def test_what_the_provider_did_not_answer_is_not_accepted(
    browser: Browser,
    provider: OpenIdProvider,
    person: tuple[str, UUID],
    instead: dict[str, str],
) -> None:
    back = provider.sign_in(await leave(browser), person[0])
    answer = await come_back(browser, back, **instead)
    assert answer.status_code == 409
    assert NotAccepted.message in answer.text


@pytest.mark.parametrize("column", ["nonce", "code_verifier"])
async def test_nonce_and_verifier_have_to_fit(
    browser: Browser,
    provider: OpenIdProvider,
    person: tuple[str, UUID],
    urls: Any,
    column: str,
) -> None:
    back = provider.sign_in(await leave(browser), person[0])
    with urls.as_admin() as admin:
        admin.execute(f"UPDATE openid_requests SET {column} = repeat('x', 48)")
    assert (await come_back(browser, back)).status_code == 409


async def test_the_provider_itself_demands_a_challenge(provider: OpenIdProvider) -> None:
    answer = httpx.get(  # noqa: ASYNC210  # nobody else waits
        f"{provider.url}/auth",
        params={
            "client_id": CLIENT_ID,
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": "openid",
        },
    )
    assert "error=invalid_request" in answer.headers["location"]


async def test_a_second_factor_is_asked_for_all_the_same(
    browser: Browser, provider: OpenIdProvider, person: tuple[str, UUID], database: Database
) -> None:
    email, operator_id = person
    await database.write(
        lambda db: db.execute(
            "INSERT INTO passkeys (id, operator_id, name, credential_id, public_key, sign_count)"
            " VALUES (%s, %s, 'key', %s, 'x', 0)",
            [uuid4(), operator_id, uuid4().bytes],
        )
    )
    answer = await enter(browser, provider, email)
    assert (answer.status_code, heading(answer)) == (200, "Sign in")
    assert 'id="code"' in answer.text
    assert "session" not in browser.client.cookies


async def test_a_provider_that_does_not_answer_leaves_the_password() -> None:
    nobody = Provider(f"http://127.0.0.1:{live.free_port()}", "x", "y", BACK)
    with pytest.raises(NotAnswered):
        await depart(nobody)


async def test_leaving_takes_no_slot_of_passwords_and_is_counted_before_the_provider_is_asked(
    browser: Browser,
    provider: OpenIdProvider,
    person: tuple[str, UUID],
    services: Services,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with AsyncExitStack() as busy:
        for _ in range(SIGN_INS):
            await busy.enter_async_context(services.sign_ins.enter())
        assert (await enter(browser, provider, person[0])).status_code == 303
    limit = attempts.address("127.0.0.1")
    for _ in range(limit.most):
        await database.write(attempts.count, [limit])
    asked = AsyncMock(side_effect=NotAnswered)
    monkeypatch.setattr(openid, "depart", asked)
    answer = await browser.get("/login/openid")
    await database.write(attempts.forget, [limit])
    assert (answer.status_code, asked.await_count) == (429, 0)
    answer = await browser.get("/login/openid")
    assert (answer.status_code, asked.await_count) == (503, 1)


async def test_a_provider_by_another_name_is_not_asked(provider: OpenIdProvider) -> None:
    other = Provider(provider.url.replace("127.0.0.1", "localhost"), CLIENT_ID, "y", BACK)
    with pytest.raises(NotAnswered):
        await depart(other)


async def test_what_somebody_unlinked_lets_nobody_in_until_they_link_it_again(
    browser: Browser, provider: OpenIdProvider, person: tuple[str, UUID]
) -> None:
    email, _ = person
    await enter(browser, provider, email)
    await browser.post("/account/identities/remove", issuer=provider.url)
    await browser.post("/logout")
    refused = await enter(browser, provider, email)
    assert (refused.status_code, NotLinked.message in unescape(refused.text)) == (409, True)
    assert "session" not in browser.client.cookies
    await browser.sign_in(email)
    assert "Link Example &amp; Co" in (await browser.get("/account")).text
    linked = await link_again(browser, provider, email)
    assert linked.headers["location"] == "/account?done=linked"
    page = await browser.get("/account?done=linked")
    assert "Link Example &amp; Co" not in page.text
    assert provider.url in page.text
    await browser.post("/logout")
    assert (await enter(browser, provider, email)).status_code == 303


async def link_again(browser: Browser, provider: OpenIdProvider, name: str) -> httpx.Response:
    """Press Link, sign in there, and come back."""
    asked = await browser.post("/account/identities/link")
    assert (asked.status_code, heading(asked)) == (200, "Link Example & Co")
    found = re.search(r'href="([^"]*/auth[^"]*)"', asked.text)
    assert found is not None
    return await come_back(browser, provider.sign_in(unescape(found[1]), name))


async def test_linking_asks_for_fresh_proof_and_is_for_who_is_still_there(
    browser: Browser,
    provider: OpenIdProvider,
    person: tuple[str, UUID],
    database: Database,
    application: Application,
) -> None:
    email, operator_id = person
    await browser.sign_in(email)
    await make_stale(browser, database)
    stale = await browser.post("/account/identities/link")
    assert (stale.status_code, heading(stale)) == (403, "Confirm that it is you")
    await browser.post("/account/prove", password=PASSWORD)
    asked = await browser.post("/account/identities/link")
    found = re.search(r'href="([^"]*/auth[^"]*)"', asked.text)
    assert found is not None
    back = provider.sign_in(unescape(found[1]), email)
    state = browser.client.cookies["openid"]
    other = Browser.of(application)
    async with other.client:
        await make_operator(database, f"y{email}", is_admin=True)
        await other.sign_in(f"y{email}")
        other.client.cookies.set("openid", state)
        assert (await come_back(other, back)).status_code == 409
        other.client.cookies.delete("openid")
        taken = await link_again(other, provider, email)
        assert taken.headers["location"] == "/account?done=linked"
    refused = await link_again(browser, provider, email)
    assert (refused.status_code, LinkTaken.message in unescape(refused.text)) == (409, True)
    assert not await database.fetch(openid.list_identities, operator_id)


async def test_an_account_that_somebody_made_for_an_address_is_not_entered_by_its_owner(
    browser: Browser, provider: OpenIdProvider, database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    made = operators.insert
    await database.write(lambda db: made(db, email, "none", "link:invitation", is_verified=False))
    refused = await enter(browser, provider, email)
    assert (refused.status_code, NotLinked.message in unescape(refused.text)) == (409, True)
    assert "session" not in browser.client.cookies
