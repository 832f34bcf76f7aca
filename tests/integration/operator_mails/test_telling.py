"""Operators are told by mail of what needs somebody: what they chose, where they may look, once
while it lasts and again when it comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox import ids
from payviox.access import members
from payviox.auth import operators
from payviox.db.pool import Database
from payviox.installation import keyring_of
from payviox.keyring import Keyring
from payviox.mails.connections import Connections
from payviox.mails.model import INSTALLATION
from payviox.mails.sending import send_due
from payviox.maintenance.attention_mails import prepares, tell_operators
from payviox.operator_mails import choices, telling
from payviox.operator_mails.model import Choices, Subject
from payviox.rights import service as rights
from payviox.settings import Settings
from payviox.smtp_server import SmtpServer, parse_sender
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.dashboard import SITE, Browser, base_of, make_operator
from support.databases import Urls
from support.giftcards import csv_of, import_text
from support.live import SECRET_KEY
from support.mail_server import MailServer, link_in, mail_server
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

SENDER = parse_sender("Payviox <payouts@host.test>")
Choose = Callable[..., Awaitable["Person"]]
Post = Callable[[], Awaitable[list[EmailMessage]]]


@dataclass(frozen=True)
class Person:
    """An operator who chose to be told something."""

    id: UUID
    email: str


@pytest.fixture
def post_office() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture(autouse=True)
async def nobody_else(database: Database) -> None:
    """No mail and no choice of another test."""

    async def forget(db: Any) -> None:
        await db.execute("DELETE FROM mails")
        await db.execute("DELETE FROM attention_choices")

    await database.write(forget)


@pytest.fixture
def choose(database: Database, business: TestBusiness) -> Choose:
    """Make an operator of the business who chose this."""

    async def made(*causes: str, at: TestBusiness | None = business, **more: Any) -> Person:
        email = f"{uuid4().hex}@example.com"
        operator_id = await make_operator(database, email, at, "viewer" if at else None)
        wanted = {"is_daily": False, "with_test": True, "zone": "UTC"} | more
        chosen = Choices(frozenset(causes), **wanted)
        await database.write(choices.save, operator_id, chosen)
        return Person(operator_id, email)

    return made


@pytest.fixture
def post(database: Database, settings: Settings, post_office: MailServer) -> Post:
    """Send what is written, as if its minute had gone by; answers the new mails."""

    async def send() -> list[EmailMessage]:
        before = len(post_office.mails)
        await database.write(
            lambda db: db.execute("UPDATE mails SET due_at = now() WHERE status = 'queued'")
        )
        prepare = prepares(keyring_of(settings), SITE)
        connections = Connections(SmtpServer("127.0.0.1", post_office.port, "none"))
        await send_due(database, connections, SENDER, prepare, INSTALLATION)
        return post_office.mails[before:]

    return send


@pytest.fixture
async def desk(business: TestBusiness) -> Desk:
    """Of a business that reviews orders from $10.00 on."""
    await business.set(review_amount=1_000)
    return Desk.of(business)


async def written(database: Database) -> list[tuple[str, str]]:
    """Each mail's recipient and what it is of."""

    async def read(db: Any) -> list[tuple[str, str]]:
        cursor = await db.execute(
            "SELECT recipient, coalesce(facts ->> 'cause', message) FROM mails"
            " WHERE business_id IS NULL ORDER BY id"
        )
        return list(await cursor.fetchall())

    return await database.fetch(read)


async def later(urls: Urls, minutes: int = 16) -> None:
    """Everybody was told so much earlier."""
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE attention_mails SET told_at ="
            " (told_at AT TIME ZONE 'UTC' - make_interval(mins => %s)) AT TIME ZONE 'UTC'",
            [minutes],
        )


async def next_day(urls: Urls) -> None:
    """Everybody had their last digest a day earlier."""
    with urls.as_admin() as admin:
        admin.execute("UPDATE attention_choices SET digest_on = digest_on - 1")


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def stock(business: TestBusiness, code: str) -> None:
    keyring = Keyring(SECRET_KEY)
    await import_text(business.database, keyring, business.business_id, csv_of([code]))


