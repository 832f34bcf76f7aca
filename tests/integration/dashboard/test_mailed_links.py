"""Links that go by mail: invitations and forgotten passwords, from the page to a mail server and
back by the link."""

from collections.abc import Iterator
from email.message import EmailMessage
from uuid import uuid4

import pytest

from payviox.access import mail_contents, password_resets
from payviox.audit import service as audit
from payviox.auth import attempts, operators
from payviox.db.pool import Database
from payviox.errors import TooManyAttempts
from payviox.mails import outbox
from payviox.mails.connections import Connections
from payviox.mails.model import INSTALLATION
from payviox.mails.sending import send_due
from payviox.settings import Settings
from payviox.smtp_server import SmtpServer, parse_sender
from payviox.web.asgi import Application
from payviox.web.context import Services
from payviox.web.forms import new_key
from support.businesses import TestBusiness
from support.dashboard import (
    PASSWORD,
    SITE,
    Browser,
    base_of,
    heading,
    make_operator,
    signed_in,
)
from support.live import SECRET_KEY
from support.mail_server import MailServer, link_in, mail_server

pytestmark = pytest.mark.anyio

SENDER = "Payviox <payviox@example.com>"
NEW = "another long password"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation that sends mail."""
    return Settings(
        home=tmp_path_factory.mktemp("home"),
        secret_key=SECRET_KEY,
        public_url=SITE,
        smtp_url="smtp://127.0.0.1:1?tls=no",
        mail_from=SENDER,
    )


@pytest.fixture
def post_office() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture(autouse=True)
async def nothing_else(database: Database) -> None:
    """An outbox without other tests' mails."""
    await database.write(lambda db: db.execute("DELETE FROM mails"))


@pytest.fixture
def email() -> str:
    return f"{uuid4().hex}@example.com"


async def sent(services: Services, post_office: MailServer, recipient: str) -> list[EmailMessage]:
    """What the worker sends to somebody now."""
    before = len(post_office.mails)
    connections = Connections(SmtpServer("127.0.0.1", post_office.port, "none"))
    prepare = mail_contents.prepares(services.keyring, SITE)
    await send_due(services.database, connections, parse_sender(SENDER), prepare, INSTALLATION)
    return [mail for mail in post_office.mails[before:] if mail["To"] == recipient]


async def ask(browser: Browser, email: str) -> None:
    answer = await browser.post("/login/forgotten", email=email)
    assert answer.headers["location"] == "/login/forgotten?done=sent"


async def test_a_forgotten_password_is_replaced_by_the_mailed_link_once(
    browser: Browser, database: Database, services: Services, post_office: MailServer, email: str
) -> None:
    await make_operator(database, email, is_admin=True)
    await browser.sign_in(email)
    await ask(browser, email)
    page = await browser.get("/login/forgotten?done=sent")
    assert "If somebody has this address" in page.text
    [mail] = await sent(services, post_office, email)
    path = link_in(mail).removeprefix(SITE)
    token = path.rpartition("/")[2]
    for listed in await database.fetch(outbox.list_page, None, 100):
        assert token not in str(listed), "no link lies in the outbox"
    for _ in range(3):  # a scanner opens it
        form = await browser.get(path)
        assert (form.status_code, heading(form)) == (200, "Choose a password")
    assert (await browser.get("/dashboard?all")).status_code == 200, "nothing has happened yet"
    short = await browser.post(path, password="too short")
    assert (short.status_code, "at least 12" in short.text) == (422, True)
    done = await browser.post(path, password=NEW)
    assert done.headers["location"] == "/login/reset"
    assert "The password is set" in (await browser.get("/login/reset")).text
    assert (await browser.get("/dashboard?all")).status_code == 303, "signed out everywhere"
    for answer in (await browser.get(path), await browser.post(path, password=NEW)):
        assert (answer.status_code, "does not open any more" in answer.text) == (404, True)
    assert (await browser.sign_in(email)).status_code == 422
    assert (await browser.sign_in(email, NEW)).status_code == 303
    [changed] = await sent(services, post_office, email)
    assert changed["Subject"] == "Your password for Payviox was changed"
    listed = await database.fetch(audit.list_of_installation, 100)
    [entry] = [each for each in listed if each.act == "operator.set_password"]
    assert (entry.actor, entry.place, entry.detail["email"]) == (
        "link:password_reset",
        "127.0.0.1",
        email,
    )


async def test_every_address_is_answered_alike_and_nobodys_gets_no_mail(
    browser: Browser, database: Database, services: Services, post_office: MailServer, email: str
) -> None:
    await make_operator(database, email)
    disabled = f"x{email}"
    await make_operator(database, disabled)
    await database.write(operators.disable, disabled, "test")
    for address in (email, f"nobody-{email}", disabled):
        await ask(browser, address)
    assert len(await sent(services, post_office, email)) == 1
    assert post_office.recipients == [email]
    page = await browser.get("/login/forgotten?done=sent")
    assert email not in page.text


async def test_a_link_ends_after_an_hour_and_with_another_that_was_used(
    browser: Browser, database: Database, services: Services, post_office: MailServer, email: str
) -> None:
    await make_operator(database, email)
    for _ in range(2):
        await ask(browser, email)
    first, second = [link_in(each) for each in await sent(services, post_office, email)]
    assert first != second
    path = first.removeprefix(SITE)
    await database.write(lambda db: db.execute("UPDATE password_resets SET expires_at = now()"))
    assert (await browser.get(path)).status_code == 404
    assert (await browser.post(path, password=NEW)).status_code == 404
    await database.write(
        lambda db: db.execute("UPDATE password_resets SET expires_at = now() + interval '1 hour'")
    )
    assert (await browser.post(path, password=NEW)).status_code == 303
    assert (await browser.get(second.removeprefix(SITE))).status_code == 404


