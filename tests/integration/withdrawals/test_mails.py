"""Payout users are told by mail how their withdrawals go, from the changes of state that webhooks
tell of: once each, what is out of date not at all."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from payviox.db.pool import Database
from payviox.installation import keyring_of
from payviox.mails import outbox
from payviox.mails.connections import Connections
from payviox.mails.sending import send_due
from payviox.rails.failures import failed
from payviox.recipient_mails import brand
from payviox.settings import Settings
from payviox.smtp_server import SmtpServer, parse_sender
from payviox.withdrawals import mails
from support.banking import SEPA, Banking, entry, statement
from support.businesses import TestBusiness
from support.mail_server import MailServer, link_in, mail_server
from support.unclaimed import UnclaimedVendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

SITE = "https://pay.acme.test"


@pytest.fixture
def post_office() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
async def desk(business: TestBusiness) -> Desk:
    """Of a business whose payout users get mails."""
    await business.database.write(brand.save, business.business_id, {"notify": True}, "test")
    return Desk.of(business)


@pytest.fixture
def post(settings: Settings, desk: Desk, post_office: MailServer) -> Any:
    """Send what is written, as if an hour had gone by; answers the new mails."""

    async def send() -> list[EmailMessage]:
        database, business_id = desk.database, desk.business.business_id
        await database.write(
            lambda db: db.execute(
                "UPDATE mails SET due_at = now() WHERE status = 'queued' AND business_id = %s",
                [business_id],
            )
        )
        before = len(post_office.mails)
        connections = Connections(SmtpServer("127.0.0.1", post_office.port, "none"))
        sender = parse_sender("payouts@host.test")
        prepare = mails.prepares(keyring_of(settings), SITE)
        await send_due(database, connections, sender, prepare, business_id)
        return post_office.mails[before:]

    return send


def subjects(sent: list[EmailMessage]) -> list[str]:
    return [str(mail["Subject"]).removeprefix("[Test] ") for mail in sent]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_what_went_through_at_once_is_one_mail(desk: Desk, post: Any) -> None:
    order = await desk.withdraw(await desk.user(12_000), 12_000)
    await desk.process()
    assert (await desk.get(order)).status == "succeeded"
    sent = await post()
    assert subjects(sent) == [f"${order.net_amount / 100:,.2f} has arrived"]
    [mail] = sent
    assert mail["To"] == "ada@example.com"
    assert f"ord_{order.id}" in text_of(mail)
    assert "PayPal, a…@example.com" in text_of(mail)
    assert link_in(mail).startswith(f"{SITE}/redeem#")
    assert await post() == []


async def test_what_waits_for_review_is_confirmed_and_then_refused_with_the_money_back(
    desk: Desk, post: Any
) -> None:
    await desk.business.set(review_amount=1)
    order = await desk.withdraw(await desk.user(12_000), 12_000)
    [confirmed] = await post()
    assert subjects([confirmed]) == ["Your withdrawal of $120.00"]
    assert "The sender looks at this withdrawal before it is paid." in text_of(confirmed)
    await desk.reject(order, "an operator's own words")
    [refused] = await post()
    assert subjects([refused]) == ["Your withdrawal of $120.00 was not approved"]
    assert "back on your balance of $120.00" in text_of(refused)
    assert "own words" not in text_of(refused)


async def test_a_transfer_in_euros_is_told_in_euros_with_its_rate(
    business: TestBusiness, desk: Desk, post: Any
) -> None:
    bank = await Banking.of(business)
    order = await bank.order(2_500, SEPA)
    [confirmed] = await post()
    assert subjects([confirmed]) == ["Your withdrawal of $25.00"]
    arrives = "Arrives: €23.00 ($25.00 at 1 EUR = 0.92 USD)"
    assert arrives in text_of(confirmed)
    await bank.desk.process()
    await bank.released("sepa")
    line = [entry(await bank.payment(order), ref="1")]
    iban = "<IBAN>DE02120300000000202051</IBAN>"
    await bank.take(statement(line, opening=5_000, closing=2_700, account=iban, currency="EUR"))
    assert (await bank.settled(order)).status == "succeeded"
    [arrived] = await post()
    assert subjects([arrived]) == ["€23.00 has arrived"]
    assert arrives in text_of(arrived)


async def test_a_canceled_withdrawal_says_so(desk: Desk, post: Any) -> None:
    order = await desk.withdraw(await desk.user(12_000), 12_000)
    await desk.cancel(order)
    assert subjects(await post()) == ["Your withdrawal of $120.00 was canceled"]


async def test_whoever_withdraws_and_cancels_without_end_fills_no_mailbox(
    desk: Desk, post: Any
) -> None:
    user = await desk.user(12_000)
    for _ in range(mails.MOST_AN_HOUR + 2):
        await desk.cancel(await desk.withdraw(user, 12_000))
    assert len(await post()) == mails.MOST_AN_HOUR
    failing = await desk.withdraw(user, 12_000, {"email": "fail@sandbox.payviox.test"})
    for _ in range(4):
        await desk.process()
        await desk.hurry()
    assert (await desk.get(failing)).status == "failed"
    [failed] = await post()
    assert "did not work" in failed["Subject"], "what they did not do themselves is told"


@pytest.mark.parametrize(
    ("ending", "subject", "reason"),
    [
        ("fail", "did not work", failed("sandbox_failed")),
        ("returned", "came back to your balance", failed("sandbox_returned")),
    ],
)
async def test_what_failed_or_came_back_is_told_with_its_reason(
    desk: Desk, post: Any, ending: str, subject: str, reason: str
) -> None:
    user = await desk.user(20_000)
    destination = {"email": f"{ending}@sandbox.payviox.test"}
    order = await desk.withdraw(user, 12_000, destination)
    for _ in range(4):
        await desk.process()
        await desk.hurry()
    assert (await desk.get(order)).status in ("failed", "returned")
    sent = await post()
    [mail] = [mail for mail in sent if subject in mail["Subject"]]
    assert len(sent) == 1, subjects(sent)
    assert reason in text_of(mail)
    assert "balance of $200.00" in text_of(mail)


async def test_what_is_not_claimed_at_paypal_is_told_once(
    business: TestBusiness, desk: Desk, post: Any
) -> None:
    vendor = UnclaimedVendor()
    at_paypal = Desk.of(business, vendor.rails)
    vendor.plan = ["accept"]
    await at_paypal.withdraw(await at_paypal.user(1_000), 1_000)
    await at_paypal.process()
    names = subjects(await post())
    assert [name for name in names if "waits for you at PayPal" in name]
    assert not [name for name in names if "on its way" in name]
    await at_paypal.hurry()
    await at_paypal.process()
    assert await post() == []


async def test_nobody_is_told_where_the_business_has_not_said_so(
    database: Database, make_business: Any
) -> None:
    quiet = await make_business(funds=100_000)
    desk = Desk.of(quiet)
    await desk.withdraw(await desk.user(12_000), 12_000)
    await desk.process()
    every = await database.fetch(outbox.list_page, None, 100)
    assert [mail for mail in every if mail.business_id == quiet.business_id] == []
