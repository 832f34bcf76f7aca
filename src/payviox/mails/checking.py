"""Whether mails leave, and whether others will take them for ours: a test mail with all that was
said to the mail server, and the records of the sender's domain that receivers look at."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.headerregistry import Address
from typing import TYPE_CHECKING, Literal

from payviox import ids
from payviox.mails.connections import Outgoing, Refused
from payviox.mails.rendering import render
from payviox.smtp_server import SmtpServer

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

DNS_S = 5.0
SEND_S = 60.0
"""The whole dialogue's time; the mail server has less for each of its answers."""
MOST_LINES = 100

Verdict = Literal["ok", "problem", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and what to do where something is wrong."""

    subject: str
    verdict: Verdict
    detail: str


class NoDns(Exception):
    """Nobody answers: nothing is known."""


async def send_test(
    server: SmtpServer, sender: Address, return_path: str | None, recipient: str, site: str
) -> tuple[Finding, list[str]]:
    """Send a test mail now; answers whether it was taken, and what was said."""
    mail = render("test", ids.new(), sender, recipient, {"site": site})
    async with Outgoing(server, return_path=return_path) as outgoing:
        try:
            async with asyncio.timeout(SEND_S):
                await outgoing.send(mail)
        except Refused as error:
            finding = Finding("mail server", "problem", f"It did not take the mail: {error}")
        except TimeoutError:
            finding = Finding("mail server", "problem", "It did not take the mail in a minute.")
        else:
            finding = Finding("mail server", "ok", f"It took a mail to {recipient}.")
        return finding, outgoing.dialogue[:MOST_LINES]


async def check_domain(
    sender: Address,
    return_path: str | None,
    selector: str | None,
    resolver: "Resolver | None" = None,
) -> list[Finding]:
    """SPF of the domain to which mails return, DKIM under the selector with which the mail server
    signs, and DMARC of the sender's domain."""
    returns_to = (return_path or sender.addr_spec).rpartition("@")[2]
    return [
        await _checked("SPF", lambda: _spf(returns_to, resolver)),
        await _checked("DKIM", lambda: _dkim(sender.domain, selector, resolver)),
        await _checked("DMARC", lambda: _dmarc(sender.domain, resolver)),
    ]


async def _checked(subject: str, look: Callable[[], Awaitable[tuple[Verdict, str]]]) -> Finding:
    try:
        return Finding(subject, *await look())
    except NoDns:
        return Finding(subject, "skipped", "DNS does not answer here: nothing is known.")


async def _spf(domain: str, resolver: "Resolver | None") -> tuple[Verdict, str]:
    records = [text for text in await _texts(domain, resolver) if _starts(text, "v=spf1")]
    if not records:
        return "problem", (
            f"{domain} has no SPF record. Add a TXT record that names your mail server, such as"
            " v=spf1 include:… -all."
        )
    if len(records) > 1:
        return "problem", f"{domain} has {len(records)} SPF records; receivers ignore all of them."
    if "+all" in records[0].split() or "all" in records[0].split():
        return "problem", f"It lets everybody send in your name: {records[0]}"
    return "ok", f"{domain}: {records[0]}"


async def _dkim(
    domain: str, selector: str | None, resolver: "Resolver | None"
) -> tuple[Verdict, str]:
    if not selector:
        return (
            "skipped",
            "Name the selector with which your mail server signs, to look for its key.",
        )
    name = f"{selector}._domainkey.{domain}"
    records = [text for text in await _texts(name, resolver) if "p=" in text]
    if not records:
        return "problem", f"{name} has no key. Your mail server's provider says which to publish."
    if any(part.strip() == "p=" for part in records[0].split(";")):
        return "problem", f"The key at {name} was revoked: its p= is empty."
    return "ok", f"{name} has a key."


async def _dmarc(domain: str, resolver: "Resolver | None") -> tuple[Verdict, str]:
    """Of the domain, or of the one above it, which receivers ask next."""
    above = domain.partition(".")[2]
    for name in (domain, *([above] if "." in above else [])):
        found = await _texts(f"_dmarc.{name}", resolver)
        records = [text for text in found if _starts(text, "v=DMARC1")]
        if len(records) > 1:
            return "problem", f"_dmarc.{name} has {len(records)} records; receivers ignore them."
        if records:
            return "ok", f"_dmarc.{name}: {records[0]}"
    return "problem", (
        f"_dmarc.{domain} has no record: large mailbox providers refuse bulk mail without one."
        " Begin with v=DMARC1; p=none; rua=mailto:…"
    )


def _starts(text: str, version: str) -> bool:
    head = text[: len(version) + 1].rstrip(" ;").lower()
    return head == version.lower()


async def _texts(name: str, resolver: "Resolver | None") -> list[str]:
    """The TXT records of a name; none where there is no such name. Raises NoDns."""
    import dns.asyncresolver  # noqa: PLC0415  # rarely needed, as the next two
    import dns.exception  # noqa: PLC0415
    import dns.resolver  # noqa: PLC0415

    try:
        asked = resolver or dns.asyncresolver.get_default_resolver()
        answer = await asked.resolve(name, "TXT", lifetime=DNS_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise NoDns from error
    return [b"".join(record.strings).decode(errors="replace") for record in answer]
