"""The SQL of the worker: what is due, claims on it, and what its calls came to. Many rows of one
business are written by one statement, which gets them as JSON. So that it reads no more than those,
it names them besides, and is planned for just these: for any, all of a business could seem less."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.order_states import Status
from payviox.withdrawals.model import (
    Order,
)
from payviox.withdrawals.queries.orders import COLUMNS, FROM

ATTEMPT = (
    ", a.outcome, a.answer, coalesce(a.rounds, 0) AS rounds,"
    " a.rail_order_id AS attempt_rail_order_id,"
    " coalesce(extract(epoch FROM now() - a.started_at), 0)::float8 AS attempt_age_s,"
    " extract(epoch FROM now() - o.created_at)::float8 AS order_age_s"
)
JOIN_ATTEMPT = (
    " LEFT JOIN order_attempts a ON a.business_id = o.business_id AND a.order_id = o.id"
    " AND a.number = o.attempt"
)


@dataclass(frozen=True, slots=True)
class Held(Order):
    """A locked order with its last attempt: what that came to, how often in a row its rail had not
    heard of it, and how old both are, in seconds."""

    outcome: str | None
    answer: dict[str, Any] | None
    rounds: int
    attempt_rail_order_id: str | None
    attempt_age_s: float
    order_age_s: float
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """One of a business's queues at one rail: `new` orders, which are to be sent and wait for
    nothing, or all others, which wait and are tried again, are looked up or are taken back. However
    long one is, the others go on."""

    rail: str
    new: bool


@dataclass(frozen=True, slots=True)
class Update:
    """An order's columns after its rail answered; None leaves a column as it is, save `waiting`."""

    order: Order
    status: Status
    announced: bool
    waiting: str | None
    failure: str | None
    due_in_s: float | None
    rail_order_id: str | None
    attempt_rail_order_id: str | None
    details: dict[str, Any]
    outcome: str | None
    answer: dict[str, Any]
    rounds: int


# The first of each business by the index; an EXISTS may be planned as a join over all orders. The
# businesses are those of the payout accounts, which stand where their orders stand.
DUE_BUSINESSES = """
SELECT b.business_id FROM accounts b CROSS JOIN LATERAL (
  SELECT o.due_at FROM orders o WHERE o.business_id = b.business_id AND o.due_at IS NOT NULL
  ORDER BY o.due_at LIMIT 1) first
WHERE b.kind = 'payout' AND b.kind <> 'user' AND first.due_at <= now()
"""


