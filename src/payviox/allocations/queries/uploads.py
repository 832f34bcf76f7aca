"""The SQL of uploads as wholes; rows have their own (upload_rows.py)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncCursor
from psycopg.types.json import Json

from payviox.allocations.uploads.model import KEPT_FOR, Asked, Field, Status, Turn, Upload
from payviox.db.pool import Connection

LEASE_S = 15
"""Seconds after which another worker takes over what one has left unfinished."""


def _row(cursor: AsyncCursor[Any]) -> Callable[[Sequence[Any]], Upload]:
    """A row as an Upload, what was asked among it read."""
    names = [column.name for column in cursor.description or ()]

    def read(values: Sequence[Any]) -> Upload:
        found = dict(zip(names, values, strict=True))
        if found["asked"] is not None:
            found["asked"] = msgspec.convert(found["asked"], Asked)
        return Upload(**found)

    return read


SELECT = (
    "SELECT id, file_name, file_digest, sheet, header, columns, status, created_by, created_at,"
    " checked_at, asked, started_by, started_at, due_at, ended_at, stopped_why, payments, amount,"
    " people, paid, paid_amount, refused FROM uploads"
)
DUE = "(status = 'paying' OR (status = 'scheduled' AND due_at <= now()))"
FREE = "(lease_until IS NULL OR lease_until <= now())"


async def insert(
    connection: Connection,
    business_id: UUID,
    upload_id: UUID,
    file_name: str,
    file_digest: bytes,
    created_by: str,
) -> None:
    await connection.execute(
        "INSERT INTO uploads (business_id, id, file_name, file_digest, created_by)"
        " VALUES (%s, %s, %s, %s, %s)",
        [business_id, upload_id, file_name, file_digest, created_by],
    )


async def find(
    connection: Connection, business_id: UUID, upload_id: UUID, *, lock: bool = False
) -> Upload | None:
    """One upload; no other transaction changes it before this one ends if it is to be locked."""
    async with connection.cursor(row_factory=_row) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %s AND id = %s{' FOR UPDATE' if lock else ''}",
            [business_id, upload_id],
        )
        return await cursor.fetchone()


async def list_page(
    connection: Connection, business_id: UUID, after: UUID | None, limit: int
) -> list[Upload]:
    """Uploads that somebody may go on with or has confirmed, the newest first."""
    older = " AND id < %(after)s" if after is not None else ""
    async with connection.cursor(row_factory=_row) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %(business)s AND status <> 'checking'{older}"
            " ORDER BY id DESC LIMIT %(limit)s",
            {"business": business_id, "after": after, "limit": limit},
        )
        return await cursor.fetchall()


async def find_same_file(
    connection: Connection, business_id: UUID, upload_id: UUID, file_digest: bytes
) -> Upload | None:
    """The latest other upload of the same file that was confirmed."""
    async with connection.cursor(row_factory=_row) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %s AND file_digest = %s AND id <> %s"
            " AND started_at IS NOT NULL ORDER BY started_at DESC LIMIT 1",
            [business_id, file_digest, upload_id],
        )
        return await cursor.fetchone()


async def set_head(
    connection: Connection,
    business_id: UUID,
    upload_id: UUID,
    status: Status,
    header: Sequence[str],
    sheet: str | None,
    columns: Mapping[Field, int] | None,
) -> None:
    await connection.execute(
        "UPDATE uploads SET status = %s, header = %s, sheet = %s, columns = %s"
        " WHERE business_id = %s AND id = %s",
        [
            status,
            list(header),
            sheet,
            None if columns is None else Json(dict(columns)),
            business_id,
            upload_id,
        ],
    )


async def set_checked(connection: Connection, business_id: UUID, upload_id: UUID) -> None:
    await connection.execute(
        "UPDATE uploads SET status = 'checked', checked_at = now()"
        " WHERE business_id = %s AND id = %s AND status = 'checking'",
        [business_id, upload_id],
    )


async def delete(connection: Connection, business_id: UUID, upload_id: UUID) -> None:
    """Forget an upload that nobody confirmed, with its rows."""
    await connection.execute(
        "DELETE FROM uploads WHERE business_id = %s AND id = %s AND started_at IS NULL",
        [business_id, upload_id],
    )


async def delete_unconfirmed(connection: Connection) -> int:
    """Forget what nobody confirmed in time, but what waits for a second person; answers how
    many."""
    cursor = await connection.execute(
        "DELETE FROM uploads WHERE started_at IS NULL AND asked IS NULL"
        " AND created_at < now() - %s",
        [KEPT_FOR],
    )
    return cursor.rowcount


async def keep_file(
    connection: Connection, business_id: UUID, upload_id: UUID, content: bytes
) -> None:
    await connection.execute(
        "INSERT INTO upload_files (business_id, upload_id, content) VALUES (%s, %s, %s)",
        [business_id, upload_id, content],
    )


async def take_file(connection: Connection, business_id: UUID, upload_id: UUID) -> bytes | None:
    """The file that was kept, which is forgotten with this."""
    cursor = await connection.execute(
        "DELETE FROM upload_files WHERE business_id = %s AND upload_id = %s RETURNING content",
        [business_id, upload_id],
    )
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None  # type: ignore[call-overload]  # bytea


async def find_file(connection: Connection, business_id: UUID, upload_id: UUID) -> bytes | None:
    cursor = await connection.execute(
        "SELECT content FROM upload_files WHERE business_id = %s AND upload_id = %s",
        [business_id, upload_id],
    )
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None  # type: ignore[call-overload]  # bytea


async def list_asked(connection: Connection, business_id: UUID, limit: int) -> list[Upload]:
    """Uploads that one person has confirmed and a second one has to, the oldest first."""
    async with connection.cursor(row_factory=_row) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %s AND status = 'checked' AND asked IS NOT NULL"
            " ORDER BY id LIMIT %s",
            [business_id, limit],
        )
        return await cursor.fetchall()


async def set_asked(
    connection: Connection, business_id: UUID, upload_id: UUID, asked: Asked | None
) -> None:
    await connection.execute(
        "UPDATE uploads SET asked = %s WHERE business_id = %s AND id = %s",
        [
            None if asked is None else Json(msgspec.to_builtins(asked)),
            business_id,
            upload_id,
        ],
    )


async def lock_confirming(connection: Connection, business_id: UUID) -> None:
    """One upload of a business is confirmed at a time: each sees what the one before will pay."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('uploads ' || %s, 0))", [str(business_id)]
    )


