"""The SQL of orders, their story and their attempts, one order at a time or a page of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row, dict_row

from payviox.db.announcing import announce
from payviox.db.pool import Connection
from payviox.order_states import OPEN, Status
from payviox.rails.orders import Provider, ReadyOrder
from payviox.withdrawals.model import (
    Order,
    destination_digest,
    payee_digest,
    review_digest,
)

_OWN_COLUMNS = (
    "o.business_id, o.id, o.payout_user_id, o.provider, o.rail, o.status, o.amount,"
    " o.fees, o.net_amount, o.destination, o.review_reasons, o.reviewed_digest, o.note, o.failure,"
    " o.waiting, o.attempt, o.due_at, o.rail_order_id, o.details, o.created_at, o.updated_at,"
    " o.trace"
)
COLUMNS = f"{_OWN_COLUMNS}, u.email"
FROM = """
 FROM orders o
 JOIN payout_users u ON u.business_id = o.business_id AND u.id = o.payout_user_id"""


_INSERT = f"""
INSERT INTO orders AS o (business_id, id, payout_user_id, provider, rail, status, amount, fees,
  net_amount, destination, destination_digest, payee_digest, review_reasons, reviewed_digest,
  quote_id, trace, due_at)
SELECT %(b)s, n.id, n.user_id, n.provider, n.rail, n.status, n.amount, n.fees, n.net_amount,
  n.destination, decode(n.digest, 'hex'), decode(n.payee, 'hex'), n.reasons,
  decode(n.bound, 'hex'), n.quote_id, %(trace)s, CASE WHEN n.status = 'queued' THEN now() END
FROM json_to_recordset(%(rows)s::json) AS n(id uuid, user_id uuid, provider text, rail text,
  status text, amount bigint, fees bigint, net_amount bigint, destination jsonb, digest text,
  payee text, reasons text[], bound text, quote_id uuid)
RETURNING {_OWN_COLUMNS}
"""  # noqa: S608  # constants


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that is to be written, of the payout user with this address; with the reasons to
    review it, where there are any."""

    ready: ReadyOrder
    payout_user_id: UUID
    email: str
    quote_id: UUID | None
    review_reasons: Sequence[str]


def new_status(review_reasons: Sequence[str]) -> Status:
    """What a new order is: one that no rule holds up is due at once."""
    return "review" if review_reasons else "queued"


async def insert(
    connection: Connection, business_id: UUID, new: Sequence[NewOrder], trace: str | None
) -> list[Order]:
    """Write new orders of one business. Those that no rule holds up are bound and due at once."""
    emails = {each.ready.order_id: each.email for each in new}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            _INSERT,
            {
                "b": business_id,
                "trace": trace,
                "rows": msgspec.json.encode([_row(each) for each in new]).decode(),
            },
        )
        made = {row["id"]: Order(**row, email=emails[row["id"]]) async for row in cursor}
    return [made[order_id] for order_id in emails]


def _row(new: NewOrder) -> dict[str, Any]:
    ready, status = new.ready, new_status(new.review_reasons)
    payee = payee_digest(ready.provider, ready.destination)
    bound = None
    if status == "queued":
        bound = review_digest(ready.provider, ready.amount, ready.net_amount, ready.destination)
    return {
        "id": ready.order_id,
        "user_id": new.payout_user_id,
        "provider": ready.provider,
        "rail": ready.rail,
        "status": status,
        "amount": ready.amount,
        "fees": ready.fees,
        "net_amount": ready.net_amount,
        "destination": ready.destination,
        "digest": destination_digest(ready.provider, ready.destination).hex(),
        "payee": payee and payee.hex(),
        "reasons": new.review_reasons,
        "bound": bound and bound.hex(),
        "quote_id": new.quote_id,
    }


