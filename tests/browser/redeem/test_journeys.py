"""From the mail to the receipt, on a phone, each way: real processes, a real mail server, PayPal
and Tremendous as the simulator speaks them, a real local chain. The books are looked at after each.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from playwright.sync_api import Page, expect
from psycopg import sql

from payviox import ids
from payviox.db.pool import Database
from payviox.rails.evm.addresses import checksummed
from payviox.recipient_mails import brand
from support import live
from support.anvil import Node, anvil_node
from support.businesses import open_business
from support.databases import Urls
from support.every_rail import EveryRail, every_rail
from support.ledger import Snapshot
from support.live import LiveServer
from support.looks import require_whole
from support.mail_server import MailServer, link_in, mail_server
from support.polling import until
from support.recipients import FUNDS, come_in, press
from support.simulator import Simulator

__all__ = ["anvil_node"]
pytestmark = pytest.mark.timeout(240)

PHONE = 360
WAIT_MS = 60_000
ARRIVED = "Done"


@dataclass
class World:
    """A business at every rail, its web process and worker, and the post office."""

    portal: BlockingPortal
    rails: EveryRail
    web: LiveServer
    worker: LiveServer
    office: MailServer
    urls: Urls
    links: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.rails.business.secret_key}"}

    def mail(self, email: str, subject: str) -> EmailMessage:
        """The mail to this address, once it is there."""

        def found() -> EmailMessage | None:
            for mail in self.office.mails:
                if mail["To"] == email and subject in str(mail["Subject"]):
                    return mail
            return None

        return until(found, 60)

    def send(self, email: str, amount: int = FUNDS) -> str:
        """Send somebody money; the link in their mail."""
        created = httpx.post(
            f"{self.web.url}/payout/create",
            json={"email": email, "amount": amount, "notify": True},
            headers=self.key,
        )
        assert created.status_code == 201, created.text
        with self.urls.as_admin() as admin:
            admin.execute("UPDATE allocation_notices SET due_at = now()")
        self.links[email] = link_in(self.mail(email, "sent you $50.00"))
        return self.links[email]

    def ledger(self) -> Snapshot:
        """The books, every invariant checked."""
        return self.portal.call(self.rails.business.ledger)

    def orders(self, email: str) -> list[str]:
        """The states of this person's orders."""
        with psycopg.connect(self.urls.owner) as owner:
            rows = owner.execute(
                "SELECT o.status FROM orders o JOIN payout_users u"
                " ON (u.business_id, u.id) = (o.business_id, o.payout_user_id) WHERE u.email = %s",
                [email],
            ).fetchall()
        return [str(row[0]) for row in rows]

    def fees(self, email: str) -> int:
        """What this person's orders cost beyond what arrives."""
        with psycopg.connect(self.urls.owner) as owner:
            row = owner.execute(
                "SELECT coalesce(sum(o.fees), 0) FROM orders o JOIN payout_users u"
                " ON (u.business_id, u.id) = (o.business_id, o.payout_user_id) WHERE u.email = %s",
                [email],
            ).fetchone()
        assert row is not None
        return int(row[0])

    def pass_time(self) -> None:
        """At the vendors, on the chain, and for orders that wait."""
        self.rails.pass_time()
        self.portal.call(self.rails.desk.hurry)


@pytest.fixture(scope="module")
def world(urls: Urls, anvil_node: Node, tmp_path_factory: Any) -> Iterator[World]:  # the fixture
    folder = tmp_path_factory.mktemp("journeys")
    simulator = Simulator()
    port = live.free_port()
    with mail_server() as office, start_blocking_portal() as portal:

        async def opened() -> Database:
            database = Database(urls.application)
            await database.open()
            return database

        async def business(database: Database) -> Any:
            made = await open_business(database, funds=1_000_000, main=100)
            await database.write(brand.save, made.business_id, {"notify": True}, "test")
            return made

        given = live.environment(
            folder / "home",
            urls.application,
            PAYVIOX_PUBLIC_URL=f"http://127.0.0.1:{port}",
            PAYVIOX_SMTP_URL=f"smtp://127.0.0.1:{office.port}?tls=no",
            PAYVIOX_MAIL_FROM="payouts@host.test",
            PAYVIOX_LOG_LEVEL="debug",
        )
        web, worker = LiveServer(given, folder, port=port), LiveServer(given, folder, "worker")
        database = portal.call(opened)
        shop = portal.call(business, database)
        try:
            with portal.wrap_async_context_manager(
                every_rail(simulator, anvil_node, shop, folder)
            ) as rails:
                web.start()
                worker.spawn()
                yield World(portal, rails, web, worker, office, urls)
        finally:
            web.kill()
            worker.kill()
            portal.call(database.close)
            simulator.close()


