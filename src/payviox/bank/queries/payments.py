"""The SQL of payments: each waits for a file, is in one, and is what the bank says of it."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.bank.model import Payment, PaymentStatus, Scheme
from payviox.db.pool import Connection

COLUMNS = (
    "p.business_id, p.reference, p.order_id, p.account_id, p.end_to_end_id, p.scheme, p.name,"
    " p.currency, p.amount, p.cents, p.worth, p.status, p.file_id, p.not_before,"
    " p.not_before > now() AS is_cooling, p.code, p.settles_on, p.booked_on, p.created_at,"
    " p.updated_at, clock_timestamp() AS read_at"
)
SELECT = f"SELECT {COLUMNS} FROM bank_payments p"  # noqa: S608  # constants


class NewPayment(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt asks for: `amount` in cents of the currency, `cents` in US cents."""

    reference: str
    order_id: UUID
    account_id: UUID
    end_to_end_id: str
    currency: str
    amount: int
    cents: int
    name: str


async def insert_many(
    connection: Connection, business_id: UUID, wanted: Sequence[NewPayment]
) -> None:
    """Payments that wait for a file, once for each reference; not before their accounts' cooling
    time is over. An account that was forgotten gets none."""
    await connection.execute(
        "INSERT INTO bank_payments (business_id, reference, order_id, account_id, end_to_end_id,"
        " scheme, name, currency, amount, cents, not_before)"
        " SELECT %(b)s, n.reference, n.order_id, a.id, n.end_to_end_id, a.scheme, n.name,"
        "   n.currency, n.amount, n.cents, a.usable_from"
        " FROM json_to_recordset(%(rows)s::json) AS n(reference text, order_id uuid,"
        "   account_id uuid, end_to_end_id text, currency text, amount bigint, cents bigint,"
        "   name text)"
        " JOIN bank_accounts a ON a.id = n.account_id"
        " WHERE a.business_id = %(b)s AND a.id = ANY(%(accounts)s)"
        " ON CONFLICT (business_id, reference) DO NOTHING",
        {
            "b": business_id,
            "rows": msgspec.json.encode(wanted).decode(),
            "accounts": sorted({payment.account_id for payment in wanted}),
        },
        prepare=False,
    )


async def find(connection: Connection, business_id: UUID, reference: str) -> Payment | None:
    async with connection.cursor(row_factory=class_row(Payment)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE p.business_id = %s AND p.reference = %s", [business_id, reference]
        )
        return await cursor.fetchone()


async def find_many(
    connection: Connection, business_id: UUID, references: Sequence[str]
) -> list[Payment]:
    async with connection.cursor(row_factory=class_row(Payment)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE p.business_id = %s AND p.reference = ANY(%s)",
            [business_id, list(references)],
        )
        return await cursor.fetchall()


async def take_back(connection: Connection, business_id: UUID, reference: str) -> bool:
    """Whether it was in no file; then it never will be. Not while files are held after a restore:
    whether it has left is not known."""
    cursor = await connection.execute(
        "UPDATE bank_payments SET status = 'taken_back', updated_at = now()"
        " WHERE business_id = %s AND reference = %s AND status = 'waiting'"
        " AND NOT EXISTS (SELECT FROM bank_holds WHERE business_id = %s)",
        [business_id, reference, business_id],
    )
    return cursor.rowcount == 1


async def lock_waiting(
    connection: Connection, business_id: UUID, scheme: Scheme, limit: int
) -> list[Payment]:
    """What waits for a file of this scheme and may be paid now, the oldest first, held: what
    somebody else cuts into a file just now is left to them."""
    async with connection.cursor(row_factory=class_row(Payment)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE p.business_id = %s AND p.scheme = %s AND p.status = 'waiting'"
            " AND p.not_before <= now() ORDER BY p.not_before, p.reference LIMIT %s"
            " FOR UPDATE SKIP LOCKED",
            [business_id, scheme, limit],
        )
        return await cursor.fetchall()


async def put_in_file(
    connection: Connection,
    business_id: UUID,
    file_id: UUID,
    worth: Mapping[str, int | None],
    worth_rate: Decimal | None,
) -> None:
    """Each reference with what its payment is worth in US cents by this rate, where it is paid in
    another currency."""
    await connection.execute(
        "UPDATE bank_payments p SET status = 'in_file', file_id = %(file)s, worth = n.worth,"
        " worth_rate = %(rate)s, updated_at = now()"
        " FROM unnest(%(references)s::text[], %(worth)s::bigint[]) n(reference, worth)"
        " WHERE p.business_id = %(business)s AND p.reference = n.reference",
        {
            "file": file_id,
            "rate": worth_rate,
            "references": list(worth),
            "worth": list(worth.values()),
            "business": business_id,
        },
    )