async def insert_states(
    connection: Connection,
    business_id: UUID,
    entries: Sequence[tuple[UUID, Status, str, str | None]],
) -> None:
    """Add lines (order, status, actor, note) to orders' stories. The caller holds the orders' rows,
    or has just made them."""
    told: Counter[UUID] = Counter()
    rows = []
    for order_id, status, actor, note in entries:
        told[order_id] += 1
        rows.append({"o": order_id, "k": told[order_id], "s": status, "a": actor, "n": note})
    await connection.execute(
        "INSERT INTO order_states (business_id, order_id, number, status, actor, note)"
        " SELECT %(b)s, t.o, t.k + coalesce((SELECT max(s.number) FROM order_states s"
        "   WHERE s.business_id = %(b)s AND s.order_id = t.o), 0), t.s, t.a, t.n"
        " FROM json_to_recordset(%(rows)s::json) AS t(o uuid, k integer, s text, a text, n text)",
        {"b": business_id, "rows": msgspec.json.encode(rows).decode()},
    )
    announce(connection, business_id, "orders")


async def find(connection: Connection, business_id: UUID, order_id: UUID) -> Order | None:
    async with connection.cursor(row_factory=class_row(Order)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS}{FROM} WHERE o.business_id = %s AND o.id = %s",
            [business_id, order_id],
        )
        return await cursor.fetchone()


async def lock(connection: Connection, business_id: UUID, order_id: UUID) -> Order | None:
    """The order, its row locked: of several who act on one order, one goes first."""
    async with connection.cursor(row_factory=class_row(Order)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS}{FROM} WHERE o.business_id = %s AND o.id = %s FOR UPDATE OF o",
            [business_id, order_id],
        )
        return await cursor.fetchone()


async def last_outcome(
    connection: Connection, business_id: UUID, order_id: UUID, attempt: int
) -> str | None:
    cursor = await connection.execute(
        "SELECT outcome FROM order_attempts"
        " WHERE business_id = %s AND order_id = %s AND number = %s",
        [business_id, order_id, attempt],
    )
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else str(row[0])


async def set_status(
    connection: Connection,
    order: Order,
    status: Status,
    *,
    note: str | None = None,
    due: bool = False,
    bound: bytes | None = None,
) -> None:
    """Move a locked order on; `due` hands it to the worker, `bound` is what a person reviewed."""
    await connection.execute(
        "UPDATE orders SET status = %s, note = coalesce(%s, note), waiting = NULL,"
        " due_at = now() + CASE WHEN %s THEN interval '0' END,"
        " reviewed_digest = coalesce(%s, reviewed_digest),"
        " updated_at = now() WHERE business_id = %s AND id = %s",
        [status, note, due, bound, order.business_id, order.id],
    )