@pytest.fixture
def phone(world: World, open_page: Callable[..., Page]) -> Page:
    """A phone, whose requests are noted."""
    page = open_page(width=PHONE)
    page.set_default_timeout(WAIT_MS)
    page.on("request", lambda request: world.asked.append(f"{request.url} {request.all_headers()}"))
    return page


def fill_in(page: Page, way: str, email: str) -> None:
    """What a person fills in on the form of this way, up to the review; the page is reloaded at
    every step."""
    page.reload()
    provider = {"stock": "Gift card", "tremendous": "Gift card", "paypal": "PayPal"}
    page.get_by_role("link", name=provider.get(way, "Crypto"), exact=True).click()
    page.reload()
    if way == "stock":
        page.get_by_label("Search gift cards").fill("shop")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("radio", name="Shop 25").check()
    elif way == "tremendous":
        page.get_by_role("radio").last.check()
        page.get_by_label("Amount").fill("20")
    elif way == "paypal":
        page.get_by_label("PayPal email").fill(f"success-{email}")
        page.get_by_label("Amount").fill("20")
    else:
        page.get_by_label("Network").select_option(label="USDT on Local")
        page.get_by_label("Wallet address").fill(checksummed(f"0x{secrets.token_hex(20)}"))
        page.get_by_label("Amount").fill("20")
        page.get_by_label("exactly").check()
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("button", name="Confirm")).to_be_visible()


@pytest.mark.parametrize("way", ["stock", "tremendous", "paypal", "crypto"])
def test_from_the_mail_to_the_receipt(world: World, phone: Page, way: str) -> None:
    email = f"{way}@journeys.example.com"
    come_in(phone, world.send(email))
    fill_in(phone, way, email)
    phone.reload()
    if way == "crypto":
        expect(phone.get_by_text("this address is empty and never sent anything")).to_be_visible()
    phone.get_by_role("button", name="Confirm").dblclick()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your withdrawal")
    until(lambda: world.orders(email) != ["queued"], 60)
    for _ in range(60):
        if world.orders(email) == ["succeeded"]:
            break
        world.pass_time()
        phone.wait_for_timeout(500)
    assert world.orders(email) == ["succeeded"]
    expect(phone.get_by_text(ARRIVED, exact=True)).to_be_visible(timeout=WAIT_MS)
    phone.reload()
    receipt = phone.get_by_role("region", name="Receipt")
    expect(receipt).to_contain_text("Reference")
    reference = phone.url.rpartition("/")[2]
    order_id = ids.parse(ids.ORDER, reference)
    assert order_id is not None
    if way in ("stock", "tremendous"):
        phone.get_by_role("button", name="Show code").click()
        expect(phone.get_by_role("heading", level=1)).to_have_text("Your gift card")
    delivered = world.mail(email, "has arrived")
    assert reference in str(delivered.get_body(("plain",)))
    if way in ("paypal", "tremendous"):
        assert world.rails.simulator.books().times_paid(reference) == 1
    taken = {"stock": 2_500, "crypto": 2_000 + world.fees(email)}
    assert world.ledger()[email] == FUNDS - taken.get(way, 2_000)


