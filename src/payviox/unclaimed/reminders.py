"""Reminding payout users of money that they have not taken, as often as their business says and as
long as they like. What opens the address that stops reminders is derived from a secret key: it
opens nothing else, and no table holds it."""

import base64
import hmac
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection, Database
from payviox.errors import NotFound
from payviox.keyring import Keyring, ServerKey
from payviox.mails import outbox
from payviox.mails.model import NewMail
from payviox.unclaimed.queries import reminders as queries

AT_ONCE = 500
"""Reminders written in one transaction."""
TOKEN_BYTES = 18


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
    return (
        f"{site}/redeem/reminders/{business}/{person}/{_token(keyring.current, business, person)}"
    )


def require_token(keyring: Keyring, business_id: UUID, user_id: UUID, token: str) -> None:
    """Raise NotFound unless this stops the payout user's reminders."""
    business, person = ids.show(ids.BUSINESS, business_id), ids.show(ids.USER, user_id)
    presented = token.encode("utf-8", "surrogatepass")
    every = [_token(keyring.get(key_id), business, person).encode() for key_id in keyring.ids]
    if not any(hmac.compare_digest(each, presented) for each in every):
        raise NotFound


stop = queries.stop


def _token(key: ServerKey, business: str, person: str) -> str:
    mac = hmac.digest(key.link_key, f"stop reminders {business} {person}".encode(), "sha256")
    return base64.urlsafe_b64encode(mac[:TOKEN_BYTES]).decode()