async def test_many_orders_for_review_at_once_are_one_mail_with_their_page(
    desk: Desk, choose: Choose, post: Post, database: Database
) -> None:
    ada = await choose("review", "low_stock")
    await choose("low_stock")
    user = await desk.user(60_000)
    await asyncio.gather(*(desk.withdraw(user, 1_000 + number) for number in range(20)))
    assert await written(database) == [(ada.email, "review")], "in the orders' own transactions"
    await tell_operators(database)
    await desk.withdraw(user, 2_000)
    await tell_operators(database)
    [mail] = await post()
    assert (mail["To"], mail["Subject"]) == (ada.email, "Orders to review: ACME (test)")
    assert link_in(mail) == f"{SITE}{base_of(desk.business)}/orders?status=review&rail=sandbox"
    assert "a rule holds back until somebody decides: 21, $221.90, sandbox, since " in text_of(mail)
    assert mail["List-Unsubscribe"] is None
    assert await post() == []


async def test_what_is_rolled_back_tells_nobody(
    business: TestBusiness, choose: Choose, database: Database
) -> None:
    ada = await choose("review")
    subject = Subject(business.business_id, "review")

    async def broken(db: Any) -> None:
        await telling.tell(db, [subject])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.write(broken)
    assert await written(database) == []
    await database.write(telling.tell, [subject])
    assert await written(database) == [(ada.email, "review")]


async def test_what_comes_back_is_told_again_and_not_within_the_same_minutes(
    desk: Desk, choose: Choose, database: Database, urls: Urls, post: Post
) -> None:
    ada = await choose("review")
    user = await desk.user(60_000)
    first = await desk.withdraw(user, 1_000)
    assert len(await post()) == 1
    await later(urls)
    await tell_operators(database)
    assert await written(database) == [(ada.email, "review")], "it lasts"
    await desk.approve(first)
    await tell_operators(database)
    second = await desk.withdraw(user, 1_000)
    assert await written(database) == [(ada.email, "review")] * 2
    await desk.cancel(second)
    await tell_operators(database)
    await desk.withdraw(user, 1_000)
    await tell_operators(database)
    assert await written(database) == [(ada.email, "review")] * 2, "it was told just now"
    await later(urls)
    await tell_operators(database)
    assert await written(database) == [(ada.email, "review")] * 3


async def test_what_has_ended_by_then_is_not_sent(desk: Desk, choose: Choose, post: Post) -> None:
    await choose("review")
    order = await desk.withdraw(await desk.user(5_000), 1_000)
    await desk.reject(order)
    assert await post() == []


async def test_the_worker_sees_what_no_transaction_tells_of(
    business: TestBusiness, choose: Choose, database: Database, post: Post
) -> None:
    ada = await choose("low_stock", "webhook_failing")
    await business.set(low_stock=2)
    await stock(business, "CARD-1")
    await tell_operators(database)
    await tell_operators(database)
    assert await written(database) == [(ada.email, "low_stock")]
    [mail] = await post()
    assert mail["Subject"] == "Low stock: ACME (test)"
    assert link_in(mail) == f"{SITE}{base_of(business)}/gift-cards"


async def test_only_those_are_told_who_may_look_and_of_test_only_who_wants(
    desk: Desk, choose: Choose, database: Database, make_business: Any, urls: Urls, post: Post
) -> None:
    business = desk.business
    await choose("review", at=await make_business())
    await choose("review", at=None)
    await choose("review", with_test=False)
    disabled, stranger, left = [await choose("review") for _ in range(3)]
    await database.write(operators.disable, disabled.email, "test")
    with urls.as_admin() as admin:
        admin.execute("UPDATE operators SET email_verified = false WHERE id = %s", [stranger.id])
    await desk.withdraw(await desk.user(5_000), 1_000)
    assert await written(database) == [(left.email, "review")]
    await database.write(members.remove, business.business_id, left.id, "test")
    assert await post() == [], "who has left meanwhile reads nothing more"