def test_a_scanner_that_waits_and_follows_every_link_of_the_mail_uses_nothing_up(
    world: World, open_page: Callable[..., Page]
) -> None:
    email = "scanned@journeys.example.com"
    link = world.send(email)
    html = str(world.mail(email, "sent you").get_body(("html",)))
    scanner = open_page()
    assert html.count("href=") == 1
    for _ in range(2):
        scanner.goto(link)
        scanner.wait_for_load_state("networkidle")
        for each in scanner.get_by_role("link").all():
            scanner.request.get(f"{world.web.url}{each.get_attribute('href')}")
    assert scanner.context.cookies() == []
    with psycopg.connect(world.urls.owner) as owner:
        seen = owner.execute(
            "SELECT count(*) FROM payout_user_sessions s JOIN payout_users u"
            " ON (u.business_id, u.id) = (s.business_id, s.payout_user_id) WHERE u.email = %s",
            [email],
        ).fetchone()
    assert seen == (0,)
    come_in(open_page(width=PHONE), link)


def test_without_a_connection_nothing_is_lost_and_two_tabs_pay_once(
    world: World, phone: Page, console: list[str]
) -> None:
    email = "tabs@journeys.example.com"
    come_in(phone, world.send(email))
    fill_in(phone, "paypal", email)
    review = phone.url
    other = phone.context.new_page()
    other.goto(review)
    phone.context.set_offline(True)
    with phone.expect_event("requestfailed"):
        phone.get_by_role("button", name="Confirm").click(no_wait_after=True)
    assert world.orders(email) == []
    phone.context.set_offline(False)
    phone.goto(review)
    phone.get_by_role("button", name="Confirm").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your withdrawal")
    other.get_by_role("button", name="Confirm").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Your withdrawal")
    assert other.url == phone.url
    other.go_back()
    expect(other.get_by_role("button", name="Confirm")).to_have_count(0)
    assert len(world.orders(email)) == 1
    assert world.ledger()[email] == FUNDS - 2_000
    console[:] = [line for line in console if "ERR_INTERNET_DISCONNECTED" not in line]


def test_a_page_that_follows_an_order_says_that_the_session_ended_and_leaves_nothing_behind(
    world: World, phone: Page, console: list[str]
) -> None:
    email = "ended@journeys.example.com"
    link = world.send(email)
    come_in(phone, link)
    fill_in(phone, "paypal", email)
    world.rails.simulator.rules({"vendor": "paypal", "receiver": "*", "course": "pending"})
    phone.get_by_role("button", name="Confirm").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your withdrawal")
    with psycopg.connect(world.urls.owner) as owner:
        owner.execute("DELETE FROM payout_user_sessions")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Open your link again")
    come_in(phone, link)
    phone.get_by_role("link", name="History").click()
    expect(phone.get_by_role("link", name="Withdrawal")).to_be_visible()
    phone.get_by_role("button", name="Leave").click()
    expect(phone.get_by_role("button", name="Continue")).to_be_visible()
    phone.go_back()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Open your link again")
    expect(phone.get_by_text("$")).to_have_count(0)
    assert world.ledger()[email] == FUNDS - 2_000
    console[:] = [line for line in console if "status of 401" not in line]
    world.rails.simulator.reset()


def test_a_code_of_the_mail_is_typed_before_the_first_withdrawal(world: World, phone: Page) -> None:
    email = "code@journeys.example.com"
    come_in(phone, world.send(email))
    world.portal.call(partial(world.rails.business.set, code_first=True))
    fill_in(phone, "paypal", email)
    phone.get_by_role("button", name="Confirm").click()
    heading = phone.get_by_role("heading", level=1)
    expect(heading).to_have_text("Enter the code we sent to c…@journeys.example.com")
    require_whole(phone)
    code = re.findall(r"\b\d{6}\b", text_of(world.mail(email, "Your code for")))[0]
    phone.get_by_label("Code", exact=True).fill(f"{(int(code) + 1) % 1_000_000:06}")
    phone.get_by_role("button", name="Confirm").click()
    expect(phone.get_by_text("This is not the code")).to_be_visible()
    require_whole(phone)
    assert world.orders(email) == []
    assert world.ledger()[email] == FUNDS
    phone.reload()
    phone.get_by_role("link", name="Back").click()
    phone.get_by_role("button", name="Confirm").click()
    expect(phone).to_have_url(re.compile("/code$"))  # the answer has become a page of its own
    phone.get_by_label("Code", exact=True).fill(code)
    phone.get_by_role("button", name="Confirm").dblclick()
    expect(heading).to_have_text("Your withdrawal")
    phone.go_back()
    expect(heading).to_have_text("Your withdrawal")
    assert len(world.orders(email)) == 1
    assert world.ledger()[email] == FUNDS - 2_000
    world.portal.call(partial(world.rails.business.set, code_first=False))


