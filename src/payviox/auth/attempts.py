"""Attempts that may be guesses, counted in the database, so that limits hold across processes."""

import hashlib
import ipaddress
from collections.abc import Sequence
from typing import Self

import msgspec

from payviox import actors
from payviox.audit import service as audit
from payviox.auth.queries import attempts as queries
from payviox.db.pool import Connection

IPV6_LINE = 64
"""Whoever has one IPv6 address has all that share so many bits with it."""
WINDOW_S = 15 * 60
DAY_S = 24 * 3600
PER_PERSON = 10
PER_ADDRESS = 100
"""Attempts within the window: at one person's password or in one device, and from one address."""
CODES = 5
CODES_A_DAY = 20
"""Attempts at one person's codes, or in one device, within the window and within a day: a code is
one in a million, and three of them hold at a time."""


class Limit(msgspec.Struct, frozen=True):
    """So many attempts for one subject within so many seconds."""

    subject: bytes
    most: int
    window_s: int = WINDOW_S

    @classmethod
    def of(cls, kind: str, name: str, most: int, window_s: int = WINDOW_S) -> Self:
        """`kind` is what is counted, `name` whose."""
        return cls(hashlib.sha256(f"{kind}:{name}".encode()).digest(), most, window_s)


async def count(connection: Connection, limits: Sequence[Limit]) -> bool:
    """Count an attempt for each limit's subject; False where it is one too many for any. Then it is
    not counted: nobody prolongs their own wait."""
    allowed = True
    for limit in sorted(limits, key=lambda each: each.subject):
        number = await queries.count(connection, limit.subject, limit.window_s)
        allowed = allowed and number < limit.most
    if allowed:
        for subject in {limit.subject for limit in limits}:
            await queries.insert(connection, subject)
    return allowed


async def forget(connection: Connection, limits: Sequence[Limit]) -> None:
    """Whoever it was has shown that they are right; an address stays counted."""
    await queries.forget(connection, [limit.subject for limit in limits])


delete_old = queries.delete_old


def address(place: str | None) -> Limit:
    """Everything that is tried from one address."""
    return Limit.of("address", network_of(place), PER_ADDRESS)


def network_of(place: str | None) -> str:
    """What is counted as one address: the /64 of an IPv6 address, of which one line has 2^64."""
    try:
        found = ipaddress.ip_address(place or "")
    except ValueError:
        return place or ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), IPV6_LINE), strict=False))


async def write_down(connection: Connection, email: str | None, place: str | None) -> None:
    """Leave an entry of a failure, at most one an address and person each quarter of an hour.
    `email` is an operator's: whatever else was typed may be anything, a password too."""
    seen = Limit.of("failed", f"{network_of(place)} {email}", 1)
    if await count(connection, [seen]):
        detail = {"email": email}
        await audit.record_of_installation(
            connection, actors.STRANGER, "operator.sign_in_failed", detail
        )
