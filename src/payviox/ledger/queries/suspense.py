"""The SQL of suspense items."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox.db.announcing import announce
from payviox.db.pool import Connection

COLUMNS = (
    "business_id, id, rail, cause, subject, order_id, amount, evidence, opened_at, seen_at,"
    " alerted_at, resolved_at, resolved_by, resolution, reason"
)


# What a rail's open items explain of its suspense account, and what the rail paid after all while
# no comparison has made an item of it yet.
DIFFERENCES = """
SELECT coalesce(a.rail, i.rail), a.id,
       -coalesce(i.amount, 0) - coalesce(p.amount, 0) AS expected, coalesce(a.balance, 0)
FROM (SELECT * FROM accounts WHERE business_id = %(business)s AND kind = 'suspense') a
FULL JOIN (
  SELECT rail, sum(amount) AS amount FROM suspense_items
  WHERE business_id = %(business)s AND resolved_at IS NULL GROUP BY rail
) i ON i.rail = a.rail
LEFT JOIN LATERAL (
  SELECT sum(t.amount) AS amount FROM transfers t
  WHERE t.business_id = %(business)s AND t.from_account = a.id AND t.kind = 'paid_after_all'
  AND NOT EXISTS (
    SELECT FROM suspense_items s WHERE s.business_id = %(business)s AND s.rail = a.rail
    AND s.cause = 'paid_after_all' AND s.subject = 'ord_' || t.order_id)
) p ON true
WHERE coalesce(a.balance, 0) <> -coalesce(i.amount, 0) - coalesce(p.amount, 0) ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Item:
    """A suspense item's row. `amount` in cents: what left by the rail beyond what our books say."""

    business_id: UUID
    id: UUID
    rail: str
    cause: str
    subject: str
    order_id: UUID | None
    amount: int
    evidence: dict[str, Any]
    opened_at: datetime
    seen_at: datetime
    alerted_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    reason: str | None

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None


