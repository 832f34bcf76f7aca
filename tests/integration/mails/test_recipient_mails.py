"""Payout users are told by mail of what they get: once, in the business's name, where it is on."""

import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.installation import keyring_of
from payviox.mails import outbox
from payviox.mails.connections import Connections
from payviox.mails.model import Mail
from payviox.mails.sending import send_due
from payviox.recipient_mails import brand, contents, notices
from payviox.settings import Settings
from payviox.smtp_server import SmtpServer, parse_sender
from support.businesses import TestBusiness
from support.mail_server import MailServer, link_in, mail_server

pytestmark = pytest.mark.anyio

SITE = "https://pay.acme.test"
SENDER = parse_sender("Payviox <payouts@host.test>")


@pytest.fixture
def post_office() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture(autouse=True)
async def nothing_else(database: Database) -> None:
    """No mail of another test."""
    for table in ("mails", "allocation_notices"):
        await database.write(lambda db, table=table: db.execute(f"DELETE FROM {table}"))


async def post(database: Database, settings: Settings, shop: TestBusiness, to: MailServer) -> int:
    """Everything that is collected and written goes out now."""
    await database.write(
        lambda db: db.execute("UPDATE mails SET due_at = now() WHERE status = 'queued'")
    )
    prepare = contents.prepares(keyring_of(settings), SITE)
    connections = Connections(SmtpServer("127.0.0.1", to.port, "none"))
    return await send_due(database, connections, SENDER, prepare, shop.business_id)


async def collect(database: Database, owner: Any, shop: TestBusiness) -> list[Mail]:
    """What was collected becomes mails, as if two minutes had gone by."""
    with owner.as_admin() as admin:
        admin.execute("UPDATE allocation_notices SET due_at = now()")
    assert shop.business_id in await notices.due_businesses(database)
    await notices.write_due(database, shop.business_id)
    return await outbox_of(database)


async def outbox_of(database: Database) -> list[Mail]:
    return await database.fetch(outbox.list_page, None, 100)


async def collected(shop: TestBusiness) -> int:
    return int(
        await shop.scalar(
            "SELECT coalesce(sum(amount), 0) FROM allocation_notices WHERE business_id = %s",
            shop.business_id,
        )
    )


async def brand_of(database: Database, shop: TestBusiness, **typed: str) -> None:
    changes = {**brand.parse(typed), "notify": True}
    await database.write(brand.save, shop.business_id, changes, "test")


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


async def test_several_allocations_are_one_mail_with_a_link_that_opens_the_balance(
    database: Database,
    urls: Any,
    settings: Settings,
    business: TestBusiness,
    post_office: MailServer,
) -> None:
    await brand_of(
        database,
        business,
        brand_name="Acme Rewards",
        brand_color="#7A1F5C",
        support_email="Help@acme.test",
    )
    first = await business.create("ada@example.com", 2_500)
    await business.create("ada@example.com", 500)
    items = [{"email": "ada@example.com", "amount": 1_000}] * 2
    await business.client.post("/payout/batch", json={"items": items})
    [written] = await collect(database, urls, business)
    assert await post(database, settings, business, post_office) == 1
    [mail] = post_office.mails
    assert mail["Subject"] == "[Test] Acme Rewards sent you $50.00"
    assert mail["From"] == "Acme Rewards <payouts@host.test>"
    assert mail["Reply-To"] == "help@acme.test"
    assert mail["Message-ID"] == f"<{written.id}@host.test>"
    shown = first.json()["hash"]
    assert link_in(mail) == f"{SITE}/redeem#{shown}"
    html = text_of(mail, "html")
    for fact in ("$50.00", shown, "Acme Rewards", "help@acme.test", "a test"):
        assert fact in text_of(mail)
        assert fact in html
    assert html.count("href=") == 1
    assert "src=" not in html
    assert "#7a1f5c" in html
    assert len(mail.as_bytes(policy=email.policy.SMTP)) < 100_000
    assert await post(database, settings, business, post_office) == 0


