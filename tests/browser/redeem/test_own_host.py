"""The redemption page on a business's own host, in a real browser, by https through a proxy as an
installation has one: from the link to a withdrawal, and nothing of anybody else's."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Page, expect

from payviox.db.pool import Database
from payviox.sites import hosts
from support import live
from support.businesses import TestBusiness, open_business
from support.databases import Urls
from support.live import LiveServer
from support.looks import require_whole
from support.recipients import come_in

pytestmark = pytest.mark.timeout(180)

INSTALLATION, OWN = "pay.host.test", "redeem.acme.test"


@dataclass
class World:
    """Two businesses, the first with a host of its own, and the port of the proxy."""

    web: LiveServer
    port: int
    acme: TestBusiness
    other: TestBusiness

    def link(self, business: TestBusiness, email: str) -> str:
        """The link that a page of the business's own asks for."""
        key = {"Authorization": f"Bearer {business.secret_key}"}
        url, body = self.web.url, {"email": email, "amount": 5_000}
        made = httpx.post(f"{url}/payout/create", json=body, headers=key)
        assert made.status_code == 201, made.text
        user = httpx.get(f"{url}/payout/users", params={"email": email}, headers=key).json()
        path = f"{url}/payout/users/{user['data'][0]['id']}/redeem-link"
        return str(httpx.post(path, headers=key).json()["url"])


@asynccontextmanager
async def proxied(port: int, to: int, certificate: ssl.SSLContext) -> AsyncIterator[None]:
    """A proxy that ends https and passes on what is asked as it is, the name of the host too."""

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        except OSError:
            pass  # one of the two went away
        finally:
            target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=certificate)
    try:
        yield
    finally:
        server.close()


@pytest.fixture(scope="module")
def world(
    urls: Urls, prepare: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("own")
    port = live.free_port()
    site = f"https://{INSTALLATION}:{port}"
    given = live.environment(folder / "home", urls.application, PAYVIOX_PUBLIC_URL=site)

    async def make(database: Database) -> list[TestBusiness]:
        made = [
            await open_business(database, name=name, funds=100_000) for name in ("Acme", "Other")
        ]
        host = f"{OWN}:{port}"
        await database.write(hosts.save, made[0].business_id, host, "test")
        saved = await database.fetch(hosts.get, made[0].business_id)
        assert saved is not None
        await database.write(hosts.mark_seen, saved, "test")
        return made

    acme, other = prepare(make)
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert(INSTALLATION, OWN).configure_cert(certificate)
    web = LiveServer(given, folder)
    with start_blocking_portal() as portal:
        try:
            web.start()
            with portal.wrap_async_context_manager(proxied(port, web.port, certificate)):
                yield World(web, port, acme, other)
        finally:
            web.kill()


def test_the_money_is_taken_on_the_businesss_own_host(
    world: World, open_page: Callable[..., Page]
) -> None:
    page = open_page(width=360)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    link = world.link(world.acme, "ada@example.com")
    home = f"https://{OWN}:{world.port}"
    assert link.startswith(f"{home}/redeem#")
    page.goto(f"{home}/")
    assert page.url == f"{home}/redeem"
    come_in(page, link)
    [cookie] = [each for each in page.context.cookies() if each["name"].endswith("redeem")]
    assert (cookie["name"], cookie["domain"]) == ("__Host-redeem", OWN)
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    page.get_by_role("link", name="PayPal").click()
    page.get_by_label("Amount", exact=True).fill("20")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your withdrawal")
    require_whole(page)
    page.get_by_label("Language").select_option("es")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.get_by_role("main").get_by_role("button").first.click()  # cancel the withdrawal
    page.wait_for_url(f"{home}/redeem/balance?done=canceled")
    expect(page.locator(".balance")).to_contain_text("50.00")
    assert all(url.startswith(f"{home}/") for url in asked if not url.startswith("data:"))
    window = page.context.new_page()
    window.goto(f"https://{INSTALLATION}:{world.port}/redeem/balance")
    expect(window.get_by_role("heading", level=1)).to_have_text("Open your link again")


def test_nothing_of_others_opens_there(
    world: World, open_page: Callable[..., Page], console: list[str]
) -> None:
    page = open_page()
    home = f"https://{OWN}:{world.port}"
    theirs = world.link(world.other, "eve@example.com")
    assert theirs.startswith(f"https://{INSTALLATION}:{world.port}/redeem#")
    page.goto(f"{home}/redeem#{theirs.partition('#')[2]}")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This link opens nothing")
    for path in ("/dashboard", "/login", "/docs", "/payout/users"):
        answer = page.goto(f"{home}{path}")
        assert answer is not None
        assert answer.status == 404, path
    come_in(page, theirs)
    console[:] = [line for line in console if "status of 404" not in line]
