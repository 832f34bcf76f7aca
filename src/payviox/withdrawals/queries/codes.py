"""Codes by mail, and browsers that are known by one. Times are the database's."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.order_states import GIVES_BACK


@dataclass(frozen=True, slots=True)
class Code:
    """What the code of a quote is derived from, and whether it may still be typed; `is_fresh` where
    it was only just sent."""

    id: UUID
    key_id: str
    is_open: bool
    is_fresh: bool


async def is_needed(
    connection: Connection, business_id: UUID, user_id: UUID, amount: int, device: bytes | None
) -> bool:
    """Whether the business asks for a code: before a first order, from an amount (with what was
    asked for within a day, so that parts of it are no way around), or in a new browser."""
    cursor = await connection.execute(
        "SELECT FROM businesses b WHERE b.id = %(business)s AND ("
        " b.code_first AND NOT EXISTS (SELECT FROM orders o WHERE o.business_id = %(business)s"
        "   AND o.payout_user_id = %(user)s)"
        " OR b.code_amount <= %(amount)s + (SELECT coalesce(sum(o.amount), 0) FROM orders o"
        "   WHERE o.business_id = %(business)s AND o.payout_user_id = %(user)s"
        "   AND o.created_at > now() - interval '1 day' AND o.status <> ALL(%(given_back)s))"
        " OR b.code_new_device AND NOT EXISTS (SELECT FROM payout_user_devices d"
        "   WHERE d.business_id = %(business)s AND d.payout_user_id = %(user)s"
        "   AND d.digest = %(device)s))",
        {
            "business": business_id,
            "user": user_id,
            "amount": amount,
            "device": device,
            "given_back": list(GIVES_BACK),
        },
    )
    return cursor.rowcount == 1


async def is_confirmed(
    connection: Connection, business_id: UUID, user_id: UUID, quote_id: UUID
) -> bool:
    """Whether this quote's code was typed."""
    cursor = await connection.execute(
        "SELECT FROM withdrawal_codes WHERE business_id = %s AND quote_id = %s"
        " AND payout_user_id = %s AND confirmed_at IS NOT NULL",
        [business_id, quote_id, user_id],
    )
    return cursor.rowcount == 1


async def lock(
    connection: Connection,
    business_id: UUID,
    user_id: UUID,
    quote_id: UUID,
    lasts_s: int,
    most_guesses: int,
    pause_s: int,
) -> Code | None:
    """The code of a payout user's quote, kept from others until the transaction ends."""
    async with connection.cursor(row_factory=class_row(Code)) as cursor:
        await cursor.execute(
            "SELECT id, key_id, confirmed_at IS NULL AND guesses < %(guesses)s"
            "   AND sent_at > now() - make_interval(secs => %(lasts)s) AS is_open,"
            " sent_at > now() - make_interval(secs => %(pause)s) AS is_fresh"
            " FROM withdrawal_codes WHERE business_id = %(business)s AND quote_id = %(quote)s"
            " AND payout_user_id = %(user)s FOR UPDATE",
            {
                "business": business_id,
                "quote": quote_id,
                "user": user_id,
                "lasts": lasts_s,
                "guesses": most_guesses,
                "pause": pause_s,
            },
        )
        return await cursor.fetchone()


async def put(
    connection: Connection,
    business_id: UUID,
    user_id: UUID,
    quote_id: UUID,
    code_id: UUID,
    key_id: str,
) -> None:
    """Another code in place of the one before."""
    await connection.execute(
        "INSERT INTO withdrawal_codes (business_id, quote_id, payout_user_id, id, key_id)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (business_id, quote_id) DO UPDATE SET"
        " id = excluded.id, key_id = excluded.key_id, guesses = 0,"
        " sent_at = excluded.sent_at"
        " WHERE withdrawal_codes.confirmed_at IS NULL",
        [business_id, quote_id, user_id, code_id, key_id],
    )


async def count_guess(
    connection: Connection, business_id: UUID, quote_id: UUID, *, is_right: bool
) -> None:
    await connection.execute(
        "UPDATE withdrawal_codes SET guesses = guesses + 1,"
        " confirmed_at = now() + CASE WHEN %s THEN interval '0' END"
        " WHERE business_id = %s AND quote_id = %s",
        [is_right, business_id, quote_id],
    )


async def find_open(
    connection: Connection, code_id: UUID, business_id: UUID, lasts_s: int
) -> str | None:
    """The key that a code is derived with, while it may be typed."""
    cursor = await connection.execute(
        "SELECT key_id FROM withdrawal_codes WHERE business_id = %s AND id = %s"
        " AND confirmed_at IS NULL AND sent_at > now() - make_interval(secs => %s)",
        [business_id, code_id, lasts_s],
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def keep_device(
    connection: Connection, business_id: UUID, user_id: UUID, digest: bytes
) -> None:
    await connection.execute(
        "INSERT INTO payout_user_devices (business_id, payout_user_id, digest) VALUES (%s, %s, %s)"
        " ON CONFLICT (business_id, payout_user_id, digest) DO UPDATE"
        " SET seen_at = excluded.seen_at",
        [business_id, user_id, digest],
    )


async def forget_devices(connection: Connection, days: int) -> int:
    cursor = await connection.execute(
        "DELETE FROM payout_user_devices WHERE seen_at < now() - make_interval(days => %s)", [days]
    )
    return cursor.rowcount
