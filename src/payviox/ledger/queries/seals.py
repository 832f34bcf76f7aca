"""The SQL of seals: what they cover, as lines that anybody can ask for again, and up to where
everything is committed."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, LiteralString
from uuid import UUID

from psycopg import abc, generators
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait

from payviox.db.pool import Connection
from payviox.ledger.seal_text import NotASeal, Part, Seal, read

Source = Literal["transfers", "audit_entries", "gift_card_reveals"]
"""Tables whose ids are counted, and whose rows never change."""
SOURCES: tuple[Source, ...] = ("transfers", "audit_entries", "gift_card_reveals")

# Everything of a transfer. What no other row says again is sealed by the streams below.
TRANSFERS: LiteralString = """
SELECT t.id, t.kind, t.amount, t.from_account, t.from_version, t.from_balance, t.to_account,
       t.to_version, t.to_balance, t.order_id, t.actor, t.reason, t.reference, t.idempotency_key,
       t.idempotency_digest, t.created_at
FROM transfers t
WHERE t.business_id = %(business)s AND t.id > %(after)s AND t.id <= %(until)s ORDER BY t.id
"""

# Whose account it is, with the first transfer that came to it: an address never changes.
PAYOUT_USERS: LiteralString = """
SELECT t.id, u.id, u.email, u.created_at
FROM transfers t JOIN payout_users u ON u.business_id = %(business)s AND u.id = t.to_account
WHERE t.business_id = %(business)s AND t.id > %(after)s AND t.id <= %(until)s AND t.to_version = 1
ORDER BY t.id
"""

# An order with the transfers that begin and end it: what was asked for with `reserve`, and the
# idempotency keys that its transaction used; with what ended it its story until then, the attempts,
# the events, and the gift card. Only what never changes after that transfer is asked for, so that
# the same comes out at any later time.
ORDERS: LiteralString = """
SELECT t.id, t.order_id,
  CASE t.kind WHEN 'reserve' THEN (
    SELECT string_agg(ROW(k.path, k.key, k.part, k.digest, k.call_id, k.reference)::text, ','
                      ORDER BY k.path COLLATE "C", k.key COLLATE "C", k.part)
    FROM orders o JOIN idempotency_keys k ON k.business_id = %(business)s
      AND k.caller = o.payout_user_id::text AND k.created_at = o.created_at
    WHERE o.business_id = %(business)s AND o.id = t.order_id) END,
  CASE t.kind WHEN 'reserve' THEN (
    SELECT ROW(o.payout_user_id, o.provider, o.rail, o.amount, o.fees, o.net_amount, o.destination,
               o.destination_digest, o.payee_digest, o.quote_id, o.created_at)::text
    FROM orders o WHERE o.business_id = %(business)s AND o.id = t.order_id) END,
  CASE t.kind WHEN 'reserve' THEN (
    SELECT ROW(q.payout_user_id, q.provider, q.rail, q.amount, q.fees, q.net_amount, q.destination,
               q.expires_at, q.created_at)::text
    FROM orders o JOIN quotes q ON q.business_id = %(business)s AND q.id = o.quote_id
    WHERE o.business_id = %(business)s AND o.id = t.order_id) END,
  CASE WHEN t.kind <> 'reserve' THEN (
    SELECT ROW(o.review_reasons, o.reviewed_digest,
               CASE WHEN t.kind <> 'settle' THEN o.note END,
               CASE WHEN t.kind <> 'settle' THEN o.failure END)::text
    FROM orders o WHERE o.business_id = %(business)s AND o.id = t.order_id) END,
  CASE WHEN t.kind <> 'reserve' THEN (
    SELECT string_agg(ROW(s.number, s.status, s.actor, s.note, s.created_at)::text, ','
                      ORDER BY s.number)
    FROM order_states s WHERE s.business_id = %(business)s AND s.order_id = t.order_id
    AND s.number <= (
      SELECT min(e.number) FROM order_states e
      WHERE e.business_id = %(business)s AND e.order_id = t.order_id AND e.status IN (
        SELECT unnest(CASE t.kind WHEN 'settle' THEN ARRAY['succeeded']
                      WHEN 'return' THEN ARRAY['returned']
                      ELSE ARRAY['failed', 'rejected', 'canceled'] END)))) END,
  CASE WHEN t.kind <> 'reserve' THEN (
    SELECT string_agg(ROW(a.number, a.reference, a.request, a.started_at)::text, ','
                      ORDER BY a.number)
    FROM order_attempts a WHERE a.business_id = %(business)s AND a.order_id = t.order_id) END,
  CASE WHEN t.kind <> 'reserve' THEN (
    SELECT string_agg(ROW(e.id, e.type, e.body, e.created_at)::text, ','
                      ORDER BY e.type COLLATE "C")
    FROM events e WHERE e.business_id = %(business)s AND e.order_id = t.order_id
    AND (t.kind = 'return' OR e.type <> 'payout.returned')) END,
  CASE t.kind WHEN 'settle' THEN (
    SELECT ROW(c.id, c.reference, c.delivered_at, c.expires_on, c.created_at, p.id, p.name, p.brand,
               p.country, p.currency, p.face_value, p.price, p.created_at)::text
    FROM gift_cards c
    JOIN gift_card_products p ON p.business_id = %(business)s AND p.id = c.product_id
    WHERE c.business_id = %(business)s AND c.order_id = t.order_id) END
