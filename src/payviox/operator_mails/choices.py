"""What each operator wants to be told of by mail. Nobody is told anything before they choose."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from payviox import ids
from payviox.db.pool import Connection
from payviox.keyring import Keyring
from payviox.mails import stopping
from payviox.operator_mails.model import Choices
from payviox.operator_mails.queries import choices as queries

DIGEST_AT = timedelta(hours=8)
"""When a day's digest is sent, in its reader's zone."""

find = queries.find
find_reader = queries.find_reader
list_daily = queries.list_daily
stop_digests = queries.stop_digests
is_anybody_told = queries.is_anybody_told
may_have_mails = queries.may_have_mails


async def save(connection: Connection, operator_id: UUID, choices: Choices) -> None:
    """Tell an operator of these from now on, and of nothing else. What they were told of already
    is not told again while it lasts, unless they wanted nothing in between."""
    if not choices.causes:
        await queries.delete(connection, operator_id)
        return
    await queries.put(connection, operator_id, choices, digest_day(choices.zone, datetime.now(UTC)))


def digest_day(zone: str, now: datetime) -> date:
    """The day of the latest digest that somebody in this zone could have had."""
    return (now.astimezone(zone_of(zone)) - DIGEST_AT).date()


def zone_of(name: str) -> tzinfo:
    """The time zone of this name; UTC where this machine does not know it any more."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def stop_address(site: str, keyring: Keyring, operator_id: UUID) -> str:
    """Where an operator's mail program asks for no more digests (RFC 8058)."""
    operator = ids.show(ids.OPERATOR, operator_id)
    token = stopping.token_of(keyring, f"digests {operator}")
    return f"{site}/account/mails/stop/{operator}/{token}"


def require_token(keyring: Keyring, operator_id: UUID, token: str) -> None:
    """Raise NotFound unless this stops the operator's digests."""
    stopping.require_token(keyring, f"digests {ids.show(ids.OPERATOR, operator_id)}", token)
