"""A business's mails with the payout users whom they are for."""

from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.mails.model import AddressState, Message, State

STATE: LiteralString = (
    "CASE WHEN m.status <> 'queued' THEN m.status"
    " WHEN m.handed_at IS NULL THEN 'waiting' ELSE 'unknown' END"
)
MAILS: LiteralString = (
    "WITH m AS MATERIALIZED (SELECT * FROM mails m WHERE m.business_id = %(business)s"
)
ROWS: LiteralString = (
    ") SELECT m.id, m.message, m.recipient, u.id AS user_id, " + STATE + " AS state, m.attempts,"  # noqa: S608  # a constant
    " m.number, m.answer, m.created_at, m.due_at, m.handed_at, m.ended_at,"
    " a.state AS address_state FROM m"
    " LEFT JOIN payout_users u ON u.business_id = %(business)s AND u.email = m.recipient"
    " LEFT JOIN mail_addresses a ON a.business_id = %(business)s AND a.email = m.recipient"
    " ORDER BY m.id DESC"
)
"""The mails first: who they are for is asked of those few."""
STATES: dict[State | str, LiteralString] = {
    "waiting": " AND m.status = 'queued' AND m.handed_at IS NULL",
    "unknown": " AND m.status = 'queued' AND m.handed_at IS NOT NULL",
    "sent": " AND m.status = 'sent'",
    "failed": " AND m.status IN ('failed', 'bounced')",
    "bounced": " AND m.status = 'bounced'",
    "dropped": " AND m.status = 'dropped'",
}
"""What each state asks for; what bounced has failed, too."""


class MailRow(msgspec.Struct, frozen=True):
    """A mail to a payout user; `user_id` is None where nobody has that address."""

    id: UUID
    message: Message
    recipient: str
    user_id: UUID | None
    state: State
    attempts: int
    number: int
    answer: str | None
    created_at: datetime
    due_at: datetime | None
    handed_at: datetime | None
    ended_at: datetime | None
    address_state: AddressState | None


class Address(msgspec.Struct, frozen=True):
    """An address that mails do not reach, and why."""

    state: AddressState
    reason: str
    since: datetime


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    state: str | None,
    message: Message | None,
    recipient: str | None,
    after: UUID | None,
    limit: int,
) -> list[MailRow]:
    """The newest first, older than the mail `after`."""
    statement = MAILS + (STATES[state] if state else "")
    if message is not None:
        statement += " AND m.message = %(message)s"
    if recipient is not None:
        statement += " AND m.recipient = %(recipient)s"
    if after is not None:
        statement += " AND m.id < %(after)s"
    async with connection.cursor(row_factory=class_row(MailRow)) as cursor:
        await cursor.execute(
            statement + " ORDER BY m.id DESC LIMIT %(limit)s" + ROWS,
            {
                "business": business_id,
                "message": message,
                "recipient": recipient,
                "after": after,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def lock(connection: Connection, business_id: UUID, mail_id: UUID) -> MailRow | None:
    """The mail as it stays while the transaction lasts."""
    async with connection.cursor(row_factory=class_row(MailRow)) as cursor:
        await cursor.execute(
            MAILS + " AND m.id = %(mail)s FOR UPDATE" + ROWS,
            {"business": business_id, "mail": mail_id},
        )
        return await cursor.fetchone()


async def send_anew(connection: Connection, mail_id: UUID) -> None:
    """It is due now. What had ended goes out under another Message-ID: mailbox providers hide the
    second of two alike."""
    await connection.execute(
        "UPDATE mails SET number = number + (status <> 'queued')::int, status = 'queued',"
        " attempts = 0, due_at = now(), handed_at = NULL, ended_at = NULL WHERE id = %s",
        [mail_id],
    )


async def find_address(connection: Connection, business_id: UUID, email: str) -> Address | None:
    """None where nothing is known against it."""
    async with connection.cursor(row_factory=class_row(Address)) as cursor:
        await cursor.execute(
            "SELECT state, reason, since FROM mail_addresses WHERE business_id = %s AND email = %s",
            [business_id, email],
        )
        return await cursor.fetchone()