FROM transfers t
WHERE t.business_id = %(business)s AND t.id > %(after)s AND t.id <= %(until)s
  AND t.order_id IS NOT NULL AND t.kind IN ('reserve', 'settle', 'release', 'return')
ORDER BY t.id
"""

# A suspense item with the transfers that name it; how it was resolved with the one that did, which
# is an adjustment or moves its amount the other way.
SUSPENSE_ITEMS: LiteralString = """
SELECT t.id, i.id, i.rail, i.cause, i.subject, i.order_id, i.amount, i.opened_at,
  CASE WHEN t.kind = 'adjustment' OR (a.kind = 'suspense') = (i.amount > 0) THEN
    ROW(i.evidence, i.resolved_at, i.resolved_by, i.resolution, i.reason)::text END
FROM transfers t JOIN suspense_items i ON i.business_id = %(business)s AND i.id = CASE
  WHEN t.reference ~ '^sus_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  THEN substr(t.reference, 5)::uuid END
LEFT JOIN accounts a ON a.business_id = %(business)s AND a.id = t.to_account
WHERE t.business_id = %(business)s AND t.id > %(after)s AND t.id <= %(until)s
  AND t.kind IN ('suspense', 'adjustment')
ORDER BY t.id
"""

# Who did what; with moves between the own accounts the idempotency keys of their transactions.
AUDIT_ENTRIES: LiteralString = """
SELECT e.id, e.kind, e.act, e.actor, e.place, e.detail, e.before, e.after, e.created_at,
  CASE WHEN e.act IN ('balance.fund', 'balance.defund') THEN (
    SELECT string_agg(ROW(k.key, k.part, k.digest, k.call_id, k.reference)::text, ','
                      ORDER BY k.key COLLATE "C", k.part)
    FROM idempotency_keys k WHERE k.business_id = %(business)s AND k.caller = 'business'
    AND k.path = '/payout/' || substr(e.act, 9) AND k.created_at = e.created_at) END
FROM audit_entries e
WHERE e.business_id = %(business)s AND e.id > %(after)s AND e.id <= %(until)s ORDER BY e.id
"""

GIFT_CARD_REVEALS: LiteralString = """
SELECT r.id, r.gift_card_id, r.order_id, r.created_at
FROM gift_card_reveals r
WHERE r.business_id = %(business)s AND r.id > %(after)s AND r.id <= %(until)s ORDER BY r.id
"""

# API keys and gift card products with the act that made them: only what never changes of them, so
# not whether a key works, nor what a restricted one may do. What no act made is not in here.
# Neither names its act, so they are found by the time. That assumes that all that one transaction
# writes has one time, and that no two of a business that make such begin in the same microsecond.
KEYS_AND_PRODUCTS: LiteralString = """
SELECT e.id,
  (SELECT string_agg(ROW(k.id, k.kind, k.digest, k.hint)::text, ',' ORDER BY k.id)
   FROM api_keys k WHERE k.business_id = %(business)s AND k.created_at = e.created_at),
  (SELECT string_agg(ROW(p.id, p.name, p.brand, p.country, p.currency, p.face_value,
                         p.price)::text, ',' ORDER BY p.id)
   FROM gift_card_products p
   WHERE p.business_id = %(business)s AND p.created_at = e.created_at)