async def due_businesses(connection: Connection) -> list[UUID]:
    """Every business that has something due (the worker's sweep; it may read across businesses)."""
    cursor = await connection.execute(DUE_BUSINESSES)
    return [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # a uuid column


# Each is the predicate of an index on (business_id, rail, due_at), in just these words.
_NEW = "o.due_at IS NOT NULL AND o.status = 'queued' AND o.waiting IS NULL"
_TRIED = "o.due_at IS NOT NULL AND (o.status <> 'queued' OR o.waiting IS NOT NULL)"

# From one rail to the next along the index: the first entry of each is the longest due.
_FIRSTS = """
{name} AS (
  (SELECT o.rail, o.due_at FROM orders o WHERE o.business_id = %(b)s AND {kind}
   ORDER BY o.rail, o.due_at LIMIT 1)
  UNION ALL
  SELECT following.* FROM {name} CROSS JOIN LATERAL (
    SELECT o.rail, o.due_at FROM orders o
    WHERE o.business_id = %(b)s AND {kind} AND o.rail > {name}.rail
    ORDER BY o.rail, o.due_at LIMIT 1) following
)"""
DUE_QUEUES = f"""
WITH RECURSIVE {_FIRSTS.format(name="fresh", kind=_NEW)},
{_FIRSTS.format(name="tried", kind=_TRIED)}
SELECT rail, true AS new FROM fresh WHERE due_at <= now()
UNION ALL SELECT rail, false FROM tried WHERE due_at <= now()
"""  # noqa: S608  # constants


LOCK_DUE = {
    (new, newest): "SELECT o.id"  # noqa: S608  # constants
    " FROM orders o WHERE o.business_id = %(b)s AND o.rail = %(rail)s"
    f" AND {kind} AND o.due_at <= now() ORDER BY o.due_at {direction} LIMIT %(n)s"
    " FOR UPDATE SKIP LOCKED"
    for new, kind in ((True, _NEW), (False, _TRIED))
    for newest, direction in ((True, "DESC"), (False, "ASC"))
}
"""How what is due in a queue is locked, by whether it is one of new orders, and whether what came
due last goes first."""


async def due_queues(connection: Connection, business_id: UUID) -> list[Queue]:
    """A business's queues that have something due, those of new orders first."""
    async with connection.cursor(row_factory=class_row(Queue)) as cursor:
        await cursor.execute(DUE_QUEUES, {"b": business_id})
        return await cursor.fetchall()


async def lock_due(
    connection: Connection,
    business_id: UUID,
    queue: Queue,
    limit: int,
    lease_s: float,
    *,
    newest: bool = False,
) -> list[Held]:
    """Lock what is due in a queue and what nobody else holds, the longest due first, or what came
    due last."""
    cursor = await connection.execute(
        LOCK_DUE[queue.new, newest], {"b": business_id, "rail": queue.rail, "n": limit}
    )
    locked: list[UUID] = [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # a uuid column
    claimed = await _read(connection, business_id, locked, lease_s)
    place = {order_id: number for number, order_id in enumerate(locked)}
    return sorted(claimed, key=lambda order: place[order.id])


async def lock_many(
    connection: Connection, business_id: UUID, order_ids: Sequence[UUID]
) -> list[Held]:
    """Lock these orders, in order of id."""
    await connection.execute(
        "SELECT id FROM orders WHERE business_id = %s AND id = ANY(%s) ORDER BY id FOR UPDATE",
        [business_id, list(order_ids)],
    )
    return await _read(connection, business_id, order_ids)


async def _read(
    connection: Connection,
    business_id: UUID,
    order_ids: Sequence[UUID],
    lease_s: float | None = None,
) -> list[Held]:
    """Orders that are locked, with a new lease or the one that they have. Read by a statement of
    its own, which sees what their last holder committed: the one that waited for the lock would
    still see their attempts of before."""
    async with connection.cursor(row_factory=class_row(Held)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS}{ATTEMPT}, CASE WHEN %(s)s::float8 IS NULL THEN o.due_at"
            f" ELSE now() + make_interval(secs => %(s)s) END AS leased_until{FROM}{JOIN_ATTEMPT}"
            " WHERE o.business_id = %(b)s AND o.id = ANY(%(ids)s) ORDER BY o.id",
            {"s": lease_s, "b": business_id, "ids": list(order_ids)},
        )
        return await cursor.fetchall()


async def start_sending(
    connection: Connection,
    business_id: UUID,
    claims: Sequence[tuple[Held, int, str, dict[str, Any]]],
) -> None:
    """Claim orders for sending: (order, attempt's number, its reference, its request). An attempt
    that surely was not sent starts anew; one that may have been keeps its age and its outcome."""
    if not claims:
        return
    rows = [
        {"id": o.id, "number": number, "due": o.leased_until, "ref": reference, "request": request}
        for o, number, reference, request in claims
    ]
    given = _given(business_id, rows)
    await connection.execute(
        "UPDATE orders o SET status = 'sending', attempt = n.number, due_at = n.due,"
        " updated_at = CASE WHEN o.waiting IS NULL THEN n.moment ELSE o.updated_at END"
        " FROM (SELECT g.*, now() AS moment FROM json_to_recordset(%(rows)s::json)"
        "   AS g(id uuid, number integer, due timestamptz)) n"
        " WHERE o.business_id = %(b)s AND o.id = n.id AND o.id = ANY(%(ids)s)",
        given,
        prepare=False,
    )
    await connection.execute(
        "INSERT INTO order_attempts AS a (business_id, order_id, number, reference, request)"
        " SELECT %(b)s, n.* FROM json_to_recordset(%(rows)s::json)"
        "   AS n(id uuid, number integer, ref text, request jsonb)"
        " ON CONFLICT (business_id, order_id, number) DO UPDATE SET"
        " started_at = CASE WHEN a.outcome = 'not_sent' THEN excluded.started_at"
        " ELSE a.started_at END,"
        " outcome = nullif(a.outcome, 'not_sent')",
        given,
    )


async def set_due(
    connection: Connection, business_id: UUID, due: Sequence[tuple[Order, datetime]]
) -> None:
    """Claim orders for a look-up until these times, or give such claims up."""
    if due:
        await connection.execute(
            "UPDATE orders o SET due_at = n.due"
            " FROM json_to_recordset(%(rows)s::json) AS n(id uuid, due timestamptz)"
            " WHERE o.business_id = %(b)s AND o.id = n.id AND o.id = ANY(%(ids)s)",
            _given(business_id, [{"id": o.id, "due": at} for o, at in due]),
            prepare=False,
        )


async def hand_back(connection: Connection, business_id: UUID, orders: Sequence[Order]) -> None:
    """Orders claimed for sending whose rail was not called: queued again, at once. An attempt that
    an earlier call may have brought to the rail keeps its outcome."""
    given = _given(business_id, [{"id": o.id, "number": o.attempt} for o in orders])
    of_attempts = "json_to_recordset(%(rows)s::json) AS n(id uuid, number integer)"
    await connection.execute(
        f"UPDATE orders o SET status = 'queued', due_at = now() FROM {of_attempts}"  # noqa: S608  # a constant
        " WHERE o.business_id = %(b)s AND o.id = n.id AND o.id = ANY(%(ids)s)"
        " AND o.attempt = n.number",
        given,
        prepare=False,
    )
    await connection.execute(
        f"UPDATE order_attempts a SET outcome = coalesce(a.outcome, 'not_sent') FROM {of_attempts}"  # noqa: S608  # a constant
        " WHERE a.business_id = %(b)s AND a.order_id = n.id AND a.order_id = ANY(%(ids)s)"
        " AND a.number = n.number",
        given,
        prepare=False,
    )


async def record(connection: Connection, business_id: UUID, updates: Sequence[Update]) -> None:
    """Write what the rails answered."""
    rows = [
        {
            "id": u.order.id,
            "number": u.order.attempt,
            "status": u.status,
            "waiting": u.waiting,
            "failure": u.failure,
            "due_in_s": u.due_in_s,
            "rail_id": u.rail_order_id,
            "details": u.details,
            "announced": u.announced,
            "outcome": u.outcome,
            "answer": u.answer,
            "rounds": u.rounds,
            "attempt_rail_id": u.attempt_rail_order_id,
        }
        for u in updates
    ]
    given = _given(business_id, rows)
    await connection.execute(
        "UPDATE orders o SET status = n.status, waiting = n.waiting,"
        " failure = coalesce(n.failure, o.failure), due_at = n.due_at,"
        " rail_order_id = coalesce(n.rail_id, o.rail_order_id),"
        " details = o.details || n.details,"
        " updated_at = CASE WHEN n.announced THEN n.moment ELSE o.updated_at END"
        " FROM (SELECT g.*, now() AS moment, now() + make_interval(secs => due_in_s) AS due_at"
        "   FROM json_to_recordset(%(rows)s::json) AS g(id uuid, status text, waiting text,"
        "   failure text, due_in_s float8, rail_id text, details jsonb, announced boolean)) n"
        " WHERE o.business_id = %(b)s AND o.id = n.id AND o.id = ANY(%(ids)s)",
        given,
        prepare=False,
    )
    await connection.execute(
        "UPDATE order_attempts a SET outcome = n.outcome, answer = n.answer, rounds = n.rounds,"
        " finished_at = now(), rail_order_id = coalesce(n.attempt_rail_id, a.rail_order_id)"
        " FROM json_to_recordset(%(rows)s::json) AS n(id uuid, number integer, outcome text,"
        "   answer jsonb, rounds integer, attempt_rail_id text)"
        " WHERE a.business_id = %(b)s AND a.order_id = n.id AND a.order_id = ANY(%(ids)s)"
        " AND a.number = n.number",
        given,
        prepare=False,
    )


def _given(business_id: UUID, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    encoded = msgspec.json.encode(rows).decode()
    return {"b": business_id, "rows": encoded, "ids": [row["id"] for row in rows]}


async def put_aside(connection: Connection, order: Order, waiting: str) -> None:
    """An order that cannot be claimed is not tried again by itself."""
    await connection.execute(
        "UPDATE orders SET waiting = %s, due_at = NULL, updated_at = now()"
        " WHERE business_id = %s AND id = %s",
        [waiting, order.business_id, order.id],
    )


async def back_to_review(connection: Connection, order: Order, reason: str) -> None:
    """An order that is not what was reviewed waits for a person again."""
    await connection.execute(
        "UPDATE orders SET status = 'review', due_at = NULL, waiting = NULL,"
        " reviewed_digest = NULL, updated_at = now(),"
        " review_reasons = array_append(array_remove(review_reasons, %s), %s)"
        " WHERE business_id = %s AND id = %s",
        [reason, reason, order.business_id, order.id],
    )
