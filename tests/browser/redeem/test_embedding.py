"""The redemption page inside a business's own site, in a real browser: the page around it is of
another site, so that nothing works which needs a third party's cookie."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from payviox.db.pool import Database
from payviox.sites import origins
from support.businesses import TestBusiness, open_business
from support.live import LiveServer

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def business(prepare: Callable[..., Any]) -> TestBusiness:
    async def make(database: Database) -> TestBusiness:
        return await open_business(database, funds=1_000_000, main=100)

    made: TestBusiness = prepare(make)
    return made


@pytest.fixture
def shops() -> Iterator[Callable[[], "Shop"]]:
    """`shops()` is one more web server, each an origin of its own on the site `localhost`."""
    opened: list[Shop] = []

    def open_() -> Shop:
        opened.append(Shop())
        return opened[-1]

    yield open_
    for shop in opened:
        shop.server.shutdown()
        shop.server.server_close()


class Shop:
    """A business's own site with one page; `page` is its body."""

    def __init__(self) -> None:
        shop = self
        self.page = ""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                icon = '<link rel="icon" href="data:,">'
                body = f"<!doctype html><title>Shop</title>{icon}<h1>Shop</h1>{shop.page}"
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def ticket(site: LiveServer, business: TestBusiness, email: str) -> str:
    """A link that opens the page of somebody with $50.00 once."""
    key = {"Authorization": f"Bearer {business.secret_key}"}
    created = httpx.post(
        f"{site.url}/payout/create", json={"email": email, "amount": 5_000}, headers=key
    )
    assert created.status_code == 201, created.text
    found = httpx.get(f"{site.url}/payout/users?email={email}", headers=key).json()
    user = found["data"][0]["id"]
    made = httpx.post(f"{site.url}/payout/users/{user}/redeem-link", headers=key)
    return str(made.json()["url"])


def allow(prepare: Callable[..., Any], business: TestBusiness, *named: str) -> None:
    async def work(database: Database) -> None:
        wanted = origins.parse(named)
        await database.write(origins.save, business.business_id, wanted, "test")

    with ThreadPoolExecutor(1) as beside:  # the browser's event loop is this thread's
        beside.submit(prepare, work).result()


def embedded(page: Page, site: LiveServer, shop: Shop, link: str) -> FrameLocator:
    """The frame in the shop's page, made as a business makes it."""
    shop.page = f'<script src="{site.url}/embed.js" data-link="{link}"></script><p>Below</p>'
    page.goto(shop.origin)
    return page.frame_locator("iframe")


@pytest.fixture
def watched(chromium: Browser) -> Iterator[Page]:
    """A page of a browser that keeps no third party's cookies, as its own; what it complains of
    is each test's to look at."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def test_an_allowed_site_shows_the_page_in_full_and_money_is_taken_there(
    site: LiveServer,
    business: TestBusiness,
    prepare: Callable[..., Any],
    shops: Callable[[], Shop],
    open_page: Callable[..., Page],
) -> None:
    shop = shops()
    allow(prepare, business, shop.origin)
    page = open_page()
    link = ticket(site, business, "framed@example.com")
    inside = embedded(page, site, shop, link)
    assert page.context.cookies() == []
    inside.get_by_role("button", name="Continue").click()
    expect(inside.get_by_role("heading", level=1)).to_have_text("Your balance")
    [cookie] = page.context.cookies()
    assert (cookie["sameSite"], cookie["secure"], cookie["httpOnly"]) == ("None", True, True)
    assert cookie.get("partitionKey"), cookie
    expect(inside.get_by_text("$50.00").first).to_be_visible()
    tall = "document.querySelector('iframe').clientHeight"
    content = page.frames[1]
    page.wait_for_function(f"{tall} > 0 && {tall} !== 480")
    assert content.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")
    inside.get_by_role("link", name="PayPal").click()
    inside.get_by_label("Amount").fill("20")
    inside.get_by_role("button", name="Review").click()
    inside.get_by_role("button", name="Confirm").click()
    expect(inside.get_by_role("heading", level=1)).to_have_text("Your withdrawal")
    with page.expect_response(lambda answer: "/withdrawals/" in answer.url) as followed:
        pass
    assert followed.value.status == 200
    inside.get_by_role("button", name="Cancel withdrawal").click()
    expect(inside.get_by_text("The money is back on your balance.")).to_be_visible()
    window = page.context.new_page()
    window.goto(f"{site.url}/redeem/balance")
    expect(window.get_by_role("heading", level=1)).to_have_text("Open your link again")
    again = embedded(page, site, shop, link)
    again.get_by_role("button", name="Continue").click()
    expect(again.get_by_role("heading", level=1)).to_have_text("This link opens nothing")


def test_the_browser_refuses_the_page_to_every_other_site(
    site: LiveServer,
    business: TestBusiness,
    prepare: Callable[..., Any],
    shops: Callable[[], Shop],
    watched: Page,
) -> None:
    shop, thief = shops(), shops()
    allow(prepare, business, shop.origin)
    said: list[str] = []
    watched.on("console", lambda message: said.append(message.text))
    link = ticket(site, business, "watched@example.com")
    inside = embedded(watched, site, shop, link)
    inside.get_by_role("button", name="Continue").click()
    expect(inside.get_by_role("heading", level=1)).to_have_text("Your balance")
    assert said == []
    other = ticket(site, business, "other@example.com")
    code = other.partition("#")[2][:8]
    for path in (f"/redeem/embedded/{code}#{other}", "/redeem/balance", "/redeem", "/login"):
        said.clear()
        thief.page = f'<iframe src="{site.url}{path}"></iframe>'
        watched.goto(thief.origin)
        watched.wait_for_load_state("networkidle")
        assert [text for text in said if "frame-ancestors" in text], (path, said)
        assert watched.frames[1].locator("main").count() == 0
    for path in ("/redeem", "/login", "/redeem/embedded/00000000"):
        said.clear()
        shop.page = f'<iframe src="{site.url}{path}"></iframe>'
        watched.goto(shop.origin)
        watched.wait_for_load_state("networkidle")
        assert [text for text in said if "frame-ancestors 'none'" in text], (path, said)


def test_where_a_frame_gets_no_cookie_the_page_goes_on_in_a_window_of_its_own(
    site: LiveServer,
    business: TestBusiness,
    prepare: Callable[..., Any],
    shops: Callable[[], Shop],
    open_page: Callable[..., Page],
) -> None:
    shop = shops()
    allow(prepare, business, shop.origin)
    page = open_page()
    page.add_init_script(
        "if (self !== top)"
        " Object.defineProperty(document, 'cookie', {get: () => '', set: () => {}})"
    )
    inside = embedded(page, site, shop, ticket(site, business, "window@example.com"))
    with page.context.expect_page() as opened:
        inside.get_by_role("button", name="Continue").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("Your balance")
    kept = {cookie["name"]: cookie["sameSite"] for cookie in page.context.cookies()}
    assert kept["redeem"] == "Lax"
    assert "redeem-framed" not in kept