async def test_the_hash_stands_in_no_row_of_the_outbox(
    database: Database,
    urls: Any,
    settings: Settings,
    business: TestBusiness,
    post_office: MailServer,
) -> None:
    await brand_of(database, business)
    shown = (await business.create("ada@example.com", 2_500)).json()["hash"]
    await collect(database, urls, business)
    post_office.refuse_texts = [f"451 I do not like {SITE}/redeem#{shown}"]
    assert await post(database, settings, business, post_office) == 0
    [mail] = await outbox_of(database)
    assert mail.answer == f"451 I do not like {SITE}/redeem#…"
    rows = await business.scalar("SELECT string_agg(mails::text, ' ') FROM mails")
    assert shown not in rows
    assert await post(database, settings, business, post_office) == 1


async def test_nobody_is_told_where_the_business_has_not_said_so(
    database: Database, business: TestBusiness
) -> None:
    await business.create("ada@example.com", 2_500)
    assert await collected(business) == 0


@pytest.mark.parametrize("setting", [True, False])
async def test_a_call_says_otherwise_than_the_setting(
    database: Database, business: TestBusiness, setting: bool
) -> None:
    if setting:
        await brand_of(database, business)
    for notify in (True, False, None):
        body = {"email": "ada@example.com", "amount": 100, "notify": notify}
        assert (await business.client.post("/payout/create", json=body)).status_code == 201
    items = [
        {"email": "ada@example.com", "amount": 10, "notify": True},
        {"email": "grace@example.com", "amount": 10, "notify": False},
        {"email": "grace@example.com", "amount": 10},
    ]
    answer = await business.client.post("/payout/batch", json={"items": items})
    assert all("hash" in result for result in answer.json()["results"])
    assert await collected(business) == (220 if setting else 110)


async def test_what_is_neither_true_nor_false_is_refused(business: TestBusiness) -> None:
    body = {"email": "ada@example.com", "amount": 100, "notify": "yes"}
    answer = await business.client.post("/payout/create", json=body)
    assert answer.status_code == 400
    assert answer.json() == {"notify": ["The notify must be true or false."]}


async def test_a_repeated_call_tells_nobody_again(
    database: Database, business: TestBusiness
) -> None:
    await brand_of(database, business)
    for _ in range(2):
        await business.create("ada@example.com", 2_500, Idempotency_Key="k-1")
    assert await collected(business) == 2_500


async def test_what_is_refused_tells_nobody(database: Database, business: TestBusiness) -> None:
    await brand_of(database, business)
    assert (await business.create("ada@example.com", 5_000_000)).status_code == 400
    assert await collected(business) == 0


@pytest.mark.parametrize("gone", ["deactivated", "revoked"])
async def test_who_can_take_nothing_any_more_gets_no_mail(
    database: Database,
    urls: Any,
    settings: Settings,
    business: TestBusiness,
    post_office: MailServer,
    gone: str,
) -> None:
    await brand_of(database, business)
    await business.create("ada@example.com", 2_500)
    [written] = await collect(database, urls, business)
    user = written.facts["user"]
    if gone == "deactivated":
        await business.client.post(f"/payout/users/{user}/deactivate")
    else:
        await business.client.post(f"/payout/users/{user}/revoke", json={"amount": 2_500})
    assert await post(database, settings, business, post_office) == 0
    assert [mail.status for mail in await outbox_of(database)] == ["dropped"]


async def test_a_mail_of_one_business_carries_nothing_of_anothers(
    database: Database,
    urls: Any,
    settings: Settings,
    business: TestBusiness,
    make_business: Any,
    post_office: MailServer,
) -> None:
    other = await make_business(funds=10_000, name="Other")
    hashes = []
    for shop in (business, other):
        await brand_of(database, shop)
        hashes.append((await shop.create("ada@example.com", 700)).json()["hash"])
        await collect(database, urls, shop)
    await post(database, settings, other, post_office)
    [mail] = post_office.mails
    assert hashes[1] in text_of(mail)
    assert hashes[0] not in text_of(mail)
    assert {mail.business_id for mail in await outbox_of(database)} == {
        business.business_id,
        other.business_id,
    }
    assert ids.parse(ids.USER, (await outbox_of(database))[0].facts["user"]) != UUID(int=0)