async def lock_rail(connection: Connection, business_id: UUID, rail: str) -> None:
    """Let only one at a time change a rail's items, until it commits."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('suspense ' || %s || ' ' || %s, 0))",
        [str(business_id), rail],
    )


async def insert(connection: Connection, item: Item) -> None:
    await connection.execute(
        "INSERT INTO suspense_items (business_id, id, rail, cause, subject, order_id, amount,"
        " evidence) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            item.business_id,
            item.id,
            item.rail,
            item.cause,
            item.subject,
            item.order_id,
            item.amount,
            Jsonb(item.evidence),
        ],
    )
    announce(connection, item.business_id, "items")


async def seen(
    connection: Connection, business_id: UUID, item_id: UUID, evidence: dict[str, Any]
) -> None:
    """A comparison has found the difference again."""
    await connection.execute(
        "UPDATE suspense_items SET seen_at = now(), evidence = %s"
        " WHERE business_id = %s AND id = %s",
        [Jsonb(evidence), business_id, item_id],
    )
    announce(connection, business_id, "items")


async def resolve(
    connection: Connection, items: Iterable[Item], resolution: str, actor: str, reason: str
) -> None:
    """Items that the caller holds."""
    items = list(items)
    await connection.cursor().executemany(
        "UPDATE suspense_items SET resolved_at = now(), resolution = %s, resolved_by = %s,"
        " reason = %s WHERE business_id = %s AND id = %s",
        [(resolution, actor, reason, item.business_id, item.id) for item in items],
    )
    for item in items:
        announce(connection, item.business_id, "items")


async def find(connection: Connection, business_id: UUID, item_id: UUID) -> Item | None:
    async with connection.cursor(row_factory=class_row(Item)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM suspense_items WHERE business_id = %s AND id = %s",  # noqa: S608  # a constant
            [business_id, item_id],
        )
        return await cursor.fetchone()


async def lock(connection: Connection, business_id: UUID, item_id: UUID) -> Item | None:
    async with connection.cursor(row_factory=class_row(Item)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM suspense_items WHERE business_id = %s AND id = %s FOR UPDATE",  # noqa: S608  # a constant
            [business_id, item_id],
        )
        return await cursor.fetchone()


async def lock_open(
    connection: Connection, business_id: UUID, subjects: Sequence[str], causes: Sequence[str]
) -> list[Item]:
    """The open items of these subjects that have one of these causes."""
    async with connection.cursor(row_factory=class_row(Item)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM suspense_items WHERE business_id = %s AND subject = ANY(%s)"  # noqa: S608  # a constant
            " AND cause = ANY(%s) AND resolved_at IS NULL ORDER BY id FOR UPDATE",
            [business_id, list(subjects), list(causes)],
        )
        return await cursor.fetchall()


async def of_subjects(
    connection: Connection, business_id: UUID, rail: str, subjects: Sequence[str]
) -> list[Item]:
    """Every item, open or resolved, of these subjects."""
    async with connection.cursor(row_factory=class_row(Item)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM suspense_items WHERE business_id = %s AND rail = %s"  # noqa: S608  # a constant
            " AND subject = ANY(%s) ORDER BY id",
            [business_id, rail, list(subjects)],
        )
        return await cursor.fetchall()


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    rail: str | None = None,
    cause: str | None = None,
    resolved: bool = False,
    after: UUID | None = None,
    limit: int,
) -> list[Item]:
    """Items, the oldest first, opened after the item `after`; open ones, or `resolved` ones too."""
    wanted: dict[str, Any] = {
        "rail = %(rail)s": rail,
        "cause = %(cause)s": cause,
        "id > %(after)s": after,
        "resolved_at IS NULL": None if resolved else True,
    }
    conditions = ["business_id = %(business)s"]
    conditions += [text for text, value in wanted.items() if value is not None]
    async with connection.cursor(row_factory=class_row(Item)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM suspense_items WHERE {' AND '.join(conditions)}"  # noqa: S608  # constants
            " ORDER BY id LIMIT %(limit)s",
            {
                "business": business_id,
                "rail": rail,
                "cause": cause,
                "after": after,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def take_alerts(
    connection: Connection, business_id: UUID, hours: int, limit: int
) -> list[Item]:
    """Open items that nobody was told of and that are older than so many hours; they count as told
    of from now on."""
    async with connection.cursor(row_factory=class_row(Item)) as cursor:
        await cursor.execute(
            "UPDATE suspense_items SET alerted_at = now() WHERE business_id = %(b)s AND id IN ("  # noqa: S608  # a constant
            " SELECT id FROM suspense_items WHERE business_id = %(b)s AND resolved_at IS NULL"
            " AND alerted_at IS NULL AND opened_at <= now() - make_interval(hours => %(hours)s)"
            f" ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED) RETURNING {COLUMNS}",
            {"b": business_id, "hours": hours, "limit": limit},
        )
        return await cursor.fetchall()


async def not_yet_items(
    connection: Connection, business_id: UUID, rail: str, limit: int
) -> list[tuple[UUID, int]]:
    """(order, cents) that the rail paid after all and that have no item yet."""
    cursor = await connection.execute(
        "SELECT t.order_id, t.amount FROM accounts a"
        " JOIN transfers t ON t.business_id = a.business_id AND t.from_account = a.id"
        " AND t.kind = 'paid_after_all'"
        " WHERE a.business_id = %(b)s AND a.kind = 'suspense' AND a.rail = %(rail)s"
        " AND NOT EXISTS (SELECT FROM suspense_items s WHERE s.business_id = %(b)s"
        "   AND s.rail = %(rail)s AND s.cause = 'paid_after_all'"
        "   AND s.subject = 'ord_' || t.order_id)"
        " ORDER BY t.id LIMIT %(limit)s",
        {"b": business_id, "rail": rail, "limit": limit},
    )
    return [(UUID(str(row[0])), int(str(row[1]))) for row in await cursor.fetchall()]


async def differences(
    connection: Connection, business_id: UUID
) -> list[tuple[str, UUID | None, int, int]]:
    """(rail, account, what its items say, what the account holds) where they differ."""
    cursor = await connection.execute(DIFFERENCES, {"business": business_id})
    return [
        (str(rail), account, int(str(expected)), int(str(actual)))  # type: ignore[misc]  # a uuid column
        for rail, account, expected, actual in await cursor.fetchall()
    ]
