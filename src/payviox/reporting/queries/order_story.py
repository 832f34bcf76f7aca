"""The SQL of everything that happened to one order, in one statement: each fact as JSON, in the
order in which facts of its kind happened."""

from typing import Any, LiteralString
from uuid import UUID

from payviox.audit.queries.entries import COLUMNS as AUDIT_COLUMNS
from payviox.db.pool import Connection
from payviox.ledger.queries.transfers import MOVEMENTS_OF_PAGE
from payviox.webhooks.queries.deliveries import ATTEMPT_COLUMNS

_FACTS: dict[str, LiteralString] = {
    "state": (
        "SELECT number AS n, f.* FROM (SELECT number, status, actor, note, created_at"
        "  FROM order_states WHERE business_id = %(business)s AND order_id = %(order)s) f"
    ),
    "attempt": (
        "SELECT number AS n, f.* FROM (SELECT number, reference, outcome, answer, rail_order_id,"
        "  started_at, finished_at FROM order_attempts"
        "  WHERE business_id = %(business)s AND order_id = %(order)s) f"
    ),
    "callback": (
        "SELECT row_number() OVER (ORDER BY received_at, event_id) AS n, f.* FROM"
        " (SELECT rail, event_id, headers, replace(encode(body, 'base64'), E'\\n', '') AS body,"
        "  received_at FROM rail_callbacks WHERE business_id = %(business)s"
        "  AND orders @> ARRAY[%(order)s::uuid] ORDER BY received_at, event_id LIMIT %(most)s) f"
    ),
    "movement": (
        "SELECT id AS n, f.* FROM (WITH page AS MATERIALIZED (SELECT * FROM transfers"  # noqa: S608  # constants
        "  WHERE business_id = %(business)s AND order_id = %(order)s"
        f"  ORDER BY id DESC LIMIT %(most)s) {MOVEMENTS_OF_PAGE}) f"
    ),
    "audit": (
        f"SELECT id AS n, f.* FROM (SELECT {AUDIT_COLUMNS} FROM audit_entries"  # noqa: S608  # constants
        "  WHERE business_id = %(business)s AND detail->>'order' = %(order)s::text"
        "  ORDER BY id DESC LIMIT %(most_events)s) f"
    ),
    "webhook": (
        "SELECT row_number() OVER (ORDER BY e.id) AS n, to_json(e) AS event,"  # noqa: S608  # constants
        " (SELECT to_json(d) FROM (SELECT id, event_id, status, attempts, due_at, replayed"
        "   FROM deliveries WHERE business_id = %(business)s AND event_id = e.id) d) AS delivery,"
        " coalesce((SELECT json_agg(a ORDER BY a.number) FROM"
        f"   (SELECT {ATTEMPT_COLUMNS} FROM delivery_attempts a JOIN deliveries d"
        "    ON d.business_id = a.business_id AND d.id = a.delivery_id"
        "    WHERE a.business_id = %(business)s AND d.event_id = e.id"
        "    AND a.number > d.attempts - %(attempts)s) a), '[]') AS attempts"
        " FROM (SELECT id, type, order_id, body, created_at FROM events"
        "  WHERE business_id = %(business)s AND order_id = %(order)s"
        "  ORDER BY id DESC LIMIT %(most_events)s) e"
    ),
    "reveal": (
        "SELECT id AS n, f.* FROM (SELECT id, gift_card_id, created_at FROM gift_card_reveals"
        " WHERE business_id = %(business)s AND order_id = %(order)s) f"
    ),
}
"""Each kind of fact, numbered by `n`."""

_STORY: LiteralString = (
    "SELECT kind, fact FROM ("  # noqa: S608  # constants
    + " UNION ALL ".join(
        f"(SELECT {place} AS place, '{kind}' AS kind, q.n, to_json(q) AS fact"  # noqa: S608
        f" FROM ({facts}) q)"
        for place, (kind, facts) in enumerate(_FACTS.items())
    )
    + ") story ORDER BY place, n"
)


async def facts(
    connection: Connection,
    business_id: UUID,
    order_id: UUID,
    *,
    most: int,
    most_events: int,
    attempts: int,
) -> list[tuple[str, dict[str, Any]]]:
    """What happened to an order: kinds of fact and the facts. Of callbacks the first `most`, of
    movements the latest; of audit entries and events the latest `most_events`, with so many latest
    `attempts` to deliver each."""
    cursor = await connection.execute(
        _STORY,
        {
            "business": business_id,
            "order": order_id,
            "most": most,
            "most_events": most_events,
            "attempts": attempts,
        },
    )
    return await cursor.fetchall()  # type: ignore[return-value]  # text, json
