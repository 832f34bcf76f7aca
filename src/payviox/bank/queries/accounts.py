"""The SQL of payout users' bank accounts. Numbers are encrypted before they come here."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import class_row

from payviox.bank.model import BankAccount, SealedAccount
from payviox.db.pool import Connection

COLUMNS = (
    "business_id, id, payout_user_id, payee, scheme, country, name, masked, usable_from,"
    " changed_at, changed_why, created_at"
)
SEALED = "business_id, id, payout_user_id, scheme, country, name, masked, sealed, key_id"


async def lock_number(connection: Connection, business_id: UUID, digest: bytes) -> None:
    """Let those who name one number go one at a time, so that all get one payee."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('bank ' || %s || encode(%s, 'hex'), 0))",
        [str(business_id), digest],
    )


async def find(connection: Connection, business_id: UUID, account_id: UUID) -> BankAccount | None:
    async with connection.cursor(row_factory=class_row(BankAccount)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM bank_accounts WHERE business_id = %s AND id = %s",  # noqa: S608  # constants
            [business_id, account_id],
        )
        return await cursor.fetchone()


async def see_again(
    connection: Connection, business_id: UUID, user_id: UUID, fingerprints: Sequence[bytes]
) -> BankAccount | None:
    """A payout user's account with one of these fingerprints; it was named just now."""
    async with connection.cursor(row_factory=class_row(BankAccount)) as cursor:
        await cursor.execute(
            "UPDATE bank_accounts SET seen_at = now() WHERE business_id = %s"  # noqa: S608  # constants
            f" AND payout_user_id = %s AND fingerprint = ANY(%s) RETURNING {COLUMNS}",
            [business_id, user_id, list(fingerprints)],
        )
        return await cursor.fetchone()


async def find_payee(
    connection: Connection, business_id: UUID, digests: Sequence[bytes]
) -> UUID | None:
    """Who is paid at a number with one of these digests, whoever named it."""
    cursor = await connection.execute(
        "SELECT payee FROM bank_accounts WHERE business_id = %s AND number_digest = ANY(%s)"
        " ORDER BY id LIMIT 1",
        [business_id, list(digests)],
    )
    row = await cursor.fetchone()
    return row[0] if row else None  # type: ignore[return-value]  # a uuid column


async def count_of_user(connection: Connection, business_id: UUID, user_id: UUID) -> int:
    cursor = await connection.execute(
        "SELECT count(*) FROM bank_accounts WHERE business_id = %s AND payout_user_id = %s",
        [business_id, user_id],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def insert(
    connection: Connection,
    sealed: SealedAccount,
    *,
    payee: UUID,
    number_digest: bytes,
    fingerprint: bytes,
) -> None:
    """An account that can be paid once the business's cooling time is over."""
    await connection.execute(
        "INSERT INTO bank_accounts (business_id, id, payout_user_id, payee, scheme, country, name,"
        " masked, sealed, key_id, number_digest, fingerprint, usable_from)"
        " SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
        "   now() + make_interval(hours => b.bank_cooling_hours)"
        " FROM businesses b WHERE b.id = %s",
        [
            sealed.business_id,
            sealed.id,
            sealed.payout_user_id,
            payee,
            sealed.scheme,
            sealed.country,
            sealed.name,
            sealed.masked,
            sealed.sealed,
            sealed.key_id,
            number_digest,
            fingerprint,
            sealed.business_id,
        ],
    )


async def list_sealed(
    connection: Connection, business_id: UUID, account_ids: Sequence[UUID]
) -> list[SealedAccount]:
    """These accounts with their encrypted numbers: for a file alone."""
    async with connection.cursor(row_factory=class_row(SealedAccount)) as cursor:
        await cursor.execute(
            f"SELECT {SEALED} FROM bank_accounts WHERE business_id = %s AND id = ANY(%s)",  # noqa: S608  # constants
            [business_id, list(account_ids)],
        )
        return await cursor.fetchall()


async def mark_changed(
    connection: Connection, business_id: UUID, account_id: UUID, why: str
) -> None:
    """The bank says that something of the account is otherwise: its next use is reviewed."""
    await connection.execute(
        "UPDATE bank_accounts SET changed_at = now(), changed_why = %s"
        " WHERE business_id = %s AND id = %s",
        [why, business_id, account_id],
    )


async def list_other_keys(
    connection: Connection, key_id: str, limit: int
) -> list[tuple[UUID, UUID]]:
    """Accounts that another key encrypted (a sweep over all businesses)."""
    cursor = await connection.execute(
        "SELECT business_id, id FROM bank_accounts WHERE key_id <> %s ORDER BY business_id, id"
        " LIMIT %s",
        [key_id, limit],
    )
    return [(row[0], row[1]) async for row in cursor]  # type: ignore[misc]  # uuids


async def lock_sealed(
    connection: Connection, business_id: UUID, account_id: UUID
) -> SealedAccount | None:
    """An account with its encrypted number, held; None where it was forgotten meanwhile."""
    async with connection.cursor(row_factory=class_row(SealedAccount)) as cursor:
        await cursor.execute(
            f"SELECT {SEALED} FROM bank_accounts WHERE business_id = %s AND id = %s FOR UPDATE",  # noqa: S608  # constants
            [business_id, account_id],
        )
        return await cursor.fetchone()


async def replace_sealed(
    connection: Connection, account: SealedAccount, *, number_digest: bytes, fingerprint: bytes
) -> None:
    """Store an account as another key encrypts it. Where the payout user named it under both keys
    meanwhile, the older one keeps its fingerprint, by which nobody looks any more."""
    await connection.execute(
        "UPDATE bank_accounts a SET sealed = %(sealed)s, key_id = %(key)s,"
        " number_digest = %(number)s, fingerprint = CASE WHEN EXISTS (SELECT FROM bank_accounts t"
        "   WHERE t.business_id = a.business_id AND t.payout_user_id = a.payout_user_id"
        "   AND t.fingerprint = %(print)s AND t.id <> a.id) THEN a.fingerprint ELSE %(print)s END"
        " WHERE a.business_id = %(business)s AND a.id = %(id)s",
        {
            "business": account.business_id,
            "id": account.id,
            "sealed": account.sealed,
            "key": account.key_id,
            "number": number_digest,
            "print": fingerprint,
        },
    )


async def delete_unused(connection: Connection, business_id: UUID, days: int, limit: int) -> int:
    """Forget accounts that nobody has named for so many days and that no order and no saved
    destination names, so many at most; answers how many."""
    cursor = await connection.execute(
        "DELETE FROM bank_accounts WHERE business_id = %(b)s AND id IN ("
        " SELECT a.id FROM bank_accounts a WHERE a.business_id = %(b)s"
        " AND a.seen_at < now() - make_interval(days => %(days)s)"
        " AND NOT EXISTS (SELECT FROM bank_payments p"
        "   WHERE p.business_id = a.business_id AND p.account_id = a.id)"
        " AND NOT EXISTS (SELECT FROM orders o WHERE o.business_id = a.business_id"
        "   AND o.provider = 'bank' AND o.destination ->> 'account' = 'bac_' || a.id::text)"
        " AND NOT EXISTS (SELECT FROM saved_destinations s WHERE s.business_id = a.business_id"
        "   AND s.payout_user_id = a.payout_user_id AND s.removed_at IS NULL"
        "   AND s.destination ->> 'account' = 'bac_' || a.id::text)"
        " ORDER BY a.seen_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)",
        {"b": business_id, "days": days, "limit": limit},
    )
    return cursor.rowcount
