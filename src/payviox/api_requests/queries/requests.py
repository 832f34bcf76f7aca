"""The SQL of the API's requests. Ids sort by time."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import class_row

from payviox.api_requests.model import ApiRequest, KeyUse, LastUse, Outcome
from payviox.db.pool import Connection

_COLUMNS = (
    "business_id, id, method, path, status, duration_ms, key_hint, place, idempotency_key, error,"
    " called_at"
)
_OUTCOMES: dict[Outcome, str] = {
    "succeeded": "status < 400",
    "refused": "status >= 400 AND status < 500",
    "failed": "status >= 500",
}


async def insert(connection: Connection, requests: Sequence[ApiRequest]) -> None:
    async with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY api_requests ({_COLUMNS}) FROM STDIN") as copy,
    ):
        for each in requests:
            await copy.write_row(
                (
                    each.business_id,
                    each.id,
                    each.method,
                    each.path,
                    each.status,
                    each.duration_ms,
                    each.key_hint,
                    each.place,
                    each.idempotency_key,
                    each.error,
                    each.called_at,
                )
            )


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    method: str | None,
    outcome: Outcome | None,
    status: int | None,
    key_hint: str | None,
    path: str | None,
    before: UUID | None,
    limit: int,
) -> list[ApiRequest]:
    wanted: dict[str, object] = {
        "method = %(method)s": method,
        "status = %(status)s": status,
        "key_hint = %(key_hint)s": key_hint,
        "starts_with(path, %(path)s)": path,
        "id < %(before)s": before,
    }
    conditions = ["business_id = %(business)s"]
    conditions += [text for text, value in wanted.items() if value is not None]
    if outcome is not None:
        conditions.append(_OUTCOMES[outcome])
    async with connection.cursor(row_factory=class_row(ApiRequest)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM api_requests"  # noqa: S608  # our own conditions
            f" WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT %(limit)s",
            {
                "business": business_id,
                "method": method,
                "status": status,
                "key_hint": key_hint,
                "path": path,
                "before": before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def find(connection: Connection, business_id: UUID, request_id: UUID) -> ApiRequest | None:
    async with connection.cursor(row_factory=class_row(ApiRequest)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM api_requests WHERE business_id = %s AND id = %s",  # noqa: S608  # a constant
            [business_id, request_id],
        )
        return await cursor.fetchone()


async def find_last(
    connection: Connection, business_id: UUID, key_hint: str, since: UUID
) -> LastUse | None:
    async with connection.cursor(row_factory=class_row(LastUse)) as cursor:
        await cursor.execute(
            "SELECT called_at, place FROM api_requests"
            " WHERE business_id = %s AND id >= %s AND key_hint = %s ORDER BY id DESC LIMIT 1",
            [business_id, since, key_hint],
        )
        return await cursor.fetchone()


async def put_uses(connection: Connection, uses: Sequence[KeyUse]) -> None:
    """Keep the latest use of each key."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO key_uses AS u (business_id, key_id, called_at, place)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (business_id, key_id) DO UPDATE"
            " SET called_at = excluded.called_at, place = excluded.place"
            " WHERE u.called_at < excluded.called_at",
            [(use.business_id, use.key_id, use.called_at, use.place) for use in uses],
        )


async def list_uses(connection: Connection, business_id: UUID) -> list[KeyUse]:
    async with connection.cursor(row_factory=class_row(KeyUse)) as cursor:
        await cursor.execute(
            "SELECT business_id, key_id, called_at, place FROM key_uses WHERE business_id = %s",
            [business_id],
        )
        return await cursor.fetchall()


async def id_at(connection: Connection, business_id: UUID, place: int) -> UUID | None:
    """The id of the latest request before so many later ones."""
    cursor = await connection.execute(
        "SELECT id FROM api_requests WHERE business_id = %s ORDER BY id DESC OFFSET %s LIMIT 1",
        [business_id, place - 1],
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]  # type: ignore[return-value]  # a uuid


async def delete(connection: Connection, business_id: UUID, before: UUID, limit: int) -> int:
    cursor = await connection.execute(
        "DELETE FROM api_requests WHERE business_id = %(b)s AND id IN (SELECT id FROM api_requests"
        " WHERE business_id = %(b)s AND id < %(before)s ORDER BY id LIMIT %(limit)s)",
        {"b": business_id, "before": before, "limit": limit},
    )
    return cursor.rowcount