async def take_out_of_file(connection: Connection, business_id: UUID, file_id: UUID) -> list[UUID]:
    """Let a file's payments wait for another one; answers their orders."""
    cursor = await connection.execute(
        "UPDATE bank_payments SET status = 'waiting', file_id = NULL, updated_at = now()"
        " WHERE business_id = %s AND file_id = %s RETURNING order_id",
        [business_id, file_id],
    )
    return [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # a uuid column


async def release_file(
    connection: Connection, business_id: UUID, file_id: UUID, settles_on: date
) -> list[UUID]:
    """The file has left: so have its payments; answers their orders."""
    cursor = await connection.execute(
        "UPDATE bank_payments SET status = 'released', settles_on = %s, updated_at = now()"
        " WHERE business_id = %s AND file_id = %s AND status = 'in_file' RETURNING order_id",
        [settles_on, business_id, file_id],
    )
    return [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # a uuid column


async def list_of_file(
    connection: Connection, business_id: UUID, file_id: UUID, *, after: str = "", limit: int = 500
) -> list[Payment]:
    """A file's payments by their end-to-end ids, after this one."""
    async with connection.cursor(row_factory=class_row(Payment)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE p.business_id = %s AND p.file_id = %s AND p.end_to_end_id > %s"
            " ORDER BY p.end_to_end_id LIMIT %s",
            [business_id, file_id, after, limit],
        )
        return await cursor.fetchall()


async def list_waiting(
    connection: Connection, business_id: UUID, *, after: str = "", limit: int = 500
) -> list[Payment]:
    """What waits for a file, by reference, after this one."""
    async with connection.cursor(row_factory=class_row(Payment)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE p.business_id = %s AND p.status = 'waiting' AND p.reference > %s"
            " ORDER BY p.reference LIMIT %s",
            [business_id, after, limit],
        )
        return await cursor.fetchall()


async def list_of_order(connection: Connection, business_id: UUID, order_id: UUID) -> list[Payment]:
    """The payments of an order's attempts, the first first."""
    async with connection.cursor(row_factory=class_row(Payment)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE p.business_id = %s AND p.order_id = %s ORDER BY p.created_at",
            [business_id, order_id],
        )
        return await cursor.fetchall()


async def lock_named(
    connection: Connection, business_id: UUID, end_to_end_ids: Sequence[str]
) -> dict[str, Payment]:
    """The business's payments with these end-to-end ids, held, by those."""
    async with connection.cursor(row_factory=class_row(Payment)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE p.business_id = %s AND p.end_to_end_id = ANY(%s)"
            " ORDER BY p.reference FOR UPDATE",
            [business_id, list(end_to_end_ids)],
        )
        return {payment.end_to_end_id: payment for payment in await cursor.fetchall()}


async def lock_of_file(connection: Connection, business_id: UUID, file_id: UUID) -> list[Payment]:
    """All payments of a file, held."""
    async with connection.cursor(row_factory=class_row(Payment)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE p.business_id = %s AND p.file_id = %s ORDER BY p.reference FOR UPDATE",
            [business_id, file_id],
        )
        return await cursor.fetchall()


async def set_statuses(
    connection: Connection, business_id: UUID, changed: Sequence[Payment]
) -> None:
    """Keep what the bank said of these: status, code and day."""
    if not changed:
        return
    rows = [
        {"ref": p.reference, "status": p.status, "code": p.code, "booked_on": p.booked_on}
        for p in changed
    ]
    await connection.execute(
        "UPDATE bank_payments p SET status = n.status, code = n.code, booked_on = n.booked_on,"
        " updated_at = now()"
        " FROM json_to_recordset(%(rows)s::json)"
        "   AS n(ref text, status text, code text, booked_on date)"
        " WHERE p.business_id = %(b)s AND p.reference = n.ref AND p.reference = ANY(%(refs)s)",
        {
            "b": business_id,
            "rows": msgspec.json.encode(rows).decode(),
            "refs": [p.reference for p in changed],
        },
        prepare=False,
    )


async def count_by_status(
    connection: Connection, business_id: UUID, file_id: UUID
) -> dict[PaymentStatus, int]:
    cursor = await connection.execute(
        "SELECT status, count(*) FROM bank_payments WHERE business_id = %s AND file_id = %s"
        " GROUP BY status",
        [business_id, file_id],
    )
    return dict(await cursor.fetchall())  # type: ignore[arg-type]  # text, bigint


async def sum_not_booked(connection: Connection, business_id: UUID, currency: str) -> int:
    """What is in files, or has left in one, and is not booked yet: the statement knows nothing of
    it."""
    cursor = await connection.execute(
        "SELECT coalesce(sum(amount), 0)::bigint FROM bank_payments WHERE business_id = %s"
        " AND currency = %s AND status IN ('in_file', 'released', 'accepted')",
        [business_id, currency],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


class WaitingSum(msgspec.Struct, frozen=True):
    """What waits for a file of one scheme: how many payments, what they come to, and how many of
    them may be paid now."""

    scheme: Scheme
    currency: str
    payments: int
    total: int
    payable: int


async def sum_waiting(connection: Connection, business_id: UUID) -> list[WaitingSum]:
    async with connection.cursor(row_factory=class_row(WaitingSum)) as cursor:
        await cursor.execute(
            "SELECT scheme, currency, count(*) AS payments, sum(amount)::bigint AS total,"
            " count(*) FILTER (WHERE not_before <= now()) AS payable FROM bank_payments"
            " WHERE business_id = %s AND status = 'waiting' GROUP BY scheme, currency"
            " ORDER BY scheme",
            [business_id],
        )
        return await cursor.fetchall()