def test_the_code_of_the_mail_opens_the_page_with_its_address(world: World, phone: Page) -> None:
    email = "typed@journeys.example.com"
    world.send(email)
    text = text_of(world.mail(email, "sent you"))
    code = re.findall(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b", text)[0]
    assert f"{urlsplit(world.web.url).netloc}/redeem" in text
    for address, heading in (
        ("else@journeys.example.com", "This link opens nothing"),
        (email, "Your balance"),
    ):
        phone.goto(f"{world.web.url}/redeem")
        phone.get_by_label("Link or code").fill(code.lower().replace("-", " "))
        phone.get_by_label("Email").fill(address)
        phone.get_by_role("button", name="Continue").click()
        expect(phone.get_by_role("heading", level=1)).to_have_text(heading)
        require_whole(phone)
    expect(phone.get_by_text("$50.00").first).to_be_visible()


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_by_the_keyboard_alone(world: World, phone: Page) -> None:
    email = "keys@journeys.example.com"
    phone.goto(world.send(email))
    press(phone, "Continue")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your balance")
    press(phone, "PayPal")
    expect(phone.get_by_role("heading", level=1)).to_have_text("PayPal")
    press(phone, "PayPal email", "Control+A")
    phone.keyboard.type(f"success-{email}")
    press(phone, "Amount", "Control+A")
    phone.keyboard.type("20")
    press(phone, "Review")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Is this right?")
    press(phone, "Confirm")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your withdrawal")
    press(phone, "To your balance")
    expect(phone.get_by_text("$30.00").first).to_be_visible()
    assert world.ledger()[email] == FUNDS - 2_000


def test_the_first_load_is_small(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(width=PHONE)
    protocol = page.context.new_cdp_session(page)
    protocol.send("Network.enable")
    sizes: list[float] = []
    protocol.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    come = f"{world.web.url}/redeem#{'0' * 64}"
    page.goto(come)
    page.wait_for_load_state("networkidle")
    assert len(sizes) >= 4
    assert sum(sizes) <= 60_000, sizes


def test_what_opens_a_balance_is_in_no_log_line_address_referer_column_or_metric(
    world: World, phone: Page
) -> None:
    link = world.send("quiet@journeys.example.com")
    come_in(phone, link)
    users = httpx.get(f"{world.web.url}/payout/users", headers=world.key).json()["data"]
    user = next(one["id"] for one in users if one["email"].startswith("quiet@"))
    path = f"{world.web.url}/payout/users/{user}/redeem-link"
    ticket = httpx.post(path, headers=world.key).json()["url"]
    opening = {urlsplit(each).fragment for each in (*world.links.values(), ticket)}
    opening |= {each["value"] for each in phone.context.cookies() if each["name"] == "redeem"}
    for secret in opening:  # as mail programs break links
        for path in (f"/redeem%23{secret}", f"/redeem/{secret}", f"/redeem?{secret}"):
            httpx.get(f"{world.web.url}{path}")
    referers = [line.partition("'referer': ")[2].partition(",")[0] for line in world.asked]
    places = {
        "web's log": world.web.log.read_text(),
        "worker's log": world.worker.log.read_text(),
        "metrics": httpx.get(f"{world.web.url}/metrics").text,
        "addresses": "\n".join(line.partition(" ")[0] for line in world.asked),
        "referers": "".join(referers),
        "database": everything_in(world.urls),
    }
    assert "quiet@journeys.example.com" in places["database"]
    for name, text in places.items():
        assert text, name
        assert not [secret for secret in opening if secret[9:40] in text], name


def everything_in(urls: Urls) -> str:
    """Every row of every table, as text."""
    with urls.as_admin() as admin:
        tables = admin.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        rows = [
            str(row[0])
            for names in tables
            for row in admin.execute(
                sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(*map(str, names)))
            ).fetchall()
        ]
    return "\n".join(rows)