FROM audit_entries e
WHERE e.business_id = %(business)s AND e.id > %(after)s AND e.id <= %(until)s
  AND e.act IN ('business.create', 'key.create', 'key.regenerate', 'gift_cards.import',
                'gift_cards.void')
ORDER BY e.id
"""

STREAMS: Mapping[str, tuple[Source, LiteralString]] = {
    "transfers": ("transfers", TRANSFERS),
    "payout_users": ("transfers", PAYOUT_USERS),
    "orders": ("transfers", ORDERS),
    "suspense_items": ("transfers", SUSPENSE_ITEMS),
    "audit_entries": ("audit_entries", AUDIT_ENTRIES),
    "gift_card_reveals": ("gift_card_reveals", GIFT_CARD_REVEALS),
    "keys_and_products": ("audit_entries", KEYS_AND_PRODUCTS),
}
"""What a seal covers, in its order: by which table's ids it goes, and the rows."""

# Whoever inserts holds this lock from before an id is drawn until the commit is seen by others.
WRITERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND pid IS DISTINCT FROM pg_backend_pid()
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND relation IN ('transfers'::regclass, 'audit_entries'::regclass, 'gift_card_reveals'::regclass)
  AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""

NEWEST: LiteralString = " UNION ALL ".join(
    f"SELECT '{source}', max(id) FROM {source} WHERE business_id = %(business)s"  # noqa: S608  # constants
    for source in SOURCES
)

# The schema refuses such ids in new rows: seals begin after 0.
BELOW_ONE: Mapping[Source, LiteralString] = {
    "transfers": "SELECT count(*) FROM transfers WHERE business_id = %s AND id < 1",
    "audit_entries": "SELECT count(*) FROM audit_entries WHERE business_id = %s AND id < 1",
    "gift_card_reveals": "SELECT count(*) FROM gift_card_reveals WHERE business_id = %s AND id < 1",
}

# As one table's id goes, up to so many of its rows.
UNTIL: Mapping[Source, LiteralString] = {
    "transfers": "SELECT max(id) FROM (SELECT id FROM transfers WHERE business_id = %(business)s"
    " AND id > %(after)s AND id <= %(newest)s ORDER BY id LIMIT %(limit)s) AS rows",
    "audit_entries": "SELECT max(id) FROM (SELECT id FROM audit_entries"
    " WHERE business_id = %(business)s"
    " AND id > %(after)s AND id <= %(newest)s ORDER BY id LIMIT %(limit)s) AS rows",
    "gift_card_reveals": "SELECT max(id) FROM (SELECT id FROM gift_card_reveals"
    " WHERE business_id = %(business)s"
    " AND id > %(after)s AND id <= %(newest)s ORDER BY id LIMIT %(limit)s) AS rows",
}


async def list_businesses(connection: Connection) -> list[UUID]:
    cursor = await connection.execute("SELECT id FROM businesses ORDER BY id")
    return [UUID(str(row[0])) for row in await cursor.fetchall()]


async def list_newest_ids(
    connection: Connection, business_ids: Sequence[UUID]
) -> dict[UUID, dict[Source, int]]:
    """The highest id that is seen of each business's rows, 0 where there are none."""
    async with connection.pipeline():
        cursors = [
            (each, await connection.execute(NEWEST, {"business": each})) for each in business_ids
        ]
    return {
        each: {source: int(str(at or 0)) for source, at in await cursor.fetchall()}  # type: ignore[misc]  # a source
        for each, cursor in cursors
    }


async def count_below_one(connection: Connection, business_id: UUID, source: Source) -> int:
    """Rows whose ids no seal covers."""
    cursor = await connection.execute(BELOW_ONE[source], [business_id])
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def writers(connection: Connection) -> set[str]:
    """The transactions that may have written something that nobody sees yet."""
    cursor = await connection.execute(WRITERS)
    return {str(row[0]) for row in await cursor.fetchall()}


