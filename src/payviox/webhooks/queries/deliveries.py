"""The SQL of deliveries: who claims them, and how their attempts end. What claims or writes them is
planned for just these: for any, all of a business could seem less to read."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import LiteralString, TypeVar
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.announcing import announce
from payviox.db.pool import Connection
from payviox.webhooks.model import Attempt, Attempted, Change, Claim, Delivery, Standing

T = TypeVar("T")

ATTEMPT_COLUMNS: LiteralString = (
    "a.delivery_id, a.number, a.url, a.request_headers, a.status, a.answer, a.error,"
    " a.duration_ms, a.created_at, coalesce(a.answer_headers, '{}') AS answer_headers,"
    " a.answer_bytes"
)


async def insert_delivery(
    connection: Connection, business_id: UUID, delivery_id: UUID, event_id: UUID
) -> None:
    """A delivery due now that somebody asked for, of an event that has none."""
    await connection.execute(
        "INSERT INTO deliveries (business_id, id, event_id, by_hand) VALUES (%s, %s, %s, true)",
        [business_id, delivery_id, event_id],
    )


async def send_again(
    connection: Connection, business_id: UUID, events: Sequence[tuple[UUID, UUID]]
) -> None:
    """Start another round of attempts for each event (its id, and one for a delivery where it has
    none), due now, in this order."""
    rows = [
        {"event": event_id, "delivery": delivery_id, "place": place}
        for place, (event_id, delivery_id) in enumerate(events)
    ]
    await connection.execute(
        "INSERT INTO deliveries (business_id, id, event_id, by_hand, replayed)"
        " SELECT %(b)s, delivery, event, true, true"
        " FROM json_to_recordset(%(rows)s::json) AS g(event uuid, delivery uuid)"
        " ON CONFLICT (business_id, event_id) DO NOTHING",
        {"b": business_id, "rows": msgspec.json.encode(rows).decode()},
    )
    await connection.execute(
        "WITH again AS MATERIALIZED ("
        "  SELECT event, now() - (%(n)s - place) * interval '1 millisecond' AS due_at"
        "  FROM json_to_recordset(%(rows)s::json) AS g(event uuid, place integer))"
        " UPDATE deliveries d SET status = 'pending', round_attempts = 0, by_hand = true,"
        " replayed = true, due_at = g.due_at FROM again g"
        " WHERE d.business_id = %(b)s AND d.event_id = g.event AND d.event_id = ANY(%(events)s)",
        {
            "b": business_id,
            "n": len(rows),
            "rows": msgspec.json.encode(rows).decode(),
            "events": [row["event"] for row in rows],
        },
        prepare=False,
    )
    announce(connection, business_id, "webhooks")


async def lease(
    connection: Connection, business_id: UUID, event_id: UUID, lease: timedelta
) -> Claim | None:
    """Claim this event's delivery, whether or not it is due."""
    async with connection.cursor(row_factory=class_row(Claim)) as cursor:
        await cursor.execute(
            "UPDATE deliveries d SET due_at = now() + %(lease)s"
            " FROM events e, webhook_settings s"
            " WHERE d.business_id = %(business)s AND d.event_id = %(event)s"
            " AND e.business_id = d.business_id AND e.id = d.event_id"
            " AND s.business_id = d.business_id AND s.url IS NOT NULL"
            " RETURNING d.business_id, d.id, d.due_at AS leased_until, d.event_id, e.body,"
            " e.trace, d.replayed, s.url, s.token, s.next_token, s.key_id",
            {"business": business_id, "event": event_id, "lease": lease},
        )
        announce(connection, business_id, "webhooks")
        return await cursor.fetchone()


async def list_deliveries(
    connection: Connection, business_id: UUID, event_ids: Sequence[UUID]
) -> list[Delivery]:
    async with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(
            "SELECT id, event_id, status, attempts, due_at, replayed FROM deliveries"
            " WHERE business_id = %s AND event_id = ANY (%s)",
            [business_id, list(event_ids)],
        )
        return await cursor.fetchall()


