"""The SQL of payout users. The allocation engine has its own set-based statements."""

from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.payout_users.model import Hashes, HashSource, PayoutUser, Status

SELECT = (
    "SELECT u.id, u.email, u.status, a.balance, u.created_at FROM payout_users u"
    " JOIN accounts a ON a.business_id = u.business_id AND a.id = u.id"
)


STATUSES: dict[Status, str] = {"active": "active", "inactive": "inactive"}


async def find(connection: Connection, business_id: UUID, user_id: UUID) -> PayoutUser | None:
    async with connection.cursor(row_factory=class_row(PayoutUser)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE u.business_id = %s AND u.id = %s", [business_id, user_id]
        )
        return await cursor.fetchone()


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    email: str | None,
    status: Status | None,
    after: UUID | None,
    limit: int,
) -> list[PayoutUser]:
    """Payout users, newest first, older than the user `after`."""
    conditions = ["u.business_id = %(business)s"]
    if email is not None:
        conditions.append("u.email = %(email)s")
    if status is not None:
        # Said in the statement, not as a parameter: so the index of the inactive ones is used.
        conditions.append(f"u.status = '{STATUSES[status]}'")
    if after is not None:
        conditions.append("u.id < %(after)s")
    async with connection.cursor(row_factory=class_row(PayoutUser)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE {' AND '.join(conditions)} ORDER BY u.id DESC LIMIT %(limit)s",
            {
                "business": business_id,
                "email": email,
                "status": status,
                "after": after,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def set_status(
    connection: Connection, business_id: UUID, user_id: UUID, status: Status
) -> bool:
    """Whether that changed anything. Activating renews the hash."""
    cursor = await connection.execute(
        "UPDATE payout_users SET status = %(status)s"  # noqa: S608  # constants
        f"{', hash_renewed_at = now()' if status == 'active' else ''}"
        " WHERE business_id = %(business)s AND id = %(user)s AND status <> %(status)s",
        {"business": business_id, "user": user_id, "status": status},
    )
    return cursor.rowcount == 1


async def count_hashes(connection: Connection) -> list[Hashes]:
    """Count the hashes of every business that has active payout users."""
    async with connection.cursor(row_factory=class_row(Hashes)) as cursor:
        await cursor.execute(
            "SELECT business_id, count(*), max(hash_renewed_at) AS renewed_at FROM payout_users"
            " WHERE status = 'active' GROUP BY business_id ORDER BY business_id"
        )
        return await cursor.fetchall()


async def list_ids(
    connection: Connection, business_id: UUID, after: UUID, limit: int
) -> list[UUID]:
    """The business's payout users by id, those after the user `after`."""
    cursor = await connection.execute(
        "SELECT id FROM payout_users WHERE business_id = %s AND id > %s ORDER BY id LIMIT %s",
        [business_id, after, limit],
    )
    return [UUID(str(row[0])) for row in await cursor.fetchall()]


async def next_generation(
    connection: Connection, business_id: UUID, user_id: UUID, step: int = 1
) -> HashSource | None:
    """Count the hash's generation up; its digest is to be stored in the same transaction."""
    async with connection.cursor(row_factory=class_row(HashSource)) as cursor:
        await cursor.execute(
            "UPDATE payout_users u SET hash_generation = u.hash_generation + %s,"
            " hash_renewed_at = now()"
            " FROM businesses b WHERE b.id = u.business_id AND u.business_id = %s AND u.id = %s"
            " RETURNING b.hash_code, u.hash_generation, u.hash_key_id",
            [step, business_id, user_id],
        )
        return await cursor.fetchone()


async def hash_source(
    connection: Connection, business_id: UUID, user_id: UUID
) -> HashSource | None:
    async with connection.cursor(row_factory=class_row(HashSource)) as cursor:
        await cursor.execute(
            "SELECT b.hash_code, u.hash_generation, u.hash_key_id"
            " FROM payout_users u JOIN businesses b ON b.id = u.business_id"
            " WHERE u.business_id = %s AND u.id = %s",
            [business_id, user_id],
        )
        return await cursor.fetchone()


async def set_digest(
    connection: Connection, business_id: UUID, user_id: UUID, key_id: str, digest: bytes
) -> None:
    await connection.execute(
        "UPDATE payout_users SET hash_key_id = %s, hash_digest = %s"
        " WHERE business_id = %s AND id = %s",
        [key_id, digest, business_id, user_id],
    )
