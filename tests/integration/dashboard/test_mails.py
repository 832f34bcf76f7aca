"""*Mails*: what became of each mail to a payout user, on a page; sending one again; addresses that
mails do not reach."""

import html
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.mails import outbox
from payviox.mails.bounces import Report
from payviox.mails.connections import Connections
from payviox.mails.model import Message, NewMail
from payviox.mails.sending import send_due
from payviox.recipient_mails import log, returned
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.smtp_server import SmtpServer, parse_sender
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, signed_in
from support.mail_server import MailServer, mail_server
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

SENDER = parse_sender("Payviox <payviox@example.com>")
UNKNOWN = "UPDATE mails SET handed_at = now() - %s * interval '1 minute' WHERE business_id = %s"


@pytest.fixture(scope="module")
def post_office() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
async def user(business: TestBusiness) -> tuple[UUID, str]:
    """A payout user, and their address."""
    user_id = await Desk.of(business).user(1_000)
    [[email]] = await business.rows(
        "SELECT email FROM payout_users WHERE business_id = %s AND id = %s", user_id
    )
    return user_id, email


async def write(
    business: TestBusiness, email: str, message: Message = "test", count: int = 1
) -> list[UUID]:
    """Mails in the outbox; answers their ids, the newest first."""
    mails = [NewMail(str(ids.new()), email, message, {"site": "x"}) for _ in range(count)]
    await business.database.write(outbox.put_all, business.business_id, mails)
    rows = await business.rows("SELECT id FROM mails WHERE business_id = %s ORDER BY id DESC")
    return [row[0] for row in rows]


async def send(business: TestBusiness, to: MailServer) -> int:
    connections = Connections(SmtpServer("127.0.0.1", to.port, "none"))
    return await send_due(business.database, connections, SENDER, {}, business.business_id)


def rows_of(text: str) -> list[tuple[str, str]]:
    """To whom, and how it stands."""
    found = re.findall(r'<tr id="mail_[^"]+">(.*?)</tr>', text, re.DOTALL)
    rows = []
    for row in found:
        words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split())
        states = ("waiting", "outcome unknown", "not sent", "sent", "failed", "bounced")
        state = next(
            each for each in states if re.search(rf"\b{each}\b", words[words.index(" ") :])
        )
        rows.append((words.split()[0], state))
    return rows


async def test_mails_are_listed_by_state_message_and_person(
    browser: Browser, business: TestBusiness, post_office: MailServer, user: tuple[UUID, str]
) -> None:
    base = await signed_in(browser, business.database, business, "viewer")
    empty = await browser.get(f"{base}/mails")
    assert heading(empty) == "Mails"
    assert "People are not told by mail yet." in empty.text
    user_id, email = user
    await write(business, email)
    await send(business, post_office)
    post_office.refuse_recipients = ["550 No such user"]
    await write(business, "grace@example.com")
    await send(business, post_office)
    await write(business, "alan@example.com", "withdrawal_failed")
    page = await browser.get(f"{base}/mails")
    everything = [("alan@example.com", "waiting"), ("grace@example.com", "failed"), (email, "sent")]
    assert rows_of(page.text) == everything
    assert "550 No such user" in page.text
    assert f"{base}/users/{ids.show(ids.USER, user_id)}" in page.text
    for query, expected in {
        "state=waiting": everything[:1],
        "state=failed": everything[1:2],
        "state=sent": everything[2:],
        "state=unknown": [],
        "message=withdrawal_failed": everything[:1],
        "to=Grace@example.com": everything[1:2],
        f"to={ids.show(ids.USER, user_id)}": everything[2:],
        f"to={ids.show(ids.USER, ids.new())}": [],
    }.items():
        assert rows_of((await browser.get(f"{base}/mails?{query}")).text) == expected, query
    wrong = await browser.get(f"{base}/mails?to=grace")
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text


async def test_mails_go_on_page_by_page_and_are_the_businesss_own(
    browser: Browser, business: TestBusiness, business_of_others: TestBusiness
) -> None:
    base = await signed_in(browser, business.database, business)
    await write(business_of_others, "eve@example.com")
    await write(business, "ada@example.com", count=51)
    first = await browser.get(f"{base}/mails?state=waiting")
    assert len(rows_of(first.text)) == 50
    older = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert older is not None
    second = await browser.get(html.unescape(older[1]))
    assert rows_of(second.text) == [("ada@example.com", "waiting")]
    [theirs] = await business_of_others.rows("SELECT id FROM mails WHERE business_id = %s")
    answer = await browser.post(f"{base}/mails/{ids.show(ids.MAIL, theirs[0])}/again")
    assert answer.status_code == 404
    assert (await browser.get(f"{base_of(business_of_others)}/mails")).status_code == 404


async def test_a_mail_that_was_sent_goes_out_again_as_another_one(
    browser: Browser, business: TestBusiness, post_office: MailServer
) -> None:
    base = await signed_in(browser, business.database, business, "finance")
    [mail_id] = await write(business, "ada@example.com")
    post_office.mails.clear()
    await send(business, post_office)
    answer = await browser.post(f"{base}/mails/{ids.show(ids.MAIL, mail_id)}/again")
    assert answer.status_code == 303
    assert "It is being sent again." in (await browser.get(answer.headers["location"])).text
    await send(business, post_office)
    assert [mail["Message-ID"] for mail in post_office.mails] == [
        f"<{mail_id}@example.com>",
        f"<{mail_id}.2@example.com>",
    ]
    entries = await business.rows(
        "SELECT actor, detail FROM audit_entries WHERE business_id = %s AND act = 'mail.send_again'"
    )
    assert [detail["was"] for _, detail in entries] == ["sent"]