async def list_attempts(
    connection: Connection, business_id: UUID, delivery_ids: Sequence[UUID], latest: int
) -> list[Attempt]:
    """The latest attempts of each delivery, oldest of them first."""
    async with connection.cursor(row_factory=class_row(Attempt)) as cursor:
        await cursor.execute(
            f"SELECT {ATTEMPT_COLUMNS} FROM delivery_attempts a JOIN deliveries d"  # noqa: S608  # constants
            " ON d.business_id = a.business_id AND d.id = a.delivery_id"
            " WHERE a.business_id = %s AND d.id = ANY (%s) AND a.number > d.attempts - %s"
            " ORDER BY a.delivery_id, a.number",
            [business_id, list(delivery_ids), latest],
        )
        return await cursor.fetchall()


MAY_GO = (
    "s.url IS NOT NULL AND (e.order_id IS NULL"
    " OR s.enabled AND (d.by_hand OR e.type = ANY (s.events)))"
)
"""Of deliveries d, events e and settings s. Test webhooks go out while the webhook is switched off
or does not subscribe to their type, and what was asked for by hand does in the second case;
whatever else is pending then waits."""


async def businesses_due(connection: Connection) -> list[UUID]:
    """Which businesses have something to deliver now (a worker's sweep)."""
    cursor = await connection.execute(
        "SELECT s.business_id FROM webhook_settings s WHERE EXISTS ("  # noqa: S608  # a constant
        " SELECT FROM deliveries d JOIN events e"
        " ON e.business_id = d.business_id AND e.id = d.event_id"
        f" WHERE d.business_id = s.business_id AND d.due_at <= now() AND {MAY_GO})"
    )
    return [row[0] async for row in cursor]  # type: ignore[misc]  # a uuid


# The inner limit is a number that the planner knows: by the outer one alone it would expect a tenth
# of all that is pending, and sort it. No room is larger.
_CLAIM = f"""
WITH due AS (
  SELECT * FROM (
    SELECT d.id, e.id AS event_id, e.body, e.trace, s.url, s.token, s.next_token, s.key_id
    FROM deliveries d
    JOIN events e ON e.business_id = d.business_id AND e.id = d.event_id
    JOIN webhook_settings s ON s.business_id = d.business_id
    WHERE d.business_id = %(business)s AND d.due_at <= now() AND {MAY_GO}
    ORDER BY d.replayed, d.due_at LIMIT 64 FOR UPDATE OF d SKIP LOCKED
  ) i LIMIT %(room)s
)
UPDATE deliveries d SET due_at = now() + %(lease)s FROM due
WHERE d.business_id = %(business)s AND d.id = due.id
RETURNING d.business_id, d.id, d.due_at AS leased_until, due.event_id, due.body, due.trace,
          d.replayed, due.url, due.token, due.next_token, due.key_id
"""  # noqa: S608  # a constant


async def claim(connection: Connection, rooms: Mapping[UUID, int], lease: timedelta) -> list[Claim]:
    """Of each business as many deliveries as there is room for, those longest due, kept from others
    for as long as the lease says; what is sent again by hand comes after what was not sent yet."""
    claims = await _of_each(
        connection,
        Claim,
        _CLAIM,
        [{"business": business, "room": room, "lease": lease} for business, room in rooms.items()],
    )
    return sorted(claims, key=lambda claim: (claim.replayed, claim.event_id))


async def lock_deliveries(
    connection: Connection, deliveries: Mapping[UUID, Sequence[UUID]]
) -> list[Standing]:
    """These of each business."""
    return await _of_each(
        connection,
        Standing,
        "SELECT business_id, id, status, attempts, round_attempts, due_at FROM deliveries"
        " WHERE business_id = %(business)s AND id = ANY (%(ids)s) ORDER BY id FOR UPDATE",
        [{"business": one, "ids": list(deliveries[one])} for one in sorted(deliveries)],
    )


