"""Sending what is due, outside any transaction. A mail is claimed by pushing its due time ahead: a
worker that dies loses nothing. What may have been handed over already goes out again after an hour
at the earliest, word for word and under the same Message-ID."""

import asyncio
import contextlib
import functools
import logging
import re
import ssl
from collections.abc import Mapping
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import aiosmtplib
import certifi

from payviox.db.pool import Connection, Database
from payviox.mails.bounces import is_wrong_address
from payviox.mails.model import Mail, Message, Prepare
from payviox.mails.queries import addresses
from payviox.mails.queries import mails as queries
from payviox.mails.rendering import render
from payviox.smtp_server import SmtpServer

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0
"""The mail server's time for each of its answers."""
LEASE = timedelta(hours=1)
"""How long a claim keeps others away: a worker that died may have handed the mail over."""
RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
"""The wait after each failure; after the one that no wait follows the mail has failed."""
IF_UNKNOWN = timedelta(hours=1)
"""The least wait after the server broke off once it had the text: the mail may have arrived."""
MAX_AGE = timedelta(days=3)
"""What has waited for longer tells of nothing new any more: it is not sent, and says so."""
TOO_OLD = "It waited for more than three days and was not sent."
UNREACHED = "It was not sent: mails do not reach this address, or whose it is wants none."
HAND_BACK_S = 3.0
MAX_ANSWER = 300
HASH = re.compile(r"[0-9a-f]{20,}")
"""A payout user's hash, or a half of it: some servers answer with the link that they refuse."""


class Refused(Exception):
    """The mail server will not take it, now or, where it is `final`, ever; or it is `unknown`
    whether it did."""

    def __init__(
        self, answer: str, *, final: bool = False, closed: bool = False, unknown: bool = False
    ) -> None:
        text = "".join(character if character.isprintable() else " " for character in answer)
        super().__init__(HASH.sub("…", " ".join(text.split()))[:MAX_ANSWER])
        self.final = final
        self.closed = closed
        self.unknown = unknown


