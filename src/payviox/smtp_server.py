"""The mail server of an installation, as a URL names it, and the sender of its mails."""

from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Tls = Literal["from the start", "starttls", "none"]
PORTS: dict[str, int] = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed over, and as whom."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def parse(url: str) -> SmtpServer:
    """Read `smtp://user:password@host:587` (STARTTLS, which the server has to offer), or `smtps://`
    (TLS from the start); `smtp://host:25?tls=no` goes without. Raises ValueError, which repeats
    nothing of it: a password may be inside."""
    parts = urlsplit(url)
    options = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    plain = options == {"tls": ["no"]}
    if (
        parts.scheme not in PORTS
        or not parts.hostname
        or (options and not plain)
        or parts.path not in ("", "/")
        or parts.fragment
        or (plain and parts.scheme == "smtps")
        or (parts.username is None) != (parts.password is None)
    ):
        raise ValueError("no URL of a mail server")
    tls: Tls = "from the start" if parts.scheme == "smtps" else "none" if plain else "starttls"
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        tls=tls,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def parse_sender(text: str) -> Address:
    """Read `Acme Payouts <payouts@example.com>`, or the bare address. Raises ValueError."""
    if not text.isprintable():
        raise ValueError("no sender")
    name, address = parseaddr(text)
    if address.count("@") != 1:
        raise ValueError("no sender")
    try:
        return Address(display_name=name, addr_spec=address)
    except (HeaderParseError, IndexError) as error:
        raise ValueError("no sender") from error