async def test_admins_are_told_of_every_business_and_live_is_told_without_a_tick(
    business: TestBusiness, database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    admin = await make_operator(database, email, is_admin=True)
    chosen = Choices(frozenset({"review"}), is_daily=False, with_test=False, zone="UTC")
    await database.write(choices.save, admin, chosen)
    assert business.twin is not None
    for at in (business, business.twin):
        await database.write(telling.tell, [Subject(at.business_id, "review")])
    [business_id] = await database.fetch(_told_of)
    assert business_id == ids.show(ids.BUSINESS, business.twin.business_id)


async def _told_of(db: Any) -> list[str]:
    cursor = await db.execute("SELECT facts ->> 'business' FROM mails WHERE business_id IS NULL")
    return [row[0] for row in await cursor.fetchall()]


async def test_a_digest_tells_once_a_day_of_all_when_something_is_new(
    desk: Desk, choose: Choose, database: Database, urls: Urls, post: Post
) -> None:
    ada = await choose("review", "low_stock", is_daily=True)
    business = desk.business
    await desk.withdraw(await desk.user(5_000), 1_000)
    await tell_operators(database)
    assert await written(database) == [], "today's is over"
    await next_day(urls)
    await tell_operators(database)
    await tell_operators(database)
    assert await written(database) == [(ada.email, "attention_digest")]
    [mail] = await post()
    assert mail["Subject"] == "What needs somebody at ACME (test)"
    assert f"{SITE}{base_of(business)}/orders?status=review&rail=sandbox" in text_of(mail)
    await database.write(lambda db: db.execute("DELETE FROM mails"))
    await next_day(urls)
    await tell_operators(database)
    assert await written(database) == [], "nothing is new"
    await business.set(low_stock=2)
    await stock(business, "CARD-1")
    await next_day(urls)
    await tell_operators(database)
    [mail] = await post()
    old, new = text_of(mail).split("New.")
    assert "Import more cards." in new
    assert "Approve or reject each." in old


async def test_a_mail_program_stops_digests_with_one_click_and_nothing_else(
    desk: Desk,
    choose: Choose,
    database: Database,
    urls: Urls,
    post: Post,
    application: Application,
) -> None:
    ada = await choose("review", is_daily=True)
    grace = await choose("review", is_daily=True)
    await desk.withdraw(await desk.user(5_000), 1_000)
    await next_day(urls)
    await tell_operators(database)
    sent = {mail["To"]: mail for mail in await post()}
    mail = sent[ada.email]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stop = str(mail["List-Unsubscribe"]).removeprefix("<").removesuffix(">")
    assert stop not in text_of(mail)
    async with Browser.of(application).client as client:
        assert "Stop daily mails?" in (await client.get(stop)).text
        assert (await client.post(f"{stop}x")).status_code == 404
        other = stop.replace(ids.show(ids.OPERATOR, ada.id), ids.show(ids.OPERATOR, grace.id))
        assert (await client.post(other)).status_code == 404
        assert await database.fetch(choices.find, ada.id) is not None
        answer = await client.post(stop, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "No more daily mails" in answer.text
        assert not client.cookies
        assert await database.fetch(choices.find, ada.id) is None
        assert await database.fetch(choices.find, grace.id) is not None
        at_once = Choices(frozenset({"review"}), is_daily=False, with_test=True, zone="UTC")
        await database.write(choices.save, ada.id, at_once)
        await client.post(stop)
        assert await database.fetch(choices.find, ada.id) == at_once


async def test_what_was_dropped_is_told_when_it_is_back_before_the_worker_looks(
    desk: Desk, choose: Choose, database: Database, urls: Urls, post: Post
) -> None:
    ada = await choose("review")
    user = await desk.user(5_000)
    await desk.reject(await desk.withdraw(user, 1_000))
    assert await post() == []
    await desk.withdraw(user, 1_000)
    await tell_operators(database)
    assert await written(database) == [(ada.email, "review")], "at most every quarter of an hour"
    await later(urls)
    await tell_operators(database)
    assert [mail["To"] for mail in await post()] == [ada.email]
    await later(urls)
    await tell_operators(database)
    assert await post() == [], "once"


async def test_what_was_dropped_is_told_in_the_transaction_of_the_next(
    desk: Desk, choose: Choose, urls: Urls, post: Post
) -> None:
    await choose("review")
    user = await desk.user(5_000)
    await desk.reject(await desk.withdraw(user, 1_000))
    await later(urls)
    assert await post() == []
    await desk.withdraw(user, 1_000)
    assert len(await post()) == 1


@pytest.mark.parametrize("is_daily", [False, True])
async def test_what_the_mail_server_refused_is_told_again_while_it_lasts(
    desk: Desk,
    choose: Choose,
    database: Database,
    urls: Urls,
    post: Post,
    post_office: MailServer,
    is_daily: bool,
) -> None:
    ada = await choose("review", is_daily=is_daily)
    await desk.withdraw(await desk.user(5_000), 1_000)
    await next_day(urls)
    await tell_operators(database)
    post_office.refuse_texts = ["554 looks like spam"]
    assert await post() == []
    assert post_office.refuse_texts == []
    await tell_operators(database)
    assert len(await written(database)) == 1, "not at once"
    await later(urls)
    await next_day(urls)
    await tell_operators(database)
    assert [mail["To"] for mail in await post()] == [ada.email]
    await later(urls)
    await next_day(urls)
    await tell_operators(database)
    assert await post() == [], "it was told"


async def test_who_is_given_their_role_back_is_told_of_what_lasts(
    desk: Desk, choose: Choose, database: Database, urls: Urls, post: Post
) -> None:
    business_id = desk.business.business_id
    ada = await choose("review")
    await desk.withdraw(await desk.user(5_000), 1_000)
    await database.write(members.remove, business_id, ada.id, "test")
    assert await post() == []
    await later(urls)
    await tell_operators(database)
    assert len(await written(database)) == 1
    await database.write(rights.put, business_id, ada.id, "viewer")
    await tell_operators(database)
    assert [mail["To"] for mail in await post()] == [ada.email]


async def test_a_digest_that_waited_until_the_next_day_is_sent(
    desk: Desk,
    choose: Choose,
    database: Database,
    urls: Urls,
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada = await choose("review", is_daily=True)
    await desk.withdraw(await desk.user(5_000), 1_000)
    await next_day(urls)
    await tell_operators(database)
    tomorrow = choices.digest_day("UTC", datetime.now(UTC)) + timedelta(days=1)
    monkeypatch.setattr(choices, "digest_day", lambda *_: tomorrow)
    await tell_operators(database)
    assert await written(database) == [(ada.email, "attention_digest")], "nothing is new"
    [mail] = await post()
    assert "New." in text_of(mail)


@pytest.mark.parametrize("is_daily", [False, True])
async def test_who_wanted_nothing_for_a_while_is_told_of_what_needs_somebody_then(
    desk: Desk, choose: Choose, database: Database, urls: Urls, post: Post, is_daily: bool
) -> None:
    ada = await choose("review", is_daily=is_daily)
    user = await desk.user(5_000)
    order = await desk.withdraw(user, 1_000)
    await next_day(urls)
    await tell_operators(database)
    assert len(await post()) == 1
    wanted = Choices(frozenset({"review"}), is_daily=is_daily, with_test=True, zone="UTC")
    if is_daily:
        await database.write(choices.stop_digests, ada.id)
    else:
        await database.write(choices.save, ada.id, replace(wanted, causes=frozenset()))
    await desk.reject(order)
    await later(urls)
    await desk.withdraw(user, 1_000)
    await database.write(choices.save, ada.id, wanted)
    await next_day(urls)
    await tell_operators(database)
    assert len(await post()) == 1


async def test_a_digest_of_a_day_that_comes_twice_is_sent_twice_if_something_is_new(
    desk: Desk, choose: Choose, database: Database, urls: Urls, post: Post
) -> None:
    """Whoever moves to a zone in the west has the day's 8:00 once more."""
    await choose("review", "low_stock", is_daily=True)
    await desk.withdraw(await desk.user(5_000), 1_000)
    await next_day(urls)
    await tell_operators(database)
    assert len(await post()) == 1
    await desk.business.set(low_stock=2)
    await stock(desk.business, "CARD-1")
    await next_day(urls)
    await tell_operators(database)
    assert len(await post()) == 1


@pytest.mark.parametrize(
    ("zone", "now", "day"),
    [
        ("UTC", datetime(2026, 3, 2, 7, 59, tzinfo=UTC), date(2026, 3, 1)),
        ("UTC", datetime(2026, 3, 2, 8, 0, tzinfo=UTC), date(2026, 3, 2)),
        ("America/New_York", datetime(2026, 3, 2, 12, 59, tzinfo=UTC), date(2026, 3, 1)),
        ("America/New_York", datetime(2026, 3, 2, 13, 0, tzinfo=UTC), date(2026, 3, 2)),
        ("Asia/Kolkata", datetime(2026, 3, 2, 2, 30, tzinfo=UTC), date(2026, 3, 2)),
        ("Nowhere/Atlantis", datetime(2026, 3, 2, 8, 0, tzinfo=UTC), date(2026, 3, 2)),
    ],
)
async def test_a_days_digest_is_due_at_eight_in_its_readers_zone(
    zone: str, now: datetime, day: date
) -> None:
    assert choices.digest_day(zone, now) == day
