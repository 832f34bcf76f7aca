"""People are reminded of money that they have not taken, told before it expires and once it has,
and stop reminders with one click."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from payviox.db.pool import Database
from payviox.installation import keyring_of
from payviox.mails import outbox
from payviox.mails.connections import Connections
from payviox.mails.sending import send_due
from payviox.settings import Settings
from payviox.smtp_server import SmtpServer, parse_sender
from payviox.unclaimed import contents, reminders
from payviox.unclaimed.expiry import expire_balances
from payviox.web.asgi import Application
from support.ageing import age, look
from support.businesses import TestBusiness
from support.dashboard import SITE, Browser
from support.databases import Urls
from support.mail_server import MailServer, link_in, mail_server
from support.redeem import Recipient, text_of
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

SENDER = parse_sender("Payviox <payouts@host.test>")
ADA = "ada@example.com"


@pytest.fixture
def post_office() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
async def shop(business: TestBusiness, database: Database) -> TestBusiness:
    """A business that reminds after 7 and after 30 days, and no mail of another test."""
    await database.write(lambda db: db.execute("DELETE FROM mails"))
    await business.set(reminder_days=[7, 30], notify=True)
    return business


async def written(database: Database) -> list[str]:
    return [mail.message for mail in reversed(await database.fetch(outbox.list_page, None, 100))]


async def post(
    database: Database, settings: Settings, shop: TestBusiness, to: MailServer
) -> list[EmailMessage]:
    """Everything that is due goes out; what was sent by it."""
    already = len(to.mails)
    prepare = contents.prepares(keyring_of(settings), SITE)
    connections = Connections(SmtpServer("127.0.0.1", to.port, "none"))
    await send_due(database, connections, SENDER, prepare, shop.business_id)
    return to.mails[already:]


async def test_each_reminder_is_one_mail_with_a_link_and_a_way_to_stop_them(
    shop: TestBusiness,
    database: Database,
    urls: Urls,
    settings: Settings,
    post_office: MailServer,
    application: Application,
) -> None:
    shown = (await shop.create(ADA, 700)).json()["hash"]
    age(urls, shop, 6)
    await look(database, shop)
    assert await written(database) == []
    age(urls, shop, 1)
    await look(database, shop)
    await look(database, shop)
    assert await written(database) == ["reminder"]
    [mail] = await post(database, settings, shop, post_office)
    assert mail["Subject"] == "[Test] $7.00 from ACME is waiting for you"
    assert link_in(mail) == f"{SITE}/redeem#{shown}"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stop = str(mail["List-Unsubscribe"]).removeprefix("<").removesuffix(">")
    body = mail.get_body(("html",))
    assert body is not None
    assert "/redeem/reminders/" not in body.get_content()

    stranger = Browser.of(application)
    async with stranger.client as client:
        assert "Stop reminders?" in (await client.get(stop)).text
        assert (await client.post(f"{stop}x")).status_code == 404
        assert (await client.get(stop.replace("usr_", "usr_0"))).status_code == 404
        age(urls, shop, 23)
        await look(database, shop)
        assert await written(database) == ["reminder", "reminder"]
        answer = await client.post(stop, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "No more reminders" in answer.text
        assert not client.cookies
    assert await post(database, settings, shop, post_office) == []
    await shop.create(ADA, 1)
    age(urls, shop, 300)
    await look(database, shop)
    assert await written(database) == ["reminder", "reminder"]


async def test_reminders_that_are_due_at_once_are_one_and_open_orders_need_none(
    shop: TestBusiness, database: Database, urls: Urls
) -> None:
    desk = Desk.of(shop)
    user_id = await desk.user(700)
    await desk.user(900, "grace@example.com")
    age(urls, shop, 400)
    order = await desk.withdraw(user_id, 100)
    await database.write(lambda db: db.execute("DELETE FROM mails"))
    await look(database, shop)
    assert await written(database) == ["reminder"]
    await desk.cancel(order)
    await database.write(lambda db: db.execute("DELETE FROM mails"))
    await look(database, shop)
    await look(database, shop)
    assert await written(database) == ["reminder"]


async def test_whoever_stopped_reminders_turns_them_on_again_on_their_page(
    shop: TestBusiness, database: Database, urls: Urls, application: Application
) -> None:
    ada = await Recipient.of(shop, Browser.of(application), 700)
    assert "Remind me again" not in text_of(await ada.get("balance"))
    user_id = await ada.desk.user(1)
    await database.write(reminders.stop, shop.business_id, user_id)
    assert "Remind me again" in text_of(await ada.get("balance"))
    age(urls, shop, 8)
    await look(database, shop)
    answer = await ada.browser.post("/redeem/reminders/resume")
    page = text_of(await ada.browser.get(answer.headers["location"]))
    assert "You are reminded by mail again" in page
    assert "Remind me again" not in page
    await look(database, shop)
    assert await written(database) == [], "what came due meanwhile is not made up for"
    age(urls, shop, 23)
    await look(database, shop)
    assert await written(database) == ["reminder"]


async def test_nobody_turns_reminders_on_without_a_session_of_theirs(
    shop: TestBusiness, database: Database, application: Application
) -> None:
    user_id = await Desk.of(shop).user(700)
    await database.write(reminders.stop, shop.business_id, user_id)
    answer = await Browser.of(application).post("/redeem/reminders/resume")
    assert answer.status_code == 401
    assert await database.fetch(reminders.are_stopped, shop.business_id, user_id)


async def test_where_a_business_sends_no_mails_nobody_is_reminded(
    shop: TestBusiness, database: Database, urls: Urls
) -> None:
    await shop.set(notify=False, balance_lifetime_days=30)
    await shop.create(ADA, 700)
    age(urls, shop, 400)
    await look(database, shop)
    age(urls, shop, 14)
    assert await expire_balances(database) == 700
    assert await written(database) == []


async def test_people_are_told_before_it_expires_and_once_it_has(
    shop: TestBusiness,
    database: Database,
    urls: Urls,
    settings: Settings,
    post_office: MailServer,
) -> None:
    await shop.set(balance_lifetime_days=30)
    await shop.create(ADA, 700)
    age(urls, shop, 31)
    await shop.create(ADA, 50)
    await look(database, shop)
    assert await written(database) == ["expiry_announced"]
    [mail] = await post(database, settings, shop, post_office)
    until = await shop.scalar(
        "SELECT to_char(expires_at, 'FMMonth FMDD, YYYY') FROM expiry_notices"
        " WHERE business_id = %s",
        shop.business_id,
    )
    assert mail["Subject"] == f"[Test] $7.00 from ACME expires on {until}"
    assert mail["List-Unsubscribe"] is None
    age(urls, shop, 14)
    assert await expire_balances(database) == 700
    [mail] = await post(database, settings, shop, post_office)
    assert mail["Subject"] == "[Test] $7.00 from ACME has expired"
    body: Any = mail.get_body(("plain",))
    assert "Your balance is $0.50" in body.get_content()


async def test_nobody_is_told_of_an_expiry_that_a_rule_took_back_or_of_money_they_took(
    shop: TestBusiness,
    database: Database,
    urls: Urls,
    settings: Settings,
    post_office: MailServer,
) -> None:
    desk = Desk.of(shop)
    await shop.set(balance_lifetime_days=30, reminder_days=[])
    await desk.user(700)
    user_id = await desk.user(700, "grace@example.com")
    age(urls, shop, 31)
    await look(database, shop)
    assert await written(database) == ["expiry_announced"] * 2
    await desk.withdraw(user_id, 700, email="grace@example.com")
    await shop.set(balance_lifetime_days=None)
    sent = await post(database, settings, shop, post_office)
    assert [mail for mail in sent if "expires" in mail["Subject"]] == []
