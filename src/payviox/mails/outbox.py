"""Putting mails into the outbox, in the transaction of what they tell of, and seeing what came of
them. Database only; sending.py sends."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from payviox import ids
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.mails.model import INSTALLATION, Mail, Message, NewMail
from payviox.mails.queries import mails as queries

list_page = queries.list_page
count_sent = queries.count_sent


async def put(
    connection: Connection,
    event: str,
    recipient: str,
    message: Message,
    facts: Mapping[str, object] | None = None,
    *,
    business_id: UUID | None = None,
) -> None:
    """Send this message about an event to somebody, once. `facts` may hold no secret."""
    await put_all(connection, business_id, [NewMail(event, recipient, message, facts or {})])


async def put_all(
    connection: Connection, business_id: UUID | None, mails: Sequence[NewMail]
) -> None:
    """Send these, a business's or the installation's, once for each event, recipient and
    message."""
    if mails and await queries.insert_all(connection, business_id, [(ids.new(), m) for m in mails]):
        await jobs.wake(connection, jobs.SEND_MAILS, business_id or INSTALLATION)


async def latest_of(connection: Connection, events: Sequence[str]) -> dict[str, Mail]:
    """The newest of the installation's mails about each of these events."""
    return {mail.event: mail for mail in await queries.find_latest(connection, events)}


async def forget_old(connection: Connection, days: int, limit: int) -> int:
    """Delete what ended more than so many days ago, so many at most; answers how many."""
    return await queries.delete_ended(connection, days, limit)
