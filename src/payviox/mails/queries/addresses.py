"""Addresses that a business's mails do not reach, and mails that came back."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.mails.model import AddressState


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whose mail it was, and to whom; an installation's has no business."""

    business_id: UUID | None
    email: str


async def put(
    connection: Connection, business_id: UUID, email: str, state: AddressState, reason: str
) -> None:
    """A complaint stays one, whatever bounces afterwards."""
    await connection.execute(
        "INSERT INTO mail_addresses AS a (business_id, email, state, reason)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (business_id, email) DO UPDATE"
        " SET state = excluded.state, reason = excluded.reason WHERE a.state <> 'complained'",
        [business_id, email, state, reason],
    )


async def delete(connection: Connection, business_id: UUID, email: str) -> AddressState | None:
    """The state that it was in; None where mails reached it."""
    cursor = await connection.execute(
        "DELETE FROM mail_addresses WHERE business_id = %s AND email = %s RETURNING state",
        [business_id, email],
    )
    row = await cursor.fetchone()
    return None if row is None else cast("AddressState", row[0])


async def bounce(
    connection: Connection, mail_id: UUID, number: int, answer: str
) -> Recipient | None:
    """The mail came back. None where there is no such mail, or one that was sent anew since."""
    async with connection.cursor(row_factory=class_row(Recipient)) as cursor:
        await cursor.execute(
            "UPDATE mails SET status = 'bounced', answer = %s, due_at = NULL, handed_at = NULL,"
            " ended_at = least(ended_at, now()) WHERE id = %s AND number = %s"
            " RETURNING business_id, recipient AS email",
            [answer, mail_id, number],
        )
        return await cursor.fetchone()


async def find_recipient(connection: Connection, mail_id: UUID) -> Recipient | None:
    async with connection.cursor(row_factory=class_row(Recipient)) as cursor:
        await cursor.execute(
            "SELECT business_id, recipient AS email FROM mails WHERE id = %s", [mail_id]
        )
        return await cursor.fetchone()