async def test_within_an_hour_of_an_unknown_outcome_it_is_asked_first(
    browser: Browser, business: TestBusiness
) -> None:
    base = await signed_in(browser, business.database, business)
    [mail_id] = await write(business, "ada@example.com")
    address = f"{base}/mails/{ids.show(ids.MAIL, mail_id)}/again"
    later = "UPDATE mails SET due_at = now() + interval '1 hour' WHERE business_id = %s"

    async def run(statement: str, *given: Any) -> None:
        await business.database.write(lambda db: db.execute(statement, given))

    await run(later, business.business_id)
    await run(UNKNOWN, 5, business.business_id)
    assert rows_of((await browser.get(f"{base}/mails?state=unknown")).text) == [
        ("ada@example.com", "outcome unknown")
    ]
    question = await browser.post(address)
    assert heading(question) == "Send a mail that may have arrived?"
    assert await business.scalar(
        "SELECT due_at > now() FROM mails WHERE business_id = %s", business.business_id
    )
    assert (await browser.post(address, anyway="yes")).status_code == 303
    assert await business.rows(
        "SELECT number, due_at <= now() FROM mails WHERE business_id = %s"
    ) == [(1, True)], "under the same Message-ID: it may have arrived"
    await run(UNKNOWN, 61, business.business_id)
    assert (await browser.post(address)).status_code == 303


async def test_an_address_that_bounced_gets_nothing_until_somebody_says_so(
    browser: Browser, business: TestBusiness, post_office: MailServer, user: tuple[UUID, str]
) -> None:
    base = await signed_in(browser, business.database, business, "finance")
    user_id, email = user
    page = f"{base}/users/{ids.show(ids.USER, user_id)}"
    assert "No mail was written to them yet." in (await browser.get(page)).text
    [mail_id] = await write(business, email)
    await send(business, post_office)
    report = Report("bounced", mail_id, 1, "550 5.1.1 No such user", is_wrong=True)
    assert await business.database.write(returned.keep, report)
    assert await business.database.write(returned.keep, report), "told twice"
    shown = await browser.get(page)
    assert "address bounced" in shown.text
    assert "550 5.1.1 No such user" in shown.text
    again = f"{base}/mails/{ids.show(ids.MAIL, mail_id)}/again"
    assert again not in (await browser.get(f"{base}/mails")).text
    refused = await browser.post(again)
    assert refused.status_code == 409
    assert "Mails do not reach this address." in refused.text
    await write(business, email)
    before = len(post_office.mails)
    assert await send(business, post_office) == 0
    assert len(post_office.mails) == before
    assert rows_of((await browser.get(f"{base}/mails")).text) == [
        (email, "not sent"),
        (email, "bounced"),
    ]
    assert "did not arrive" in (await browser.get(base)).text
    answer = await browser.post(f"{page}/allow-mails")
    assert answer.status_code == 303
    assert "Mails go to this address again." in (await browser.get(answer.headers["location"])).text
    assert (await browser.post(again)).status_code == 303
    assert await send(business, post_office) == 1


async def test_a_server_that_knows_nobody_there_speaks_against_the_address_at_once(
    business: TestBusiness, post_office: MailServer
) -> None:
    for answer in ("550 5.1.1 No such user", "554 5.7.1 Relay access denied"):
        post_office.refuse_recipients = [answer]
        await write(business, f"{answer[4:9]}@example.com")
        await send(business, post_office)
    known = [
        await business.database.fetch(log.find_address, business.business_id, f"{each}@example.com")
        for each in ("5.1.1", "5.7.1")
    ]
    assert [address and address.state for address in known] == ["bounced", None]


async def test_a_complaint_stays_one_and_what_is_not_known_changes_nothing(
    business: TestBusiness, post_office: MailServer
) -> None:
    [mail_id] = await write(business, "ada@example.com")
    await send(business, post_office)
    for kind in ("complained", "bounced"):
        report = Report(kind, mail_id, 1, kind, is_wrong=True)  # type: ignore[arg-type]  # literals
        assert await business.database.write(returned.keep, report)
    found = await business.database.fetch(log.find_address, business.business_id, "ada@example.com")
    assert found is not None
    assert found.state == "complained"
    nobodys = Report("bounced", ids.new(), 1, "550", is_wrong=True)
    assert not await business.database.write(returned.keep, nobodys)
    late = Report("bounced", mail_id, 2, "550", is_wrong=True)
    assert not await business.database.write(returned.keep, late), "of a mail not sent yet"


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_sends_mails_again_as_the_table_says(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    [mail_id] = await write(business, "ada@example.com")
    again = f"{base}/mails/{ids.show(ids.MAIL, mail_id)}/again"
    may = "mail.send_again" in RIGHTS[role]
    assert (again in (await browser.get(f"{base}/mails")).text) is may
    assert (await browser.post(again)).status_code == (303 if may else 403)