async def wait_for(connection: Connection, order: Order, waiting: str) -> None:
    """A locked order waits for something else, and is due now."""
    await connection.execute(
        "UPDATE orders SET waiting = %s, due_at = now(), updated_at = now()"
        " WHERE business_id = %s AND id = %s",
        [waiting, order.business_id, order.id],
    )


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    user_id: UUID | None = None,
    status: str | None = None,
    provider: Provider | None = None,
    waiting: str | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Order]:
    """Orders, newest first, older than the order `after`."""
    wanted: dict[str, Any] = {
        "o.payout_user_id = %(user)s": user_id,
        "o.status = %(status)s": status,
        "o.provider = %(provider)s": provider,
        "o.waiting = %(waiting)s": waiting,
        "o.id < %(after)s": after,
    }
    conditions = ["o.business_id = %(business)s"]
    conditions += [text for text, value in wanted.items() if value is not None]
    async with connection.cursor(row_factory=class_row(Order)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS}{FROM} WHERE {' AND '.join(conditions)}"
            " ORDER BY o.id DESC LIMIT %(limit)s",
            {
                "business": business_id,
                "user": user_id,
                "status": status,
                "provider": provider,
                "waiting": waiting,
                "after": after,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def list_of_user(
    connection: Connection,
    business_id: UUID,
    user_id: UUID,
    groups: Sequence[tuple[Sequence[Status], int]],
) -> list[list[Order]]:
    """A payout user's orders, newest first: for each of the groups those in its states, and so many
    at most."""
    parts, parameters = [], []
    for number, (states, limit) in enumerate(groups):
        parts.append(
            f"(SELECT {number} AS part, {COLUMNS}{FROM} WHERE o.business_id = %s"
            " AND o.payout_user_id = %s AND o.status = ANY(%s) ORDER BY o.id DESC LIMIT %s)"
        )
        parameters += [business_id, user_id, list(states), limit]
    found: list[list[Order]] = [[] for _ in groups]
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(" UNION ALL ".join(parts) + " ORDER BY part, id DESC", parameters)
        async for row in cursor:
            found[row.pop("part")].append(Order(**row))
    return found


@dataclass(frozen=True, slots=True)
class UserTotals:
    """What a payout user's orders hold in transit and what they have paid out, in US cents."""

    in_transit: int
    withdrawn: int


async def totals_of_user(connection: Connection, business_id: UUID, user_id: UUID) -> UserTotals:
    async with connection.cursor(row_factory=class_row(UserTotals)) as cursor:
        await cursor.execute(
            "SELECT coalesce(sum(amount) FILTER (WHERE status = ANY(%s)), 0)::bigint AS in_transit,"
            " coalesce(sum(amount) FILTER (WHERE status = 'succeeded'), 0)::bigint AS withdrawn"
            " FROM orders WHERE business_id = %s AND payout_user_id = %s",
            [list(OPEN), business_id, user_id],
        )
        totals = await cursor.fetchone()
    return totals or UserTotals(0, 0)


async def waiting_causes(connection: Connection, business_id: UUID) -> list[str]:
    """What the business's orders wait for now, by name. From one cause the index leads to the next,
    however many orders wait for either."""
    following = (
        "SELECT waiting FROM orders WHERE business_id = %(business)s AND waiting IS NOT NULL"
        " AND waiting > {} ORDER BY waiting LIMIT 1"
    )
    first, others = following.format("''"), following.format("causes.name")
    cursor = await connection.execute(
        f"WITH RECURSIVE causes(name) AS (({first}) UNION ALL SELECT ({others}) FROM causes"  # noqa: S608  # constants
        " WHERE name IS NOT NULL) SELECT name FROM causes WHERE name IS NOT NULL",
        {"business": business_id},
    )
    return [str(row[0]) for row in await cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Sum:
    """How many orders, and over how many cents; `is_more` where only the first were counted."""

    number: int
    amount: int
    is_more: bool


COUNTED = 1_000
"""Orders that are counted for people; what is beyond is "more"."""


async def sum_waiting(connection: Connection, business_id: UUID, waiting: str) -> Sum:
    """The orders that wait for this, as far as they are counted."""
    cursor = await connection.execute(
        "SELECT count(*), coalesce(sum(amount), 0)::bigint FROM (SELECT amount FROM orders"
        " WHERE business_id = %s AND waiting = %s LIMIT %s) waiting",
        [business_id, waiting, COUNTED + 1],
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # aggregates answer a row
    number = int(str(row[0]))
    return Sum(min(number, COUNTED), int(str(row[1])), number > COUNTED)


async def stop_waiting(connection: Connection, business_id: UUID, waiting: str) -> int:
    """Make every order that waits for this due now; answers how many. One that somebody holds just
    now is being tried or taken back: it is not waited for."""
    cursor = await connection.execute(
        "UPDATE orders SET due_at = now() WHERE business_id = %(b)s AND id IN"
        " (SELECT id FROM orders WHERE business_id = %(b)s AND waiting = %(waiting)s"
        "  AND status IN ('queued', 'sent', 'unknown') AND (due_at > now() OR due_at IS NULL)"
        "  FOR UPDATE SKIP LOCKED)",
        {"b": business_id, "waiting": waiting},
    )
    return cursor.rowcount
