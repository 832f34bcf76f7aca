"""Reminding payout users of money that they have not taken, as often as their business says and as
long as they like."""

from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.mails import outbox, stopping
from payviox.mails.model import NewMail
from payviox.unclaimed.queries import reminders as queries

AT_ONCE = 500
"""Reminders written in one transaction."""


async def remind(database: Database, business_id: UUID) -> None:
    """Write a mail to everybody of a business whose reminder is due."""
    while await database.write(_remind, business_id):
        pass


async def _remind(connection: Connection, business_id: UUID) -> bool:
    """Whether there may be more."""
    due = await queries.take_due(connection, business_id, AT_ONCE)
    mails = []
    for each in due:
        shown = ids.show(ids.USER, each.payout_user_id)
        event = f"reminder {each.number} of {shown} since {each.since.isoformat()}"
        mails.append(NewMail(event, each.email, "reminder", {"user": shown}))
    await outbox.put_all(connection, business_id, mails)
    return len(due) == AT_ONCE


def stop_address(site: str, keyring: Keyring, business_id: UUID, user_id: UUID) -> str:
    """Where a payout user's mail program asks for no more reminders (RFC 8058)."""
    business, person = ids.show(ids.BUSINESS, business_id), ids.show(ids.USER, user_id)
    token = stopping.token_of(keyring, f"reminders {business} {person}")
    return f"{site}/redeem/reminders/{business}/{person}/{token}"


def require_token(keyring: Keyring, business_id: UUID, user_id: UUID, token: str) -> None:
    """Raise NotFound unless this stops the payout user's reminders."""
    business, person = ids.show(ids.BUSINESS, business_id), ids.show(ids.USER, user_id)
    stopping.require_token(keyring, f"reminders {business} {person}", token)


stop = queries.stop
resume = queries.resume
are_stopped = queries.are_stopped
