"""The SQL of what waits for a person. Each reads all businesses, or one, through indexes: nothing
here grows with the number of payout users, transfers or ended orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from payviox import ids
from payviox.db.pool import Connection
from payviox.db.sweeps import EACH_BUSINESS
from payviox.reporting.queries.second_signatures import DECIDERS, SIGNED


@dataclass(frozen=True, slots=True)
class Row:
    """What is counted of one business; `status` is the state of orders that wait for something."""

    business_id: UUID
    name: str
    mode: str
    rail: str | None
    subject: str | None
    number: int
    cents: int | None
    oldest: datetime | None
    status: str | None


def _of(business_id: UUID | None, statement: LiteralString) -> sql.SQL:
    """The statement of all businesses, or of the one that is asked for, which each table is asked
    for by its value."""
    if business_id is None:
        return sql.SQL(
            statement.replace("{b}", "businesses b")
            .replace("{each}", EACH_BUSINESS)
            .replace("{business}", "home.business_id")
        )
    one = "(SELECT * FROM businesses WHERE id = %(business)s) b"
    return sql.SQL(
        statement.replace("{b}", one).replace("{each}", one).replace("{business}", "%(business)s")
    )


WAITING_ORDERS: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, o.rail, o.waiting AS subject,"
    " o.number, o.cents, o.oldest, o.status FROM {each} CROSS JOIN LATERAL ("
    "   SELECT rail, waiting, status, count(*) AS number, sum(amount)::bigint AS cents,"
    "   min(updated_at) AS oldest FROM orders"
    "   WHERE business_id = {business} AND waiting IS NOT NULL"
    "   AND (status <> 'unknown' OR waiting = 'person') GROUP BY rail, waiting, status) o"
)
"""Orders by what they wait for, which is the subject, rail and state. One with an unknown outcome
    counts as that, save where it waits for a person."""

ORDERS_IN: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, o.rail, o.status AS subject,"
    " o.number, o.cents, o.oldest, o.status FROM {each} CROSS JOIN LATERAL ("
    "   SELECT rail, status, count(*) AS number, sum(amount)::bigint AS cents,"
    "   min(updated_at) AS oldest FROM orders"
    "   WHERE business_id = {business} AND status = ANY(%(states)s) "
    "   AND waiting IS DISTINCT FROM 'person' GROUP BY rail, status) o"
)
"""Orders in these states that do not wait for a person, by state (the subject) and rail."""

OPEN_ITEMS: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, i.rail, i.cause AS subject,"
    " count(*) AS number,"
    " sum(abs(i.amount))::bigint AS cents, min(i.opened_at) AS oldest,"
    " NULL AS status"
    " FROM {each} JOIN suspense_items i ON i.business_id = {business}"
    " WHERE i.resolved_at IS NULL GROUP BY b.id, b.name, b.mode, i.rail, i.cause"
)
"""Suspense items that nobody has resolved, by rail and cause."""

LOW_PRODUCTS: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, NULL AS rail, NULL AS subject,"
    " count(*) AS number, NULL::bigint AS cents, NULL::timestamptz AS oldest,"
    " NULL AS status"
    " FROM {each} JOIN gift_card_products t ON t.business_id = {business}"
    " CROSS JOIN LATERAL (SELECT count(*) AS cards FROM (SELECT 1 FROM gift_cards g"
    "   WHERE g.business_id = {business} AND g.product_id = t.id"
    "   AND g.status = 'available'"
    "   AND (g.expires_on IS NULL OR g.expires_on >= current_date)"
    "   LIMIT (SELECT greatest(low_stock, 1) FROM businesses WHERE id = {business})) few) c"
    " WHERE c.cards < greatest(b.low_stock, 1) GROUP BY b.id, b.name, b.mode"
)
"""How many products have fewer cards than their business's alert level, or none."""

