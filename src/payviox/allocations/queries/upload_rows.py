"""The SQL of uploads' rows, set-based. What is looked up for a check runs on the engine's
connections, which leave the planner only index plans."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.allocations.uploads.model import (
    RECENT_DAYS,
    Choices,
    Part,
    Payment,
    Plan,
    UploadRow,
)
from payviox.db.pool import Connection

encode = msgspec.json.Encoder().encode

# A range in order, and sorting is dear: so the index that has the whole key is used, whatever the
# planner believes of a business that it does not know (see groups.py).
KNOWN_USERS = """
SELECT u.email, u.id, u.status = 'active'
FROM json_array_elements_text(%s::json) AS wanted(email)
CROSS JOIN LATERAL (
  SELECT email, id, status FROM payout_users
  WHERE business_id = %s AND email >= wanted.email AND email <= wanted.email
  ORDER BY email LIMIT 1
) u
"""

# Among a person's latest movements: whoever has more within the days is paid by a program.
RECENT = f"""
SELECT wanted.n, t.created_at
FROM json_to_recordset(%s::json) AS wanted(n int, u uuid, a bigint)
CROSS JOIN LATERAL (
  SELECT max(created_at) AS created_at FROM (
    SELECT kind, amount, created_at FROM transfers
    WHERE business_id = %s AND to_account >= wanted.u AND to_account <= wanted.u
    ORDER BY to_account DESC, to_version DESC LIMIT 20
  ) latest
  WHERE kind = 'allocation' AND amount = wanted.a
    AND created_at > now() - interval '{RECENT_DAYS} days'
) t
WHERE t.created_at IS NOT NULL
"""  # noqa: S608  # constants

PAID_OR_GOING_TO_BE = (
    "(r.status = 'paid' OR (r.status = 'ready' AND u.status IN ('scheduled', 'paying', 'stopped')))"
)
EARLIER = f"""
SELECT wanted.n, e.upload_id
FROM json_to_recordset(%s::json) AS wanted(n int, f text, o int)
CROSS JOIN LATERAL (
  SELECT r.upload_id FROM upload_rows r
  JOIN uploads u ON u.business_id = r.business_id AND u.id = r.upload_id
  WHERE r.business_id = %s AND r.fingerprint >= decode(wanted.f, 'hex')
    AND r.fingerprint <= decode(wanted.f, 'hex') AND r.occurrence = wanted.o
    AND {PAID_OR_GOING_TO_BE}
  ORDER BY r.fingerprint, r.occurrence LIMIT 1
) e
"""  # noqa: S608  # constants

INSERT = """
INSERT INTO upload_rows (business_id, upload_id, number, cells, email, amount, reference, note,
                         fingerprint, occurrence, status, problem, repeats, earlier, recent, is_new)
SELECT %s, %s, n.number, n.cells, n.email, n.amount, n.reference, n.note,
       decode(n.fingerprint, 'hex'), n.occurrence,
       CASE WHEN n.problem IS NULL THEN 'ready' ELSE 'bad' END,
       n.problem, n.repeats, n.earlier, n.recent, n.is_new
FROM json_to_recordset(%s::json) AS n(
  number int, cells text[], email text, amount bigint, reference text, note text, fingerprint text,
  occurrence int, problem text, repeats int, earlier uuid, recent timestamptz, is_new boolean)
"""

REFRESH_EARLIER = f"""
UPDATE upload_rows r SET earlier = e.upload_id
FROM upload_rows mine LEFT JOIN LATERAL (
  SELECT r.upload_id FROM upload_rows r
  JOIN uploads u ON u.business_id = %(business)s AND u.id = r.upload_id
  WHERE r.business_id = %(business)s AND r.fingerprint >= mine.fingerprint
    AND r.fingerprint <= mine.fingerprint AND r.occurrence = mine.occurrence
    AND r.upload_id <> mine.upload_id AND {PAID_OR_GOING_TO_BE}
  ORDER BY r.fingerprint, r.occurrence LIMIT 1
) e ON true
WHERE mine.business_id = %(business)s AND mine.upload_id = %(upload)s AND mine.status = 'ready'
  AND mine.earlier IS DISTINCT FROM e.upload_id
  AND r.business_id = %(business)s AND r.upload_id = mine.upload_id AND r.number = mine.number
