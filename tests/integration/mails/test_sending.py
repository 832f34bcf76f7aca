"""Mails go out once, to a real mail server; what it refuses is tried again or ends, and is seen."""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import trustme

from payviox import ids
from payviox.db.pool import Connection, Database
from payviox.mails import connections as connections_module
from payviox.mails import outbox
from payviox.mails.connections import AT_ONCE, Connections
from payviox.mails.model import INSTALLATION, Brand, Mail
from payviox.mails.queries import mails as queries
from payviox.mails.rendering import example
from payviox.mails.sending import CLAIM, LEASE, RETRIES, TOO_OLD, due_businesses, send_due
from payviox.smtp_server import SmtpServer, parse_sender
from support.ageing import set_back
from support.businesses import TestBusiness
from support.mail_server import PASSWORD, USER, MailServer, mail_server
from support.polling import eventually

pytestmark = pytest.mark.anyio

SENDER = parse_sender("Payviox <payviox@example.com>")


@pytest.fixture
def post_office() -> Any:
    with mail_server() as running:
        yield running


@pytest.fixture(autouse=True)
async def nothing_else(database: Database) -> None:
    """An outbox without other tests' mails."""
    await database.write(lambda db: db.execute("DELETE FROM mails"))


def plain(post_office: MailServer) -> SmtpServer:
    return SmtpServer("127.0.0.1", post_office.port, "none")


async def site(_: Connection, __: Mail) -> Mapping[str, object]:
    return {"site": "https://acme.test"}


async def send(database: Database, server: SmtpServer, **options: Any) -> int:
    prepare = options.pop("prepare", {"test": site})
    connections = Connections(server, **options)
    return await send_due(database, connections, SENDER, prepare, INSTALLATION)


async def put(database: Database, recipient: str = "ada@example.com", event: str = "") -> str:
    event = event or str(ids.new())
    await database.write(outbox.put, event, recipient, "test")
    return event


async def mails(database: Database) -> list[Mail]:
    return await database.fetch(outbox.list_page, None, 100)


async def make_due(database: Database) -> None:
    await database.write(
        lambda db: db.execute("UPDATE mails SET due_at = now() WHERE status = 'queued'")
    )


async def test_a_mail_goes_out_once_for_each_event_recipient_and_message(
    database: Database, post_office: MailServer
) -> None:
    event = await put(database)
    await put(database, event=event)
    await put(database, "grace@example.com", event)
    assert await send(database, plain(post_office)) == 2
    assert await send(database, plain(post_office)) == 0
    assert sorted(post_office.recipients) == ["ada@example.com", "grace@example.com"]
    assert {mail.status for mail in await mails(database)} == {"sent"}


async def test_what_was_rolled_back_sends_nothing(
    database: Database, post_office: MailServer
) -> None:
    async def work(connection: Connection) -> None:
        await outbox.put(connection, "an event", "ada@example.com", "test")
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(work)
    assert await send(database, plain(post_office)) == 0
    assert post_office.mails == []


async def test_a_refused_recipient_ends_it_at_once_and_the_next_mail_goes_on(
    database: Database, post_office: MailServer
) -> None:
    post_office.refuse_recipients = ["550 5.1.1 No such user\there"]
    await put(database)
    await put(database, "grace@example.com")
    assert await send(database, plain(post_office)) == 1
    failed, sent = sorted(await mails(database), key=lambda mail: mail.status)
    assert (failed.status, failed.answer) == ("failed", "550 5.1.1 No such user here")
    assert (sent.status, sent.answer) == ("sent", None)