async def set_started(
    connection: Connection,
    business_id: UUID,
    upload_id: UUID,
    *,
    actor: str,
    due_at: datetime | None,
    payments: int,
    amount: int,
    people: int,
) -> None:
    """Confirmed: due at once, or at a later time."""
    await connection.execute(
        "UPDATE uploads SET started_by = %(actor)s, started_at = now(), status = %(status)s,"  # noqa: S608  # constants
        f" due_at = {'now()' if due_at is None else '%(due)s'}, payments = %(payments)s,"
        " amount = %(amount)s, people = %(people)s"
        " WHERE business_id = %(business)s AND id = %(upload)s",
        {
            "actor": actor,
            "status": "paying" if due_at is None else "scheduled",
            "due": due_at,
            "payments": payments,
            "amount": amount,
            "people": people,
            "business": business_id,
            "upload": upload_id,
        },
    )


async def set_canceled(connection: Connection, business_id: UUID, upload_id: UUID) -> None:
    await connection.execute(
        "UPDATE uploads SET status = 'canceled', ended_at = now(), stopped_why = NULL"
        " WHERE business_id = %s AND id = %s",
        [business_id, upload_id],
    )


async def set_resumed(
    connection: Connection, business_id: UUID, upload_id: UUID, actor: str
) -> None:
    await connection.execute(
        "UPDATE uploads SET status = 'paying', stopped_why = NULL, lease_until = NULL,"
        " started_by = %s WHERE business_id = %s AND id = %s",
        [actor, business_id, upload_id],
    )


async def due_businesses(connection: Connection) -> list[UUID]:
    """Whose uploads a worker should pay now. One of its sweeps, which may read across
    businesses."""
    cursor = await connection.execute(
        f"SELECT DISTINCT business_id FROM uploads WHERE {DUE} AND {FREE}"  # noqa: S608  # constants
    )
    return [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # uuid


async def claim(connection: Connection, business_id: UUID) -> Turn | None:
    """Take the next upload that is due; nobody else pays it while the lease is renewed."""
    cursor = await connection.execute(
        f"UPDATE uploads SET status = 'paying', turn = turn + 1,"  # noqa: S608  # constants
        f" lease_until = now() + interval '{LEASE_S} s'"
        f" WHERE business_id = %(business)s AND id = (SELECT id FROM uploads"
        f" WHERE business_id = %(business)s AND {DUE} AND {FREE}"
        " ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, started_by, turn",
        {"business": business_id},
    )
    row = await cursor.fetchone()
    return None if row is None else Turn(*row)  # type: ignore[arg-type]  # uuid, text, integer


async def add_paid(
    connection: Connection, business_id: UUID, turn: Turn, paid: int, amount: int, refused: int
) -> bool:
    """Count what was just paid and keep the claim; False where it is another worker's by now, or
    the upload is to go on no more."""
    cursor = await connection.execute(
        "UPDATE uploads SET paid = paid + %s, paid_amount = paid_amount + %s,"  # noqa: S608  # constants
        f" refused = refused + %s, lease_until = now() + interval '{LEASE_S} s'"
        " WHERE business_id = %s AND id = %s AND status = 'paying' AND turn = %s RETURNING id",
        [paid, amount, refused, business_id, turn.upload_id, turn.number],
    )
    return await cursor.fetchone() is not None


async def stop(connection: Connection, business_id: UUID, turn: Turn, why: str) -> bool:
    cursor = await connection.execute(
        "UPDATE uploads SET status = 'stopped', stopped_why = %s, lease_until = NULL"
        " WHERE business_id = %s AND id = %s AND status = 'paying' AND turn = %s RETURNING id",
        [why, business_id, turn.upload_id, turn.number],
    )
    return await cursor.fetchone() is not None


async def finish(connection: Connection, business_id: UUID, turn: Turn) -> None:
    """Everything is paid or refused."""
    await connection.execute(
        "UPDATE uploads SET status = 'done', ended_at = now(), lease_until = NULL"
        " WHERE business_id = %s AND id = %s AND status = 'paying' AND turn = %s"
        " AND paid + refused = payments",
        [business_id, turn.upload_id, turn.number],
    )


async def release(connection: Connection, business_id: UUID, turn: Turn) -> None:
    """Hand back what was claimed: another worker may go on at once."""
    await connection.execute(
        "UPDATE uploads SET lease_until = NULL"
        " WHERE business_id = %s AND id = %s AND status = 'paying' AND turn = %s",
        [business_id, turn.upload_id, turn.number],
    )
