"""A mail server that takes mails, or does not, on a real socket."""

import asyncio
import math
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from support.live import free_port

USER, PASSWORD = "payviox", "p@ss/w:ord"


@dataclass
class MailServer:
    """What it was given; `answers` are given to the next recipients or texts in place of a yes."""

    port: int = field(default_factory=free_port)
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    refuse_recipients: list[str] = field(default_factory=list)
    refuse_texts: list[str] = field(default_factory=list)
    refuse_senders: list[str] = field(default_factory=list)
    connections: int = 0
    most_of_a_connection: int | None = None
    """A connection is closed when it brings more mails than that."""
    encrypted: list[bool] = field(default_factory=list)
    hang: bool = False
    hang_at_recipient: bool = False
    together: int = 0
    """Texts are answered once so many are there at once."""
    texts: int = 0
    """Of connections that wait for an answer."""
    has_text: threading.Event = field(default_factory=threading.Event)
    hangs: threading.Event = field(default_factory=threading.Event)
    _hung_up: threading.Event = field(default_factory=threading.Event)
    _all_there: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _brought: Counter[int] = field(default_factory=Counter)

    def hang_up(self) -> None:
        """Break off the connection whose text was taken without an answer."""
        self._hung_up.set()

    async def handle_EHLO(  # noqa: N802  # aiosmtpd's names
        self, _: Any, session: Session, __: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += session.host_name is None
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, _: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._brought[id(session)] += 1
        if self._brought[id(session)] > (self.most_of_a_connection or math.inf):
            return "421 No more of this connection"
        if self.refuse_senders:
            return self.refuse_senders.pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _: Any, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.hang_at_recipient:
            self.hang_at_recipient = False
            self.hangs.set()
            await asyncio.to_thread(self._hung_up.wait)
            raise ConnectionResetError
        if self.refuse_recipients:
            return self.refuse_recipients.pop(0)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.hang:
            self.hang = False
            self.has_text.set()
            self.hangs.set()
            await asyncio.to_thread(self._hung_up.wait)
            raise ConnectionResetError
        await self._be_together()
        if self.refuse_texts:
            return self.refuse_texts.pop(0)
        content = cast("bytes", envelope.content)
        self.mails.append(cast("EmailMessage", message_from_bytes(content, policy=policy.default)))
        self.recipients += envelope.rcpt_tos
        self.senders.append(str(envelope.mail_from))
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    async def _be_together(self) -> None:
        self.texts += 1
        self._loop = asyncio.get_running_loop()
        if self.texts >= self.together:
            self._all_there.set()
        await self._all_there.wait()
        self.texts -= 1

    def answer_all(self) -> None:
        """Answer the texts that wait for more, and all that follow."""
        self.together = 0
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._all_there.set)


def login(_: Any, __: Any, ___: Any, ____: str, given: LoginPassword) -> AuthResult:
    right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def mail_server(
    authority: trustme.CA | None = None, *, password: bool = False
) -> Iterator[MailServer]:
    """One that runs in a thread of its own; with an authority it insists on STARTTLS."""
    server = MailServer()
    tls = None
    if authority is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(tls)
    controller = Controller(
        server,
        loop=asyncio.SelectorEventLoop(),
        hostname="127.0.0.1",
        port=server.port,
        tls_context=tls,
        require_starttls=tls is not None,
        authenticator=login if password else None,
        auth_required=password,
        auth_require_tls=True,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def link_in(mail: EmailMessage) -> str:
    """The one address in its text."""
    body = mail.get_body(("plain",))
    assert body is not None
    [link] = [line.strip() for line in body.get_content().splitlines() if line.startswith("http")]
    return link