async def test_what_is_refused_for_now_is_tried_again_ever_later_until_it_fails(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    for number, pause in enumerate(RETRIES):
        post_office.refuse_texts = ["451 Try later"]
        await send(database, plain(post_office))
        [mail] = await mails(database)
        assert (mail.status, mail.attempts, mail.answer) == ("queued", number + 1, "451 Try later")
        waits = await database.fetch(lambda db: db.execute("SELECT due_at - now() FROM mails"))
        [(left,)] = await waits.fetchall()
        assert pause - timedelta(minutes=1) < left <= pause
        await make_due(database)
    post_office.refuse_texts = ["451 Try later"]
    await send(database, plain(post_office))
    [mail] = await mails(database)
    assert (mail.status, mail.attempts) == ("failed", len(RETRIES) + 1)
    assert post_office.mails == []


@pytest.mark.parametrize("away", ["nobody listens", "the sender is refused"])
async def test_what_is_ours_to_mend_fails_no_mail(
    database: Database, post_office: MailServer, away: str
) -> None:
    await put(database)
    server = SmtpServer("127.0.0.1", 1, "none")
    if away == "the sender is refused":
        post_office.refuse_senders = ["530 Authentication required"]
        server = plain(post_office)
    await send(database, server)
    [mail] = await mails(database)
    assert (mail.status, mail.attempts) == ("queued", 1)
    assert mail.answer
    await make_due(database)
    assert await send(database, plain(post_office)) == 1


async def test_a_mail_that_nobody_wants_any_more_is_dropped(
    database: Database, post_office: MailServer
) -> None:
    async def nobody(_: Connection, __: Mail) -> None:
        return None

    await put(database)
    assert await send(database, plain(post_office), prepare={"test": nobody}) == 0
    [mail] = await mails(database)
    assert mail.status == "dropped"
    assert post_office.connections == 0


async def test_a_worker_that_died_is_followed_by_one_that_sends_the_same_mail_again(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    died = asyncio.Event()

    async def dies(_: Connection, __: Mail) -> Mapping[str, object]:
        died.set()
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await send(database, plain(post_office), prepare={"test": dies})
    [mail] = await mails(database)
    assert (mail.status, mail.attempts) == ("queued", 0), "handed back"
    assert await send(database, plain(post_office)) == 1
    assert post_office.mails[0]["Message-ID"] == f"<{mail.id}@example.com>"


@pytest.mark.parametrize("ending", ["broken off", "stopped"])
async def test_what_may_have_arrived_is_not_sent_again_within_the_hour(
    database: Database, post_office: MailServer, ending: str
) -> None:
    await put(database)
    post_office.hang = True
    sending = asyncio.create_task(send(database, plain(post_office)))
    await asyncio.to_thread(post_office.has_text.wait)
    if ending == "stopped":
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        post_office.hang_up()
    else:
        post_office.hang_up()
        assert await sending == 0
    [mail] = await mails(database)
    assert (mail.status, mail.attempts) == ("queued", 1)
    waits = await database.fetch(lambda db: db.execute("SELECT due_at - now() FROM mails"))
    [(left,)] = await waits.fetchall()
    assert timedelta(minutes=58) < left <= timedelta(hours=1)
    await make_due(database)
    assert await send(database, plain(post_office)) == 1
    assert {each["Message-ID"] for each in post_office.mails} == {f"<{mail.id}@example.com>"}


async def test_two_workers_send_one_mail_once(database: Database, post_office: MailServer) -> None:
    for _ in range(5):
        await put(database)
    counts = await asyncio.gather(*(send(database, plain(post_office)) for _ in range(3)))
    assert sum(counts) == len(post_office.mails) == 5


async def put_many(database: Database, count: int, business: TestBusiness | None = None) -> None:
    """One mail each to so many people."""
    business_id = None if business is None else business.business_id

    async def work(connection: Connection) -> None:
        for number in range(count):
            await outbox.put(
                connection, "many", f"{number}@example.com", "test", business_id=business_id
            )

    await database.write(work)


async def test_several_go_at_once_over_a_few_connections_that_everybody_shares(
    database: Database, post_office: MailServer, business: TestBusiness
) -> None:
    await put_many(database, 2 * AT_ONCE)
    await put_many(database, 2 * AT_ONCE, business)
    post_office.together = AT_ONCE  # the server answers none of them before
    connections = Connections(plain(post_office))
    sent = await asyncio.gather(
        *(
            send_due(database, connections, SENDER, {"test": site}, each)
            for each in (INSTALLATION, business.business_id)
        )
    )
    assert sent == [2 * AT_ONCE, 2 * AT_ONCE]
    assert len(post_office.mails) == 4 * AT_ONCE
    assert len({mail["Message-ID"] for mail in post_office.mails}) == 4 * AT_ONCE
    assert post_office.connections == AT_ONCE


async def test_one_persons_mails_arrive_in_their_order(
    database: Database, post_office: MailServer
) -> None:
    for _ in range(6):
        await put(database)
        await put(database, "grace@example.com")
    await put_many(database, AT_ONCE)
    assert await send(database, plain(post_office)) == 12 + AT_ONCE
    written = [mail for mail in reversed(await mails(database)) if mail.recipient[0] in "ag"]
    for recipient in ("ada@example.com", "grace@example.com"):
        ids_ = [f"<{mail.id}@example.com>" for mail in written if mail.recipient == recipient]
        assert ids_ == [mail["Message-ID"] for mail in post_office.mails if mail["To"] == recipient]


async def test_a_server_that_takes_few_connections_gets_the_others_mails_over_those(
    database: Database, post_office: MailServer
) -> None:
    await put_many(database, 2 * AT_ONCE)
    post_office.refuse_senders = ["421 Too many connections"] * (AT_ONCE - 1)
    assert await send(database, plain(post_office)) == AT_ONCE + 1
    waiting = [mail for mail in await mails(database) if mail.status == "queued"]
    assert [mail.attempts for mail in waiting] == [1] * (AT_ONCE - 1)
    await make_due(database)
    assert await send(database, plain(post_office)) == AT_ONCE - 1


async def test_what_was_claimed_and_not_begun_is_due_again_at_once_where_the_server_is_away(
    database: Database, post_office: MailServer
) -> None:
    await put_many(database, 2 * AT_ONCE + 3)
    assert await send(database, SmtpServer("127.0.0.1", 1, "none")) == 0
    attempts = sorted(mail.attempts for mail in await mails(database))
    assert attempts == [0] * (AT_ONCE + 3) + [1] * AT_ONCE
    assert await send(database, plain(post_office)) == AT_ONCE + 3


async def test_a_worker_that_is_told_to_stop_leaves_the_mails_that_it_did_not_begin_to_others(
    database: Database, post_office: MailServer
) -> None:
    await put_many(database, 2 * AT_ONCE + 3)
    post_office.together = AT_ONCE + 1  # nobody is answered
    sending = asyncio.create_task(send(database, plain(post_office)))
    await eventually(lambda: post_office.texts == AT_ONCE)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    post_office.answer_all()
    states = sorted(mail.state for mail in await mails(database))
    assert states == ["unknown"] * AT_ONCE + ["waiting"] * (AT_ONCE + 3)
    assert await send(database, plain(post_office)) == AT_ONCE + 3


async def test_what_a_dead_worker_had_not_begun_waits_for_minutes_and_is_its_no_more(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    [claimed] = await database.write(queries.claim, INSTALLATION, CLAIM, 10)
    assert await send(database, plain(post_office)) == 0
    waits = await database.fetch(lambda db: db.execute("SELECT due_at - now() FROM mails"))
    [(left,)] = await waits.fetchall()
    assert timedelta(minutes=5) < left <= timedelta(minutes=10)
    await make_due(database)
    assert await send(database, plain(post_office)) == 1
    assert await database.write(queries.hand_over, claimed, LEASE) is None, "its time was over"


async def test_a_server_that_takes_two_mails_of_a_connection_gets_the_third_over_another(
    database: Database, post_office: MailServer
) -> None:
    for _ in range(5):
        await put(database)
    post_office.most_of_a_connection = 2
    assert await send(database, plain(post_office)) == 5
    assert [mail.attempts for mail in await mails(database)] == [1] * 5
    assert post_office.connections == 3


async def test_a_connection_that_rested_for_long_is_opened_anew(
    database: Database, post_office: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(database)
    await put(database)
    monkeypatch.setattr(connections_module, "IDLE_S", -1)
    assert await send(database, plain(post_office)) == 2
    assert post_office.connections == 2


async def test_a_businesss_mail_has_its_own_turn(
    database: Database, post_office: MailServer, business: TestBusiness
) -> None:
    for business_id in (None, business.business_id):
        await database.write(
            lambda db, of=business_id: outbox.put(
                db, "one event", "ada@example.com", "test", business_id=of
            )
        )
    due: list[UUID] = await due_businesses(database)
    assert set(due) == {INSTALLATION, business.business_id}
    connections = Connections(plain(post_office))
    sent = [await send_due(database, connections, SENDER, {"test": site}, each) for each in due]
    assert sent == [1, 1]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def test_passwords_and_mails_travel_encrypted_to_a_server_that_is_verified(
    database: Database, authority: trustme.CA
) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with mail_server(authority, password=True) as secure:
        server = SmtpServer("localhost", secure.port, "starttls", USER, PASSWORD)
        await put(database)
        assert await send(database, server) == 0, "by an authority that nobody knows"
        [mail] = await mails(database)
        assert "certificate" in (mail.answer or "").lower()
        assert secure.mails == []
        await make_due(database)
        wrong = SmtpServer("localhost", secure.port, "starttls", USER, "wrong")
        assert await send(database, wrong, tls=trusting) == 0
        [mail] = await mails(database)
        assert (mail.status, (mail.answer or "")[:3]) == ("queued", "535")
        await make_due(database)
        assert await send(database, server, tls=trusting) == 1
        assert secure.encrypted == [True]


async def test_without_encryption_nothing_is_sent_unless_it_is_said(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    assert await send(database, SmtpServer("127.0.0.1", post_office.port, "starttls")) == 0
    assert post_office.mails == []
    await make_due(database)
    assert await send(database, plain(post_office)) == 1


async def test_what_ended_long_ago_is_forgotten(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    await send(database, plain(post_office))
    await put(database)
    await database.write(
        lambda db: db.execute(
            "UPDATE mails SET ended_at = now() - interval '91 days' WHERE status = 'sent'"
        )
    )
    assert await database.write(outbox.forget_old, 90, 100) == 1
    assert [mail.status for mail in await mails(database)] == ["queued"]


async def test_what_may_have_arrived_is_known_as_such(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    assert [mail.state for mail in await mails(database)] == ["waiting"]
    post_office.hang = True
    sending = asyncio.create_task(send(database, plain(post_office)))
    await asyncio.to_thread(post_office.has_text.wait)
    assert [mail.state for mail in await mails(database)] == ["unknown"]
    post_office.hang_up()
    await sending
    assert [mail.state for mail in await mails(database)] == ["unknown"]
    [before] = await mails(database)
    post_office.refuse_texts = ["451 Try later"]
    await make_due(database)
    await send(database, plain(post_office))
    [after] = await mails(database)
    assert (after.state, after.handed_at, after.attempts) == ("unknown", before.handed_at, 2)


async def make_unknown(database: Database) -> Mail:
    """The one mail may have arrived ten minutes ago."""
    await database.write(
        lambda db: db.execute(
            "UPDATE mails SET handed_at = now() - interval '10 minutes', attempts = 1"
            " WHERE recipient = 'ada@example.com'"
        )
    )
    return await adas(database)


async def adas(database: Database) -> Mail:
    [mail] = [mail for mail in await mails(database) if mail.recipient == "ada@example.com"]
    return mail


async def test_handing_back_forgets_nothing_that_may_have_arrived(
    database: Database, post_office: MailServer
) -> None:
    await put_many(database, AT_ONCE)
    await put(database)
    before = await make_unknown(database)
    await send(database, SmtpServer("127.0.0.1", 1, "none"))  # claimed, not begun
    assert await adas(database) == before
    assert before.state == "unknown"


async def test_a_worker_that_stops_before_the_text_leaves_the_mail_as_it_was(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    before = await make_unknown(database)
    post_office.hang_at_recipient = True
    sending = asyncio.create_task(send(database, plain(post_office)))
    await asyncio.to_thread(post_office.hangs.wait)
    assert (await adas(database)).attempts == 2
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    post_office.hang_up()
    assert await adas(database) == before


async def test_a_worker_that_stops_while_it_begins_leaves_the_mail_as_it_was(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    before = await adas(database)
    begins, goes_on = asyncio.Event(), asyncio.Event()

    async def slow_site(_: Connection, __: Mail) -> Mapping[str, object]:
        begins.set()
        await goes_on.wait()
        return {"site": "https://acme.test"}

    sending = asyncio.create_task(send(database, plain(post_office), prepare={"test": slow_site}))
    await begins.wait()
    sending.cancel()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await adas(database) == before
    assert await send(database, plain(post_office)) == 1


async def test_a_mail_that_cannot_be_begun_holds_up_none_that_begin_with_it(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    await put_many(database, AT_ONCE - 1)

    async def site_of_others(_: Connection, mail: Mail) -> Mapping[str, object]:
        if mail.recipient == "ada@example.com":
            raise LookupError(mail.recipient)
        return {"site": "https://acme.test"}

    with pytest.raises(LookupError):
        await send(database, plain(post_office), prepare={"test": site_of_others})
    assert len(post_office.mails) == AT_ONCE - 1
    ada = await adas(database)
    assert (ada.state, ada.attempts) == ("waiting", 0)


def arrived_of(post_office: MailServer, recipient: str = "ada@example.com") -> list[str]:
    return [str(mail["Message-ID"]) for mail in post_office.mails if mail["To"] == recipient]


async def written_to(database: Database, recipient: str = "ada@example.com") -> list[str]:
    """In the order in which they were put in."""
    newest_first = [mail for mail in await mails(database) if mail.recipient == recipient]
    return [f"<{mail.id}@example.com>" for mail in reversed(newest_first)]


async def a_minute_passes(database: Database) -> None:
    earlier = set_back("due_at", timedelta(minutes=1))
    await database.write(lambda db: db.execute(f"UPDATE mails SET due_at = {earlier}"))


async def test_one_persons_mails_keep_their_order_over_an_outage(
    database: Database, post_office: MailServer
) -> None:
    await put_many(database, AT_ONCE)
    await put(database)
    for number in range(AT_ONCE):
        await put(database, f"another{number}@example.com")
    await put(database)  # the first one is claimed meanwhile, this one is not
    await send(database, SmtpServer("127.0.0.1", 1, "none"))
    await send(database, plain(post_office))
    assert arrived_of(post_office) == await written_to(database)
    assert len(post_office.mails) == AT_ONCE + 2


@pytest.mark.parametrize("answer", ["450 Try later", "451 Try later"])
async def test_the_next_mails_to_somebody_wait_for_one_that_is_tried_again_soon(
    database: Database, post_office: MailServer, answer: str
) -> None:
    for _ in range(3):
        await put(database)
    refusals = post_office.refuse_recipients if answer[:3] == "450" else post_office.refuse_texts
    refusals.append(answer)
    assert await send(database, plain(post_office)) == 0
    assert await send(database, plain(post_office)) == 0, "none is due before the first"
    await put(database, "grace@example.com")
    assert await send(database, plain(post_office)) == 1, "others wait for nobody"
    await a_minute_passes(database)
    assert await send(database, plain(post_office)) == 3
    assert arrived_of(post_office) == await written_to(database)
    attempts = [mail.attempts for mail in reversed(await mails(database))]
    assert attempts == [2, 1, 1, 1]


async def test_nothing_waits_for_a_mail_that_is_tried_again_much_later(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    await database.write(lambda db: db.execute("UPDATE mails SET attempts = 2"))
    await put(database)
    post_office.refuse_recipients = ["450 Try later"]
    assert await send(database, plain(post_office)) == 1
    assert arrived_of(post_office) == (await written_to(database))[1:]


async def code(_: Connection, __: Mail) -> Mapping[str, object]:
    return {**example("code"), "brand": Brand("Acme", "#1f4b99", None, is_test=False)}


async def put_code(database: Database, business: TestBusiness) -> None:
    await database.write(
        lambda db: outbox.put(
            db, str(ids.new()), "ada@example.com", "code", business_id=business.business_id
        )
    )


async def send_of(database: Database, post_office: MailServer, business: TestBusiness) -> int:
    prepare = {"test": site, "code": code}
    connections = Connections(plain(post_office))
    return await send_due(database, connections, SENDER, prepare, business.business_id)


async def test_a_code_goes_before_all_that_its_business_sends(
    database: Database, post_office: MailServer, business: TestBusiness
) -> None:
    await put_many(database, 4 * AT_ONCE, business)
    await put_code(database, business)
    assert await send_of(database, post_office, business) == 4 * AT_ONCE + 1
    place = [mail["To"] for mail in post_office.mails].index("ada@example.com")
    assert place < AT_ONCE, "among the first that are on their way at once"


async def test_a_code_waits_for_no_other_mail_to_the_same_person(
    database: Database, post_office: MailServer, business: TestBusiness, urls: Any
) -> None:
    await database.write(
        lambda db: outbox.put(
            db, "earlier", "ada@example.com", "test", business_id=business.business_id
        )
    )
    await put_code(database, business)
    with urls.as_admin() as admin:  # sent anew, say: behind the other
        admin.execute("UPDATE mails SET due_at = now() WHERE message = 'code'")
    post_office.refuse_recipients = ["450 Try later"]
    assert await send_of(database, post_office, business) == 1
    assert [mail.message for mail in await mails(database) if mail.status == "sent"] == ["code"]


async def test_claims_that_lapse_before_they_are_begun_are_no_attempts(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    for _ in range(len(RETRIES) + 1):
        [lapsed] = await database.write(queries.claim, INSTALLATION, CLAIM, 10)
        await make_due(database)
        assert await database.write(queries.hand_over, lapsed, LEASE) is None
    post_office.refuse_recipients = ["450 Try later"]
    await send(database, plain(post_office))
    [mail] = await mails(database)
    assert (mail.status, mail.attempts) == ("queued", 1)
    await a_minute_passes(database)
    assert await send(database, plain(post_office)) == 1


async def test_a_server_that_is_away_ends_no_mail_until_it_is_three_days_old(
    database: Database, urls: Any, post_office: MailServer
) -> None:
    await put(database)
    away = SmtpServer("127.0.0.1", 1, "none")
    for _ in range(len(RETRIES) + 2):
        await make_due(database)
        await send(database, away)
    [mail] = await mails(database)
    assert (mail.status, mail.attempts) == ("queued", len(RETRIES) + 2)
    with urls.as_admin() as admin:
        admin.execute("UPDATE mails SET created_at = now() - interval '73 hours'")
    await make_due(database)
    assert await send(database, plain(post_office)) == 0
    [mail] = await mails(database)
    assert (mail.status, mail.answer) == ("failed", TOO_OLD)
    assert post_office.mails == []


async def test_mails_return_to_the_address_that_is_set(
    database: Database, post_office: MailServer
) -> None:
    await put(database)
    await send(database, plain(post_office), return_path="bounces@example.com")
    assert post_office.senders == ["bounces@example.com"]
    await put(database)
    await send(database, plain(post_office))
    assert post_office.senders == ["bounces@example.com", "payviox@example.com"]


@pytest.mark.parametrize("point", ["before the text", "after the text"])
async def test_a_server_that_falls_silent_is_left_and_the_mail_waits_as_long_as_it_must(
    database: Database, post_office: MailServer, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the text nothing can have arrived; after it the mail may have."""
    monkeypatch.setattr(connections_module, "TIMEOUT_S", 0.5)
    await put(database)
    after = point == "after the text"
    post_office.hang, post_office.hang_at_recipient = after, not after
    assert await send(database, plain(post_office)) == 0
    post_office.hang_up()
    [mail] = await mails(database)
    assert (mail.state, mail.attempts) == ("unknown" if after else "waiting", 1)
    assert mail.due_at is not None
    waits = await database.fetch(lambda db: db.execute("SELECT due_at - now() FROM mails"))
    [(left,)] = await waits.fetchall()
    expected = timedelta(hours=1) if after else RETRIES[0]
    assert expected - timedelta(minutes=1) < left <= expected
    await make_due(database)
    monkeypatch.undo()
    assert await send(database, plain(post_office)) == 1
    assert [each["Message-ID"] for each in post_office.mails] == [f"<{mail.id}@example.com>"]
