"""The SQL of what operators want to be told of."""

from datetime import date
from typing import Any, LiteralString
from uuid import UUID

from payviox.db.pool import Connection
from payviox.operator_mails.model import Choices, Reader

MAY: LiteralString = "o.disabled_at IS NULL AND o.email_verified"
"""Who may have mails: an address that was never shown to be its operator's may be a stranger's."""
READERS: LiteralString = (
    "SELECT o.id, o.email, c.causes, c.is_daily, c.with_test, c.zone, c.digest_on"  # noqa: S608  # a constant
    " FROM attention_choices c JOIN operators o ON o.id = c.operator_id WHERE " + MAY
)
DELETE: LiteralString = "WITH deleted AS (DELETE FROM attention_choices WHERE operator_id = %s"
FORGET: LiteralString = (
    " RETURNING operator_id) UPDATE attention_mails m SET has_ended = true FROM deleted d"
    " WHERE m.operator_id = d.operator_id AND NOT m.has_ended"
)


async def may_have_mails(connection: Connection, operator_id: UUID) -> bool:
    """Whether an operator is told anything by mail, whatever they choose."""
    cursor = await connection.execute(
        "SELECT FROM operators o WHERE o.id = %s AND " + MAY,
        [operator_id],
    )
    return await cursor.fetchone() is not None


async def find(connection: Connection, operator_id: UUID) -> Choices | None:
    """None where nothing was chosen."""
    cursor = await connection.execute(
        "SELECT causes, is_daily, with_test, zone FROM attention_choices WHERE operator_id = %s",
        [operator_id],
    )
    row: Any = await cursor.fetchone()
    return None if row is None else Choices(frozenset(row[0]), *row[1:])


async def find_reader(connection: Connection, operator_id: UUID) -> Reader | None:
    """None where an operator chose nothing, or may have no mails."""
    cursor = await connection.execute(READERS + " AND o.id = %s", [operator_id])
    row: Any = await cursor.fetchone()
    return None if row is None else _reader(row)


async def list_daily(connection: Connection) -> list[Reader]:
    """Everybody who is told once a day."""
    cursor = await connection.execute(READERS + " AND c.is_daily ORDER BY o.id")
    rows: Any = await cursor.fetchall()
    return [_reader(row) for row in rows]


async def is_anybody_told(connection: Connection) -> bool:
    """Whether anybody chose anything."""
    cursor = await connection.execute("SELECT FROM attention_choices LIMIT 1")
    return await cursor.fetchone() is not None


async def put(connection: Connection, operator_id: UUID, choices: Choices, digest_on: date) -> None:
    await connection.execute(
        "INSERT INTO attention_choices (operator_id, causes, is_daily, with_test, zone, digest_on)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (operator_id) DO UPDATE SET"
        " causes = excluded.causes, is_daily = excluded.is_daily, with_test = excluded.with_test,"
        " zone = excluded.zone, digest_on = excluded.digest_on",
        [
            operator_id,
            sorted(choices.causes),
            choices.is_daily,
            choices.with_test,
            choices.zone,
            digest_on,
        ],
    )


async def delete(connection: Connection, operator_id: UUID) -> None:
    """Tell an operator of nothing any more, and forget what they were told."""
    await connection.execute(DELETE + FORGET, [operator_id])


async def stop_digests(connection: Connection, operator_id: UUID) -> None:
    """Send an operator no digest any more, and forget what they were told; what somebody wants at
    once, they get."""
    await connection.execute(DELETE + " AND is_daily" + FORGET, [operator_id])


async def take_day(connection: Connection, operator_id: UUID, day: date) -> bool:
    """Whether nobody has written an operator's digest of this day yet; then the caller does."""
    cursor = await connection.execute(
        "UPDATE attention_choices SET digest_on = %(day)s"
        " WHERE operator_id = %(operator)s AND is_daily AND digest_on < %(day)s",
        {"operator": operator_id, "day": day},
    )
    return cursor.rowcount == 1


def _reader(row: Any) -> Reader:
    operator_id, email, causes, is_daily, with_test, zone, digest_on = row
    return Reader(
        operator_id, email, Choices(frozenset(causes), is_daily, with_test, zone), digest_on
    )