async def hold(connection: Connection, business_id: UUID) -> datetime:
    """Let only one at a time seal this business, until it commits; answers the database's time."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('seals ' || %s, 0))", [str(business_id)]
    )
    cursor = await connection.execute("SELECT clock_timestamp()")
    row = await cursor.fetchone()
    assert row is not None and isinstance(row[0], datetime)  # noqa: S101, PT018  # a SELECT without FROM
    return row[0]


async def until(
    connection: Connection, business_id: UUID, source: Source, after: int, newest: int, limit: int
) -> int:
    """The id of the last row to seal, `after` where there is none."""
    cursor = await connection.execute(
        UNTIL[source],
        {"business": business_id, "after": after, "newest": newest, "limit": limit},
    )
    row = await cursor.fetchone()
    return after if row is None or row[0] is None else int(str(row[0]))


async def digest(
    connection: Connection, business_id: UUID, stream: str, after: int, until: int
) -> Part:
    """Digest a stream's rows between two ids, as `COPY … TO STDOUT` writes them."""
    sha256, rows = hashlib.sha256(), 0
    if until > after:
        parameters = {"business": business_id, "after": after, "until": until}
        async with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY ({STREAMS[stream][1]}) TO STDOUT", parameters),
        ):
            rows = await connection.wait(_read_lines(connection.pgconn, sha256.update))
    return Part(after, until, rows, sha256.hexdigest())


def _read_lines(pgconn: PGconn, take: Callable[[memoryview], None]) -> abc.PQGen[int]:
    """Read a COPY's lines as they come and answer how many there were. Psycopg's own reader takes a
    turn of the event loop for each, three quarters of what sealing a transfer costs."""
    rows = 0
    while True:
        size, line = pgconn.get_copy_data(1)
        if size > 0:
            take(line)
            rows += 1
        elif size == 0:
            yield Wait.R
            pgconn.consume_input()
        else:
            break
    for result in (yield from generators.fetch_many(pgconn)):
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result, encoding="utf-8")
    return rows


async def insert(connection: Connection, seal: Seal) -> None:
    await connection.execute(
        "INSERT INTO seals (business_id, number, body, signature) VALUES (%s, %s, %s, %s)",
        [seal.business_id, seal.number, seal.body, seal.signature],
    )


async def last(connection: Connection, business_id: UUID) -> Seal | None:
    """The newest seal of a business. Raises NotASeal, also where its row is another's."""
    cursor = await connection.execute(
        "SELECT number, body, signature FROM seals WHERE business_id = %s"
        " ORDER BY number DESC LIMIT 1",
        [business_id],
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    seal = read(str(row[1]), bytes(row[2]))  # type: ignore[call-overload]  # bytea
    if (seal.business_id, seal.number) != (business_id, row[0]):
        raise NotASeal(f"seal {row[0]} says that it is another")
    return seal


async def list_after(
    connection: Connection, business_id: UUID, number: int, limit: int
) -> Sequence[tuple[int, str, bytes]]:
    """(number, body, signature) of a business's seals after this one, in order."""
    cursor = await connection.execute(
        "SELECT number, body, signature FROM seals WHERE business_id = %s AND number > %s"
        " ORDER BY number LIMIT %s",
        [business_id, number, limit],
    )
    return [
        (int(str(row[0])), str(row[1]), bytes(row[2]))  # type: ignore[call-overload]  # bytea
        for row in await cursor.fetchall()
    ]


async def list_sealed(connection: Connection) -> list[UUID]:
    """The businesses that have seals. Across businesses."""
    cursor = await connection.execute(
        "SELECT p.business_id FROM accounts p WHERE p.kind = 'payout' AND p.kind <> 'user'"
        " AND EXISTS (SELECT FROM seals s WHERE s.business_id = p.business_id) ORDER BY 1"
    )
    return [UUID(str(row[0])) for row in await cursor.fetchall()]


async def is_left(
    connection: Connection, business_id: UUID, after: int, older_than_s: float
) -> bool:
    """Whether the first transfer after this id is older than that."""
    cursor = await connection.execute(
        "SELECT created_at < now() - make_interval(secs => %s) FROM transfers"
        " WHERE business_id = %s AND id > %s ORDER BY id LIMIT 1",
        [older_than_s, business_id, after],
    )
    row = await cursor.fetchone()
    return bool(row and row[0])
