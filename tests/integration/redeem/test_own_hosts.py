"""A business's own host: it shows that business's page and nothing else, once it is seen to lead
here; links name it as long as it does."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.errors import FieldErrors
from payviox.payout_users import service as payout_users
from payviox.recipient_mails import contents
from payviox.sites import hosts
from payviox.sites.hosts import NotSeen
from payviox.sites.model import OwnHost
from payviox.web.asgi import Application
from payviox.web.context import Services
from support.businesses import TestBusiness
from support.dashboard import SITE, Browser, heading, signed_in
from support.redeem import EMAIL, Recipient, who_sent

pytestmark = pytest.mark.anyio


@pytest.fixture
def host(business: TestBusiness) -> str:
    """A host that no other test has."""
    return f"pay.{business.business_id}.example.com"


@pytest.fixture
async def own(database: Database, business: TestBusiness, host: str) -> OwnHost:
    """The host of the business, seen to lead here."""
    await database.write(hosts.save, business.business_id, host, "test")
    saved = await database.fetch(hosts.get, business.business_id)
    assert saved is not None
    await database.write(hosts.mark_seen, saved, "test")
    seen = await database.fetch(hosts.get, business.business_id)
    assert seen is not None
    return seen


@pytest.fixture
async def there(application: Application, host: str) -> AsyncIterator[Browser]:
    """A browser at the host."""
    browser = Browser.of(application)
    browser.client.base_url = httpx.URL(f"http://{host}")
    async with browser.client:
        yield browser


def over(application: Application) -> hosts.Ask:
    """Asks the application itself, as the network would."""

    async def ask(url: str) -> str | None:
        transport = httpx.ASGITransport(application)  # type: ignore[arg-type]  # ASGI
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.post(url)
        return answer.text if answer.status_code == 200 else None

    return ask


async def nobody(_: str) -> str | None:
    return None


async def _check(database: Database, business_id: UUID, ask: hosts.Ask) -> None:
    seen = await hosts.leads_here(database, business_id, SITE, ask)
    await database.write(hosts.record_check, business_id, seen, "test")


async def _state(database: Database, business: TestBusiness) -> str | None:
    own = await database.fetch(hosts.get, business.business_id)
    return None if own is None else own.state


async def test_a_host_is_this_businesss_once_it_answers_what_only_we_know(
    application: Application, database: Database, business: TestBusiness, host: str
) -> None:
    await database.write(hosts.save, business.business_id, host, "test")
    assert await _state(database, business) == "waiting"

    async def parrot(url: str) -> str:
        return url.rpartition("/")[2]

    for ask in (nobody, parrot):
        with pytest.raises(NotSeen):
            await _check(database, business.business_id, ask)
    assert await _state(database, business) == "waiting"
    await _check(database, business.business_id, over(application))
    assert await _state(database, business) == "verified"
    await _check(database, business.business_id, over(application))
    entries = await database.fetch(lambda db: audit.list_page(db, business.business_id, limit=9))
    acts = [entry.act for entry in entries]
    assert (acts.count("site.set_host"), acts.count("site.verify_host")) == (1, 1)


async def test_what_another_business_has_is_nobody_elses(
    application: Application,
    database: Database,
    own: OwnHost,
    make_business: Any,
) -> None:
    other = await make_business()
    await database.write(hosts.save, other.business_id, own.host, "test")
    with pytest.raises(NotSeen):
        await _check(database, other.business_id, over(application))
    assert await _state(database, other) == "waiting"
    owner = await database.fetch(hosts.find_owner, own.host)
    assert owner is not None
    assert owner.business_id == own.business_id


async def test_the_host_shows_the_page_of_its_business_and_nothing_else(
    ada: Recipient, own: OwnHost, there: Browser, make_business: Any
) -> None:
    assert (await there.get("/")).headers["location"] == "/redeem"
    page = await there.get("/redeem")
    assert heading(page) == ada.desk.business.name
    other = await make_business(funds=100)
    theirs = (await other.create(EMAIL, 100)).json()["hash"]
    assert (await there.post("/redeem/sender", **who_sent(ada.hash))).json()["name"]
    assert (await there.post("/redeem/sender", **who_sent(theirs))).json()["name"] == ""
    assert (await there.post("/redeem", link=ada.hash)).status_code == 303
    assert heading(await there.get("/redeem/balance")) == "Your balance"
    for path in ("/dashboard", "/login", "/docs", "/openapi.json", "/account", "/metrics"):
        assert (await there.get(path)).status_code == 404, path
    for path in ("/payout/create", "/payout/operations", "/login", "/payout/quote"):
        assert (await there.post(path)).status_code == 404, path
    key = {"Authorization": f"Bearer {ada.desk.business.secret_key}"}
    assert (await there.client.get("/payout/users", headers=key)).status_code == 404


async def test_another_businesss_hash_and_session_open_nothing_there(
    ada: Recipient, own: OwnHost, there: Browser, make_business: Any, database: Database
) -> None:
    other = await make_business()
    await database.write(hosts.save, other.business_id, f"x.{own.host}", "test")
    saved = await database.fetch(hosts.get, other.business_id)
    assert saved is not None
    await database.write(hosts.mark_seen, saved, "test")
    headers = {"Host": f"x.{own.host}", "Sec-Fetch-Site": "same-origin"}
    refused = await there.client.post("/redeem", data={"link": ada.hash}, headers=headers)
    assert refused.status_code == 403
    assert heading(refused) == "This link opens nothing"
    await there.post("/redeem", link=ada.hash)
    cookie = f"redeem={there.client.cookies['redeem']}"
    page = await there.client.get("/redeem/balance", headers=headers | {"Cookie": cookie})
    assert page.status_code == 401
    assert (await there.get("/redeem/balance")).status_code == 200


async def test_a_host_that_nobody_has_leads_to_the_installations_own(
    ada: Recipient, there: Browser, services: Services, database: Database, host: str
) -> None:
    sent = await there.get("/redeem")
    site = services.settings.public_url
    assert (sent.status_code, sent.headers["location"]) == (307, f"{site}/redeem")
    assert (await there.post("/redeem", link=ada.hash)).status_code == 404
    await database.write(hosts.save, ada.desk.business.business_id, host, "test")
    assert (await there.post("/redeem", link=ada.hash)).status_code == 404


async def test_links_name_the_host_as_long_as_it_leads_here(
    ada: Recipient,
    application: Application,
    services: Services,
    database: Database,
    own: OwnHost,
) -> None:
    business, user_id = ada.desk.business, await ada.desk.user(1)
    user = await database.fetch(payout_users.get, business.business_id, user_id)
    site = services.settings.public_url

    async def links() -> set[str]:
        made = await business.client.post(f"/payout/users/usr_{user_id}/redeem-link")
        framed = await database.fetch(
            lambda db: contents.framed(services.keyring, site, db, business.business_id, user)
        )
        assert framed is not None
        return {link.partition("/redeem#")[0] for link in (made.json()["url"], framed["link"])}

    there = f"http://{own.host}"
    assert await links() == {there}
    await hosts.check_all(database, site, nobody)
    await hosts.check_all(database, site, nobody)
    assert await _state(database, business) == "lost"
    assert await links() == {site}
    entries = await database.fetch(lambda db: audit.list_page(db, business.business_id, limit=9))
    assert [entry.act for entry in entries].count("site.host_lost") == 1
    await hosts.check_all(database, site, over(application))
    assert await links() == {there}
    await database.write(hosts.save, business.business_id, None, "test")
    assert await links() == {site}


async def test_what_proves_a_host_is_said_on_that_host_alone(
    browser: Browser, there: Browser, database: Database, own: OwnHost
) -> None:
    asked: list[str] = []

    async def note(url: str) -> None:
        asked.append(httpx.URL(url).path)

    await hosts.leads_here(database, own.business_id, SITE, note)
    [path] = asked
    assert own.token not in path
    assert (await there.get(path)).text == own.token
    assert (await browser.get(path)).status_code == 404
    assert (await there.get(f"{hosts.PATH}{own.token}")).status_code == 404


async def test_nothing_private_is_asked() -> None:
    ask = hosts.asking(allow_private=False)
    for url in ("http://pay.example.com/", "https://127.0.0.1/", "https://localhost/x"):
        assert await ask(url) is None


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Redeem.Example.com", "redeem.example.com"),
        (" https://redeem.example.com/ ", "redeem.example.com"),
        ("", None),
        (" ", None),
    ],
)
async def test_a_host_is_kept_as_browsers_send_it(typed: str, kept: str | None) -> None:
    assert hosts.parse(typed, "https://pay.example.com", allow_private=False) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "pay.example.com",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "redeem.example.com/path",
        "redeem.example.com?x",
        "u@redeem.example.com",
        "*.example.com",
        "redeem example.com",
        "http://http://x.com",
    ],
)
async def test_what_is_no_host_is_refused(typed: str) -> None:
    with pytest.raises(FieldErrors):
        hosts.parse(typed, "https://pay.example.com", allow_private=False)


async def test_a_host_is_typed_on_the_page_and_its_state_is_shown(
    browser: Browser, database: Database, business: TestBusiness, services: Services
) -> None:
    base = await signed_in(browser, database, business, "owner")
    page = f"{base}/settings/site"
    wrong = await browser.post(f"{page}/host", host="not a host")
    assert wrong.status_code == 422
    assert 'value="not a host"' in wrong.text
    own = await _typed(database, business)
    shown = await browser.get(page)
    assert "waiting" in shown.text
    refused = await browser.post(f"{page}/check")
    assert refused.status_code == 409
    assert "does not lead here yet" in refused.text
    await database.write(hosts.mark_seen, own, "test")
    assert "leads here" in (await browser.get(page)).text
    answer = await browser.post(f"{page}/host", host="")
    assert "The host is saved." in (await browser.get(answer.headers["location"])).text
    assert await _state(database, business) is None


async def _typed(database: Database, business: TestBusiness) -> OwnHost:
    host = f"pay.{business.business_id}.example.com"
    await database.write(hosts.save, business.business_id, host, "test")
    own = await database.fetch(hosts.get, business.business_id)
    assert own is not None
    return own


async def test_only_an_owner_changes_or_checks_it(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "developer")
    for path in ("host", "check"):
        answer = await browser.post(f"{base}/settings/site/{path}", host="pay.example.org")
        assert answer.status_code == 403
    assert await _state(database, business) is None
