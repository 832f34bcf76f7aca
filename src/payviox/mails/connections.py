"""The way to the mail server: connections that are lent to one mail after another, and what it says
to each."""

import asyncio
import contextlib
import functools
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

import aiosmtplib
import certifi

from payviox.smtp_server import SmtpServer

TIMEOUT_S = 30.0
"""The mail server's time for each of its answers."""
AT_ONCE = 8
"""Connections of one process at once: mail servers take some more of one client, Postfix 50."""
IDLE_S = 10.0
"""A connection that nobody used for so long is opened anew: the server may have hung up."""
LEAVE_S = 1.0
"""Its time to say good-bye."""
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
    """One connection to the mail server, opened at the first mail, used for those that follow at
    once."""

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
        self._used_at = time.monotonic()

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
        await self.hang_up()

    @property
    def is_open(self) -> bool:
        return self._client is not None

    def begin(self) -> None:
        """Another mail has its turn."""
        if self._client is not None:
            self._client.began_text = False
            self._client.dialogue.clear()
            if time.monotonic() - self._used_at > IDLE_S:
                self.drop()

    @property
    def may_have_sent(self) -> bool:
        """Whether the last mail's text was begun, so that the server may have taken it."""
        return self._client is not None and self._client.began_text

    async def open(self) -> None:
        """Connect, and sign in where there is a password. Raises Refused."""
        try:
            await self._connected()
        except aiosmtplib.SMTPResponseException as error:
            raise Refused(f"{error.code} {error.message}", closed=True) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise Refused(str(error) or type(error).__name__, closed=True) from error

    async def send(self, mail: EmailMessage) -> None:
        """Hand a mail over. Raises Refused."""
        is_new = self._client is None or not self._client.is_connected
        try:
            await self._send(mail)
        except Refused as error:
            if is_new or not error.closed or error.unknown:
                raise
            await self._send(mail)  # some servers take so many mails of one connection

    async def _send(self, mail: EmailMessage) -> None:
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
            await self.hang_up()
            raise Refused(f"{error.code} {error.message}", closed=True) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            unknown = self.may_have_sent
            await self.hang_up()
            answer = str(error) or type(error).__name__
            raise Refused(answer, closed=True, unknown=unknown) from error
        finally:
            self._used_at = time.monotonic()

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

    async def hang_up(self) -> None:
        """Take leave of the server, where it is still there."""
        if self._client is not None and self._client.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=LEAVE_S)
        self.drop()

    def drop(self) -> None:
        """Close the connection without a word."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


@functools.cache
def _default_tls() -> ssl.SSLContext:
    """The system's authorities, to which an operator may add, and certifi's, where it has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Connections:
    """One process's connections to the mail server, at most `AT_ONCE`. Who sends many mails borrows
    one for each, so that the mails of several take turns."""

    def __init__(
        self,
        server: SmtpServer,
        tls: ssl.SSLContext | None = None,
        *,
        return_path: str | None = None,
    ) -> None:
        self._open = functools.partial(Outgoing, server, tls, return_path=return_path)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._free: list[Outgoing] = []
        self._lent = 0

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Outgoing]:
        """A connection for one mail, the one that was used last. One whose mail was broken off is
        closed."""
        async with self._slots:
            outgoing = self._free.pop() if self._free else self._open()
            self._lent += 1
            try:
                yield outgoing
            except BaseException:
                outgoing.drop()
                raise
            finally:
                self._lent -= 1
                if outgoing.is_open:
                    self._free.append(outgoing)

    async def rest(self) -> None:
        """Hang up, unless others have mails to send just now."""
        if not self._lent:
            free, self._free = self._free, []
            await asyncio.gather(*(outgoing.hang_up() for outgoing in free))