VERBS = frozenset({b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP", b"QUIT"})
"""What is said to a mail server and holds no secret."""


class _Client(aiosmtplib.SMTP):
    """Knows whether it began to hand over a text, and what was said."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.began_text = False
        self.dialogue: list[str] = []

    async def execute_command(self, *arguments: bytes, **options: Any) -> Any:
        verb = arguments[0].upper()
        said = b" ".join(arguments if verb in VERBS else [verb, b"\xe2\x80\xa6"])
        self.dialogue.append(f"C: {said.decode(errors='replace')}" if verb.isalpha() else "C: …")
        response = await super().execute_command(*arguments, **options)
        self._heard(response)
        return response

    async def connect(self, *arguments: Any, **options: Any) -> Any:
        response = await super().connect(*arguments, **options)
        self.dialogue.insert(0, f"S: {response.code} {response.message}")
        return response

    async def starttls(self, *arguments: Any, **options: Any) -> Any:
        self.dialogue.append("C: STARTTLS")
        response = await super().starttls(*arguments, **options)
        self._heard(response)
        return response

    async def data(self, *arguments: Any, **options: Any) -> Any:
        self.began_text = True
        self.dialogue.append("C: DATA, the mail, and a dot")
        response = await super().data(*arguments, **options)
        self._heard(response)
        return response

    def _heard(self, response: Any) -> None:
        self.dialogue += [f"S: {response.code} {line}" for line in response.message.splitlines()]


class Outgoing:
    """One connection to the mail server, opened at the first mail, used for those that follow."""

    def __init__(
        self,
        server: SmtpServer,
        tls: ssl.SSLContext | None = None,
        *,
        return_path: str | None = None,
    ) -> None:
        self._server = server
        self._return_path = return_path
        self._tls = tls or _default_tls()
        self._client: _Client | None = None
        self._dialogue: list[str] = []

    @property
    def dialogue(self) -> list[str]:
        """What was said on the latest connection, without passwords and texts."""
        return [HASH.sub("…", line) for line in self._dialogue]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    def begin(self) -> None:
        """Another mail has its turn."""
        if self._client is not None:
            self._client.began_text = False

    @property
    def may_have_sent(self) -> bool:
        """Whether the last mail's text was begun, so that the server may have taken it."""
        return self._client is not None and self._client.began_text

    async def send(self, mail: EmailMessage) -> None:
        """Hand a mail over. Raises Refused."""
        try:
            client = await self._connected()
            await client.send_message(mail, sender=self._return_path)
        except aiosmtplib.SMTPRecipientsRefused as error:
            first = error.recipients[0]
            raise Refused(f"{first.code} {first.message}", final=first.code >= 500) from error
        except aiosmtplib.SMTPDataError as error:
            raise Refused(f"{error.code} {error.message}", final=error.code >= 500) from error
        except aiosmtplib.SMTPResponseException as error:
            # Of the sender, the password or the connection: the operator's to mend, no recipient's.
            await self._close()
            raise Refused(f"{error.code} {error.message}", closed=True) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            unknown = self.may_have_sent
            await self._close()
            answer = str(error) or type(error).__name__
            raise Refused(answer, closed=True, unknown=unknown) from error

    async def _connected(self) -> _Client:
        if self._client is None or not self._client.is_connected:
            server = self._server
            self._client = _Client(
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.tls == "from the start",
                start_tls=server.tls == "starttls",
                tls_context=None if server.tls == "none" else self._tls,
                timeout=TIMEOUT_S,
            )
            self._dialogue = self._client.dialogue
            await self._client.connect()
        return self._client

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        if client.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        client.close()


@functools.cache
def _default_tls() -> ssl.SSLContext:
    """The system's authorities, to which an operator may add, and certifi's, where it has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def due_businesses(database: Database) -> list[UUID]:
    """Whose mails are due."""
    return await database.fetch(queries.due_businesses)


async def send_due(
    database: Database,
    server: SmtpServer,
    sender: Address,
    prepare: Mapping[Message, Prepare],
    business_id: UUID,
    *,
    tls: ssl.SSLContext | None = None,
    return_path: str | None = None,
) -> int:
    """Send what is due of a business (or the installation), one after another, until nothing is or
    the mail server cannot be reached; answers how many were handed over. What is too old fails."""
    await database.write(queries.give_up, business_id, MAX_AGE, TOO_OLD)
    sent = 0
    async with Outgoing(server, tls, return_path=return_path) as outgoing:
        while (mail := await database.write(queries.claim, business_id, LEASE)) is not None:
            try:
                sent += await _send(database, outgoing, sender, prepare, mail)
            except Refused as error:
                await _put_off(database, mail, error)
                if error.closed:
                    break
            except asyncio.CancelledError:
                if not outgoing.may_have_sent:
                    await _hand_back(database, mail)
                raise
    return sent


async def _hand_back(database: Database, mail: Mail) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HAND_BACK_S):
            await database.write(queries.hand_back, mail.id, mail.due_at)


async def _send(
    database: Database,
    outgoing: Outgoing,
    sender: Address,
    prepare: Mapping[Message, Prepare],
    mail: Mail,
) -> bool:
    outgoing.begin()
    more = await database.write(_begin, prepare.get(mail.message), mail)
    if more is None:
        return False
    facts = {**mail.facts, **more}
    try:
        written = render(mail.message, mail.id, sender, mail.recipient, facts, mail.number)
    except ValueError as error:
        raise Refused(str(error), final=True) from error
    await outgoing.send(written)
    await database.write(queries.end, mail.id, "sent")
    return True


async def _begin(
    connection: Connection, prepare: Prepare | None, mail: Mail
) -> Mapping[str, object] | None:
    """What completes the mail, which the server may have from now on; None where it is dropped."""
    if mail.business_id is not None and await addresses.is_unreached(
        connection, mail.business_id, mail.recipient
    ):
        await queries.end(connection, mail.id, "dropped", UNREACHED)
        return None
    more = {} if prepare is None else await prepare(connection, mail)
    if more is None:
        await queries.end(connection, mail.id, "dropped")
        return None
    await queries.hand_over(connection, mail.id)
    return more


async def _put_off(database: Database, mail: Mail, error: Refused) -> None:
    """What is ours to mend, such as a server that is away, ends no mail before it is too old."""
    if error.final or (mail.attempts > len(RETRIES) and not error.closed):
        logger.warning("mail %s (%s) has failed: %s", mail.id, mail.message, error)
        await database.write(_fail, mail, str(error))
        return
    logger.warning("mail %s (%s) is tried again: %s", mail.id, mail.message, error)
    wait = RETRIES[min(mail.attempts, len(RETRIES)) - 1]
    if error.unknown:
        wait = max(wait, IF_UNKNOWN)

    async def try_again(connection: Connection) -> None:
        await queries.try_again(connection, mail.id, wait, str(error), is_unknown=error.unknown)

    await database.write(try_again)


async def _fail(connection: Connection, mail: Mail, answer: str) -> None:
    """Where the server knows nobody there, nothing more is sent there."""
    await queries.end(connection, mail.id, "failed", answer)
    if mail.business_id is not None and is_wrong_address(answer):
        await addresses.put(connection, mail.business_id, mail.recipient, "bounced", answer)