_RECORD = """
WITH ended AS (
  SELECT *, now() + make_interval(secs => again_in_s) AS again_at
  FROM json_to_recordset(%(rows)s::json) AS g(
    id uuid, number integer, url text, request_headers jsonb,
    answer_status integer, answer text, answer_headers jsonb, answer_bytes integer, error text,
    duration_ms integer, status text, round_attempts integer, settles boolean,
    again_in_s double precision)
), noted AS (
  INSERT INTO delivery_attempts (business_id, delivery_id, number, url, request_headers, status,
                                 answer, answer_headers, answer_bytes, error, duration_ms)
  SELECT %(business)s, id, number, url, request_headers, answer_status, answer, answer_headers,
         answer_bytes, error, duration_ms FROM ended
)
UPDATE deliveries d
SET attempts = g.number, status = g.status, round_attempts = g.round_attempts,
    due_at = CASE WHEN g.settles THEN g.again_at ELSE d.due_at END
FROM ended g WHERE d.business_id = %(business)s AND d.id = g.id AND d.id = ANY(%(ids)s)
"""


async def record_attempts(
    connection: Connection, attempts: Sequence[tuple[Attempted, Change]]
) -> None:
    """Write down one attempt of each delivery, and how the delivery stands after it."""
    rows: dict[UUID, list[dict[str, object]]] = {}
    for attempted, change in attempts:
        row = {
            "id": attempted.claim.id,
            "number": change.number,
            "url": attempted.claim.url,
            "request_headers": attempted.shown_headers,
            "answer_status": attempted.answer.status,
            "answer": attempted.answer.body,
            "answer_headers": attempted.answer.headers,
            "answer_bytes": attempted.answer.body_bytes,
            "error": attempted.answer.error,
            "duration_ms": attempted.answer.duration_ms,
            "status": change.status,
            "round_attempts": change.round_attempts,
            "settles": change.settles,
            "again_in_s": None if change.again_in is None else change.again_in.total_seconds(),
        }
        rows.setdefault(attempted.claim.business_id, []).append(row)
    async with _one_round_trip(connection, len(rows)):
        for business_id, of_business in rows.items():
            given = {
                "business": business_id,
                "rows": msgspec.json.encode(of_business).decode(),
                "ids": [row["id"] for row in of_business],
            }
            await connection.execute(_RECORD, given, prepare=False)
            announce(connection, business_id, "webhooks")


async def hand_back(connection: Connection, claims: Sequence[Claim]) -> None:
    """Make claimed deliveries due at once, unless somebody has settled them meanwhile."""
    businesses = {claim.business_id for claim in claims}
    async with _one_round_trip(connection, len(businesses)):
        for business_id in sorted(businesses):
            of_business = [claim for claim in claims if claim.business_id == business_id]
            await connection.execute(
                "UPDATE deliveries d SET due_at = now()"
                " FROM unnest(%s::uuid[], %s::timestamptz[]) AS c(id, until)"
                " WHERE d.business_id = %s AND d.id = c.id AND d.due_at = c.until",
                [
                    [claim.id for claim in of_business],
                    [claim.leased_until for claim in of_business],
                    business_id,
                ],
            )
            announce(connection, business_id, "webhooks")


async def _of_each(
    connection: Connection,
    kind: type[T],
    statement: LiteralString,
    given: Sequence[Mapping[str, object]],
) -> list[T]:
    """What a statement that names its business answers for each, as rows of this kind."""
    async with _one_round_trip(connection, len(given)):
        cursors = []
        for one in given:
            cursor = connection.cursor(row_factory=class_row(kind))
            await cursor.execute(statement, one, prepare=False)
            cursors.append(cursor)
        return [row for cursor in cursors for row in await cursor.fetchall()]


def _one_round_trip(connection: Connection, statements: int) -> AbstractAsyncContextManager[object]:
    return connection.pipeline() if statements > 1 else nullcontext()