LOW_FLOATS: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, a.rail, NULL AS subject,"
    " jsonb_array_length(k.report -> 'low') AS number, NULL::bigint AS cents,"
    " NULL::timestamptz AS oldest, NULL AS status"
    " FROM {each} JOIN rail_accounts a ON a.business_id = {business} AND a.enabled"
    " CROSS JOIN LATERAL (SELECT r.report FROM reconciliations r"
    "   WHERE r.business_id = {business} AND r.rail = a.rail"
    "   ORDER BY r.finished_at DESC LIMIT 1) k"
    " WHERE jsonb_array_length(k.report -> 'low') > 0"
)
"""How many assets of a rail's account were below its alert level when it was last compared."""

CODES_WITHOUT_MAIL: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, NULL AS rail, NULL AS subject,"
    " num_nonnulls(nullif(b.code_first, false), b.code_amount, nullif(b.code_new_device, false))"
    "   AS number,"
    " NULL::bigint AS cents, NULL::timestamptz AS oldest, NULL AS status"
    " FROM {b} WHERE NOT %(sends_mails)s"
    " AND (b.code_first OR b.code_amount IS NOT NULL OR b.code_new_device)"
)
"""Rules that ask for codes by mail, where no mail is sent."""

EXPIRING_KEYS: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, NULL AS rail, NULL AS subject,"
    " count(*) AS number, NULL::bigint AS cents, min(k.expires_at) AS oldest, NULL AS status"
    " FROM {b} JOIN api_keys k ON k.business_id = b.id"
    " WHERE k.revoked_at IS NULL AND k.expires_at >= %(since)s"
    " AND k.expires_at < now() + (now() - %(since)s) GROUP BY b.id, b.name, b.mode"
)
"""Restricted keys that stop as soon as `since` is long ago, or have stopped since then."""

FAILED_DELIVERIES: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, NULL AS rail, NULL AS subject,"
    " count(*) AS number,"
    " NULL::bigint AS cents, min(d.created_at) AS oldest, NULL AS status"
    " FROM {each} JOIN deliveries d ON d.business_id = {business}"
    " JOIN events e ON e.business_id = {business} AND e.id = d.event_id"
    " WHERE d.status = 'failed' AND e.order_id IS NOT NULL"
    " AND d.id >= %(first)s GROUP BY b.id, b.name, b.mode"
)
"""Deliveries that were given up, none before `first`; tests among them left out."""

STOPPED_UPLOADS: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, NULL AS rail, NULL AS subject,"
    " count(*) AS number, sum(u.amount - u.paid_amount)::bigint AS cents,"
    " min(u.started_at) AS oldest, NULL AS status"
    " FROM {each} JOIN uploads u ON u.business_id = {business}"
    " WHERE u.status = 'stopped' GROUP BY b.id, b.name, b.mode"
)
"""Uploads that go on only when somebody says so, with what they have not paid."""

BANK_FILES: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, 'bank' AS rail, NULL AS subject,"
    " count(*) AS number, sum(f.cents)::bigint AS cents, min(f.created_at) AS oldest,"
    " NULL AS status FROM {each} JOIN bank_files f ON f.business_id = {business}"
)
FILES_UNKNOWN: LiteralString = (
    BANK_FILES + " WHERE f.status = 'approved' AND f.step = 'person' GROUP BY b.id, b.name, b.mode"
)
"""Files that the bank has or has not."""

FILES_WAITING: LiteralString = (
    BANK_FILES + " WHERE f.status IN ('draft', 'approved') AND f.step IS NULL"
    " GROUP BY b.id, b.name, b.mode"
)
"""Files that have not left, and that nobody hands over."""

SECOND_SIGNATURES: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, NULL AS rail, NULL AS subject,"  # noqa: S608  # a constant
    " count(*) AS number, sum(w.amount)::bigint AS cents, min(w.since) AS oldest, NULL AS status"
    " FROM {each} CROSS JOIN LATERAL ("
    "   SELECT amount, created_at AS since FROM waiting_acts"
    "   WHERE business_id = {business} AND status = 'waiting'"
    "   UNION ALL SELECT amount, checked_at FROM uploads"
    "   WHERE business_id = {business} AND status = 'checked' AND asked IS NOT NULL"
    "   UNION ALL SELECT o.amount, s.created_at " + SIGNED + ") w"
    " GROUP BY b.id, b.name, b.mode"
)
"""Acts, uploads and orders that one of two people has signed."""

