"""Real workers and a real mail server: killed with -9 while they hand a mail over, before its text
and after it. Nothing is told twice within the hour, and nothing is lost."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from payviox.recipient_mails import brand
from support import live
from support.businesses import TestBusiness
from support.databases import Urls
from support.live import LiveServer
from support.mail_server import MailServer, mail_server
from support.polling import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

StartWorker = Callable[[], LiveServer]


@pytest.fixture
def post_office() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def start_worker(urls: Urls, tmp_path: Path, post_office: MailServer) -> Iterator[StartWorker]:
    workers: list[LiveServer] = []
    given = live.environment(
        tmp_path / "home",
        urls.application,
        PAYVIOX_SMTP_URL=f"smtp://127.0.0.1:{post_office.port}?tls=no",
        PAYVIOX_MAIL_FROM="payouts@host.test",
    )

    def start() -> LiveServer:
        workers.append(LiveServer(given, tmp_path, "worker"))
        workers[-1].spawn()
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


async def tell(business: TestBusiness, urls: Urls, email: str) -> None:
    """Send somebody money, of which they are to be told now."""
    assert (await business.create(email, 2_500)).status_code == 201
    with urls.as_admin() as admin:
        admin.execute("UPDATE allocation_notices SET due_at = now()")


@pytest.mark.parametrize("moment", ["before the text", "after the text"])
async def test_killed_while_it_hands_a_mail_over(
    business: TestBusiness,
    urls: Urls,
    post_office: MailServer,
    start_worker: StartWorker,
    moment: str,
) -> None:
    await business.database.write(brand.save, business.business_id, {"notify": True}, "test")
    email = f"{moment.partition(' ')[0]}@example.com"
    post_office.hang = moment == "after the text"
    post_office.hang_at_recipient = not post_office.hang
    await tell(business, urls, email)
    first = start_worker()
    await eventually(post_office.hangs.is_set, 60)
    first.kill()
    post_office.hang_up()

    start_worker()
    await tell(business, urls, f"next-{email}")
    await eventually(lambda: post_office.recipients == [f"next-{email}"], 60)
    assert await business.scalar(
        "SELECT status = 'queued' AND attempts = 1 AND due_at - created_at > %s FROM mails"
        " WHERE recipient = %s",
        timedelta(minutes=58),
        email,
    )
    await business.database.write(  # the hour is over
        lambda db: db.execute("UPDATE mails SET due_at = now() WHERE recipient = %s", [email])
    )
    await eventually(lambda: email in post_office.recipients, 60)

    async def ended() -> bool:
        return bool(
            await business.scalar("SELECT status = 'sent' FROM mails WHERE recipient = %s", email)
        )

    await eventually(ended)
    assert sorted(post_office.recipients) == sorted([email, f"next-{email}"])
    mail_id = await business.scalar("SELECT id FROM mails WHERE recipient = %s", email)
    [mail] = [each for each in post_office.mails if each["To"] == email]
    assert mail["Message-ID"] == f"<{mail_id}@host.test>"