"""  # noqa: S608  # constants

CHOSEN = (
    "(status = 'ready' AND (repeats IS NULL OR %(repeats)s) AND (earlier IS NULL OR %(earlier)s)"
    " AND (recent IS NULL OR %(recent)s))"
)
PLAN = f"""
SELECT count(*), count(*) FILTER (WHERE status = 'bad'),
       count(*) FILTER (WHERE status = 'ready' AND repeats IS NOT NULL),
       coalesce(sum(amount) FILTER (WHERE status = 'ready' AND repeats IS NOT NULL), 0)::bigint,
       count(*) FILTER (WHERE status = 'ready' AND earlier IS NOT NULL),
       coalesce(sum(amount) FILTER (WHERE status = 'ready' AND earlier IS NOT NULL), 0)::bigint,
       count(*) FILTER (WHERE status = 'ready' AND recent IS NOT NULL),
       coalesce(sum(amount) FILTER (WHERE status = 'ready' AND recent IS NOT NULL), 0)::bigint,
       count(*) FILTER (WHERE {CHOSEN}),
       coalesce(sum(amount) FILTER (WHERE {CHOSEN}), 0)::bigint,
       count(DISTINCT email) FILTER (WHERE {CHOSEN}),
       count(DISTINCT email) FILTER (WHERE {CHOSEN} AND is_new)
FROM upload_rows WHERE business_id = %(business)s AND upload_id = %(upload)s
"""  # noqa: S608  # constants

LEAVE_OUT = f"""
UPDATE upload_rows SET status = 'left_out', problem = CASE
    WHEN earlier IS NOT NULL AND NOT %(earlier)s THEN 'Left to an earlier upload.'
    WHEN repeats IS NOT NULL AND NOT %(repeats)s THEN 'Repeats row ' || repeats || '.'
    ELSE 'They got the same amount a few days ago.' END
WHERE business_id = %(business)s AND upload_id = %(upload)s AND status = 'ready' AND NOT {CHOSEN}
"""  # noqa: S608  # constants

SETTLE = """
WITH settled AS (
  UPDATE upload_rows r SET status = n.s, problem = n.p
  FROM json_to_recordset(%s::json) AS n(r int, s text, p text)
  WHERE r.business_id = %s AND r.upload_id = %s AND r.number = n.r AND r.status = 'ready'
  RETURNING 1
)
SELECT count(*) FROM settled
"""

LIST = """
SELECT number, cells, email, amount, reference, status, problem, repeats, earlier, recent
FROM upload_rows WHERE business_id = %(business)s AND upload_id = %(upload)s
"""
RESULTS = """
SELECT r.number, r.cells, r.email, r.amount, r.reference, r.status, r.problem, r.repeats, r.earlier,
       r.recent, t.id AS transfer_id, t.to_account AS user_id
FROM (SELECT * FROM upload_rows WHERE business_id = %(business)s AND upload_id = %(upload)s
        AND number > %(after)s ORDER BY number LIMIT %(limit)s) r