async def test_another_password_stops_links_that_wait(
    browser: Browser, database: Database, services: Services, post_office: MailServer, email: str
) -> None:
    await make_operator(database, email)
    for on_the_page in (True, False):
        await ask(browser, email)
        [mail] = await sent(services, post_office, email)
        path = link_in(mail).removeprefix(SITE)
        assert (await browser.get(path)).status_code == 200
        if on_the_page:
            await browser.sign_in(email)
            await browser.post("/account/password", password=NEW, again=NEW)
        else:
            await database.write(operators.set_password, email, PASSWORD, "test")
        assert (await browser.get(path)).status_code == 404


async def test_addresses_of_one_ipv6_line_are_limited_as_one(
    database: Database, email: str
) -> None:
    for number in range(password_resets.PER_ADDRESS):
        place = f"2001:db8:1:2::{number:x}"
        await database.write(password_resets.ask, f"{number}{email}", place)
    with pytest.raises(TooManyAttempts):
        await database.write(password_resets.ask, email, "2001:db8:1:2:ffff::1")
    await database.write(password_resets.ask, email, "2001:db8:1:3::1")
    limits = [attempts.address(f"2001:db8:1:2::{end}") for end in ("1", "2")]
    assert limits[0] == limits[1] != attempts.address("2001:db8:1:3::1")
    mapped, other = attempts.address("::ffff:192.0.2.1"), attempts.address("192.0.2.2")
    assert mapped == attempts.address("192.0.2.1") != other


async def test_one_person_gets_few_mails_and_one_address_asks_for_few_across_processes(
    browser: Browser, database: Database, services: Services, post_office: MailServer, email: str
) -> None:
    await make_operator(database, email)
    await database.write(lambda db: db.execute("DELETE FROM sign_in_attempts"))
    for _ in range(password_resets.PER_EMAIL + 2):
        await ask(browser, email)
    assert len(await sent(services, post_office, email)) == password_resets.PER_EMAIL
    left = password_resets.PER_ADDRESS - password_resets.PER_EMAIL - 2
    for number in range(left):
        await ask(browser, f"{number}{email}")
    refused = await browser.post("/login/forgotten", email=email)
    assert (refused.status_code, "Too many attempts" in refused.text) == (429, True)
    await database.write(lambda db: db.execute("DELETE FROM sign_in_attempts"))


async def test_whoever_runs_it_hands_over_a_link(
    browser: Browser, database: Database, services: Services, email: str
) -> None:
    await make_operator(database, email)
    token = await database.write(password_resets.make_link, services.keyring, email, "command:root")
    assert (await browser.post(f"/login/reset/{token}", password=NEW)).status_code == 303
    assert (await browser.sign_in(email, NEW)).status_code == 303
    listed = await database.fetch(audit.list_of_installation, 100)
    [entry] = [each for each in listed if each.act == "operator.make_reset_link"]
    assert (entry.actor, token in str(entry)) == ("command:root", False)


@pytest.mark.parametrize("token", ["x", "x" * 43, "%00", "..%2f..", "a" * 3000])
async def test_what_is_no_link_opens_nothing(browser: Browser, token: str) -> None:
    for path in (f"/login/reset/{token}", f"/dashboard/invitation/{token}"):
        assert (await browser.get(path)).status_code in (404, 303)
        answer = await browser.post(path, password=NEW)
        assert answer.status_code == 404


async def test_an_invitation_goes_by_mail_and_its_state_stands_on_the_page(
    browser: Browser,
    database: Database,
    services: Services,
    business: TestBusiness,
    application: Application,
    post_office: MailServer,
    email: str,
) -> None:
    base = await signed_in(browser, database, business)
    form = {"email": email, "role": "developer", "key": new_key()}
    answer = await browser.post(f"{base}/team/invite", **form)
    team = await browser.get(answer.headers["location"])
    assert "The invitation is on its way." in team.text
    assert "queued" in team.text
    assert "/dashboard/invitation/" not in team.text
    post_office.refuse_recipients = ["451 Greylisted"]
    assert await sent(services, post_office, email) == []
    assert "451 Greylisted" in (await browser.get(f"{base}/team")).text
    await database.write(
        lambda db: db.execute("UPDATE mails SET due_at = now() WHERE status = 'queued'")
    )
    [mail] = await sent(services, post_office, email)
    assert mail["Subject"] == "You are invited to ACME"
    path = link_in(mail).removeprefix(SITE)
    guest = Browser.of(application)
    async with guest.client:
        assert heading(await guest.get(path)) == "Join ACME"
        await guest.post(path, password=NEW)
        await guest.sign_in(email, NEW)
        assert (await guest.get(base_of(business))).status_code == 200
    team = (await browser.get(f"{base}/team")).text
    assert "Open invitations" not in team
    assert "not verified" not in team


async def test_an_invitation_that_was_renewed_before_it_was_sent_is_sent_once(
    browser: Browser,
    database: Database,
    services: Services,
    business: TestBusiness,
    post_office: MailServer,
    email: str,
) -> None:
    base = await signed_in(browser, database, business)
    for role in ("viewer", "finance"):
        form = {"email": email, "role": role, "key": new_key()}
        await browser.post(f"{base}/team/invite", **form)
    mails = await sent(services, post_office, email)
    assert len(mails) == 1, "the older one was replaced"
    text = mails[0].get_body(("plain",))
    assert text is not None
    assert "as finance:" in text.get_content()
