"""The SQL of audit entries, a business's and the installation's."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox.audit.model import AuditEntry
from payviox.db.pool import Connection

COLUMNS: LiteralString = "id, kind, act, actor, place, detail, before, after, created_at"


async def insert(
    connection: Connection,
    business_id: UUID,
    kind: str,
    act: str,
    actor: str,
    place: str | None,
    detail: Mapping[str, object],
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    await connection.execute(
        "INSERT INTO audit_entries"
        " (business_id, kind, act, actor, place, detail, before, after)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [business_id, kind, act, actor, place, *map(_json, (detail, before, after))],
    )


async def insert_alerts(
    connection: Connection,
    business_id: UUID,
    act: str,
    actor: str,
    details: Sequence[Mapping[str, object]],
) -> None:
    """One entry for each of these details, in their order."""
    await connection.execute(
        "INSERT INTO audit_entries (business_id, kind, act, actor, detail)"
        " SELECT %s, 'alert', %s, %s, said.detail FROM jsonb_array_elements(%s) AS said(detail)",
        [business_id, act, actor, Jsonb(list(details))],
    )


async def insert_of_installation(
    connection: Connection, act: str, actor: str, place: str | None, detail: Mapping[str, object]
) -> None:
    await connection.execute(
        "INSERT INTO installation_audit_entries (act, actor, place, detail)"
        " VALUES (%s, %s, %s, %s)",
        [act, actor, place, _json(detail)],
    )


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    act: str | None,
    kind: str | None,
    order_id: UUID | None,
    after: int | None,
    limit: int,
) -> list[AuditEntry]:
    """The newest entries first."""
    async with connection.cursor(row_factory=class_row(AuditEntry)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM audit_entries WHERE business_id = %(business)s"  # noqa: S608  # constants
            " AND (%(act)s::text IS NULL OR act = %(act)s)"
            " AND (%(kind)s::text IS NULL OR kind = %(kind)s)"
            " AND (%(order)s::text IS NULL OR detail->>'order' = %(order)s)"
            " AND (%(after)s::bigint IS NULL OR id < %(after)s)"
            " ORDER BY id DESC LIMIT %(limit)s",
            {
                "business": business_id,
                "act": act,
                "kind": kind,
                "order": order_id and str(order_id),
                "after": after,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def exists(connection: Connection, business_id: UUID, entry_id: int) -> bool:
    cursor = await connection.execute(
        "SELECT FROM audit_entries WHERE business_id = %s AND id = %s", [business_id, entry_id]
    )
    return await cursor.fetchone() is not None


async def list_of_installation(connection: Connection, limit: int) -> list[AuditEntry]:
    """The newest entries first."""
    async with connection.cursor(row_factory=class_row(AuditEntry)) as cursor:
        await cursor.execute(
            "SELECT id, 'act' AS kind, act, actor, place, detail, NULL::jsonb AS before,"
            " NULL::jsonb AS after, created_at"
            " FROM installation_audit_entries ORDER BY id DESC LIMIT %s",
            [limit],
        )
        return await cursor.fetchall()


def _json(value: Mapping[str, object] | None) -> Any:
    return None if value is None else Jsonb(dict(value))