LEFT JOIN LATERAL (
  SELECT id, to_account FROM transfers
  WHERE business_id = %(business)s AND idempotency_key = %(prefix)s || r.number
  LIMIT 1
) t ON r.status = 'paid'
ORDER BY r.number
"""


async def known_users(
    connection: Connection, business_id: UUID, emails: Sequence[str]
) -> dict[str, tuple[UUID, bool]]:
    """Those of these people who are payout users, and whether they are active."""
    cursor = await connection.execute(KNOWN_USERS, [encode(emails).decode(), business_id])
    return {
        str(email): (user_id, bool(active))  # type: ignore[misc]  # text, uuid, boolean
        for email, user_id, active in await cursor.fetchall()
    }


async def recent(
    connection: Connection, business_id: UUID, wanted: Sequence[Mapping[str, object]]
) -> dict[int, datetime]:
    """When the same person last got the same amount, by row; those to whom that happened."""
    cursor = await connection.execute(RECENT, [encode(wanted).decode(), business_id])
    return dict(await cursor.fetchall())  # type: ignore[arg-type]  # integer, timestamp


async def earlier(
    connection: Connection, business_id: UUID, wanted: Sequence[Mapping[str, object]]
) -> dict[int, UUID]:
    """The confirmed upload that pays the same row, by row; those that have one."""
    cursor = await connection.execute(EARLIER, [encode(wanted).decode(), business_id])
    return dict(await cursor.fetchall())  # type: ignore[arg-type]  # integer, uuid


async def insert(
    connection: Connection, business_id: UUID, upload_id: UUID, rows: Sequence[Any]
) -> None:
    await connection.execute(INSERT, [business_id, upload_id, encode(rows).decode()])


async def refresh_earlier(connection: Connection, business_id: UUID, upload_id: UUID) -> None:
    """Note which rows have come to be paid by another upload since the check."""
    await connection.execute(
        "SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off;"
        " SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off;"
        " SET LOCAL enable_mergejoin = off; SET LOCAL enable_memoize = off"
    )
    await connection.execute(REFRESH_EARLIER, {"business": business_id, "upload": upload_id})
    await connection.execute(
        "SET LOCAL enable_sort = on; SET LOCAL enable_seqscan = on;"
        " SET LOCAL enable_bitmapscan = on; SET LOCAL enable_hashjoin = on;"
        " SET LOCAL enable_mergejoin = on; SET LOCAL enable_memoize = on"
    )


async def plan(
    connection: Connection, business_id: UUID, upload_id: UUID, choices: Choices
) -> Plan:
    """What the rows come to by these choices."""
    cursor = await connection.execute(PLAN, _parameters(business_id, upload_id, choices))
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # an aggregate has a row
    rows, bad, r, r_sum, e, e_sum, n, n_sum, c, c_sum, people, new = (
        int(str(each)) for each in row
    )
    return Plan(
        rows=rows,
        bad=bad,
        repeats=Part(r, r_sum),
        earlier=Part(e, e_sum),
        recent=Part(n, n_sum),
        chosen=Part(c, c_sum),
        people=people,
        new_people=new,
    )


async def leave_out(
    connection: Connection, business_id: UUID, upload_id: UUID, choices: Choices
) -> None:
    """Mark what is not chosen, with why."""
    await connection.execute(LEAVE_OUT, _parameters(business_id, upload_id, choices))


def _parameters(business_id: UUID, upload_id: UUID, choices: Choices) -> dict[str, object]:
    return {
        "business": business_id,
        "upload": upload_id,
        "repeats": choices.repeats,
        "earlier": choices.earlier,
        "recent": choices.recent,
    }


async def next_payments(
    connection: Connection, business_id: UUID, upload_id: UUID, after: int, limit: int
) -> list[Payment]:
    """The next rows that are to be paid, in the file's order after the row `after`."""
    async with connection.cursor(row_factory=class_row(Payment)) as cursor:
        await cursor.execute(
            "SELECT number, email, amount, reference FROM upload_rows WHERE business_id = %s"
            " AND upload_id = %s AND number > %s AND status = 'ready' ORDER BY number LIMIT %s",
            [business_id, upload_id, after, limit],
        )
        return await cursor.fetchall()


async def settle(
    connection: Connection, business_id: UUID, upload_id: UUID, rows: Sequence[Mapping[str, object]]
) -> int:
    """Write what became of these rows; answers how many were still to be paid."""
    cursor = await connection.execute(SETTLE, [encode(rows).decode(), business_id, upload_id])
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # an aggregate has a row
    return int(str(row[0]))


async def list_page(
    connection: Connection,
    business_id: UUID,
    upload_id: UUID,
    *,
    bad: bool = False,
    doubtful: bool = False,
    after: int = 0,
    limit: int,
) -> list[UploadRow]:
    """Rows in the file's order after the row `after`: all, those that cannot be paid, or those that
    may have been paid already."""
    query = f"{LIST} AND number > %(after)s"
    if bad:
        query += " AND status = 'bad'"
    if doubtful:
        query += (
            " AND status = 'ready'"
            " AND (repeats IS NOT NULL OR earlier IS NOT NULL OR recent IS NOT NULL)"
        )
    async with connection.cursor(row_factory=class_row(UploadRow)) as cursor:
        await cursor.execute(
            f"{query} ORDER BY number LIMIT %(limit)s",
            {"business": business_id, "upload": upload_id, "after": after, "limit": limit},
        )
        return await cursor.fetchall()


async def list_results(
    connection: Connection, business_id: UUID, upload_id: UUID, prefix: str, after: int, limit: int
) -> list[UploadRow]:
    """All rows with the transfers that paid them, whose keys begin so and end in the row."""
    async with connection.cursor(row_factory=class_row(UploadRow)) as cursor:
        await cursor.execute(
            RESULTS,
            {
                "business": business_id,
                "upload": upload_id,
                "prefix": prefix,
                "after": after,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