FAILED_INVITATIONS: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, NULL AS rail, NULL AS subject,"
    " count(*) AS number, NULL::bigint AS cents, min(m.ended_at) AS oldest, NULL AS status"
    " FROM {b} JOIN invitations i ON i.organization_id = b.organization_id AND i.ended IS NULL"
    "   AND b.mode = 'live'"
    " JOIN mails m ON m.business_id IS NULL AND m.event = 'inv_' || i.id || '.' || i.number"
    " WHERE m.status = 'failed' GROUP BY b.id, b.name, b.mode"
)
"""Open invitations of an organization, told at its live business, whose latest mail failed."""

FAILED_MAILS: LiteralString = (
    "SELECT b.id AS business_id, b.name, b.mode, NULL AS rail, NULL AS subject,"
    " count(*) AS number, NULL::bigint AS cents, min(m.ended_at) AS oldest, NULL AS status"
    " FROM {b} JOIN mails m ON m.business_id = b.id"
    " WHERE m.status IN ('failed', 'bounced') AND m.ended_at >= %(since)s"
    " GROUP BY b.id, b.name, b.mode"
)
"""A business's own mails that no mail server took, none before `since`."""

SOURCES: Mapping[str, LiteralString] = {
    "waiting": WAITING_ORDERS,
    "state": ORDERS_IN,
    "unexplained": OPEN_ITEMS,
    "second_signature": SECOND_SIGNATURES,
    "bank_file_unknown": FILES_UNKNOWN,
    "bank_file_waiting": FILES_WAITING,
    "upload_stopped": STOPPED_UPLOADS,
    "float_low": LOW_FLOATS,
    "low_stock": LOW_PRODUCTS,
    "codes_without_mail": CODES_WITHOUT_MAIL,
    "key_expiring": EXPIRING_KEYS,
    "webhook_failing": FAILED_DELIVERIES,
    "invitation_failed": FAILED_INVITATIONS,
    "mail_failed": FAILED_MAILS,
}


@dataclass(frozen=True, slots=True)
class SourcedRow(Row):
    """A row with the statement that it came from."""

    source: str


async def everything(
    connection: Connection,
    business_id: UUID | None,
    states: Sequence[str],
    since: datetime,
    *,
    sends_mails: bool,
) -> list[SourcedRow]:
    """All of it in one statement; deliveries and mails since then."""
    each = [
        sql.SQL("SELECT {} AS source, q.* FROM ({}) q").format(
            sql.Literal(name), _of(business_id, text)
        )
        for name, text in SOURCES.items()
    ]
    async with connection.cursor(row_factory=class_row(SourcedRow)) as cursor:
        await cursor.execute(
            sql.SQL(" UNION ALL ").join(each),
            {
                "business": business_id,
                "states": list(states),
                "since": since,
                "first": ids.first_at(since),
                "sends_mails": sends_mails,
                "acts": DECIDERS[0],
                "roles": DECIDERS[1],
            },
        )
        return await cursor.fetchall()


async def open_items(connection: Connection, business_id: UUID | None) -> list[Row]:
    """See OPEN_ITEMS."""
    return await _rows(connection, OPEN_ITEMS, business_id)


async def low_products(connection: Connection, business_id: UUID | None) -> list[Row]:
    """See LOW_PRODUCTS."""
    return await _rows(connection, LOW_PRODUCTS, business_id)


async def _rows(
    connection: Connection, statement: LiteralString, business_id: UUID | None
) -> list[Row]:
    async with connection.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(_of(business_id, statement), {"business": business_id})
        return await cursor.fetchall()
