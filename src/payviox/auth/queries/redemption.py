"""The SQL of payout users' sessions and of tickets. Times are the database's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from psycopg.rows import class_row

from payviox.auth.model import Sender
from payviox.auth.queries.credentials import HASH_LIVES, UserCaller
from payviox.db.pool import Connection

_USER = (
    "JOIN payout_users u ON u.business_id = s.business_id AND u.id = s.payout_user_id"
    f" AND u.hash_digest = s.hash_digest AND {HASH_LIVES}"
)
"""The payout user of a row `s`, as long as the hash that the row was made with opens."""

_SENDER = (
    "SELECT coalesce(b.brand_name, b.name) AS name, b.brand_logo_digest AS logo_digest"
    " FROM businesses b"
)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that is open."""

    business_id: UUID
    user_id: UUID
    email: str
    hash_digest: bytes = field(repr=False)
    is_stale: bool
    """Whether `seen_at` is worth renewing."""
    language: str | None
    """Which they chose."""


async def find_sender(connection: Connection, hash_code: str, digest: bytes) -> Sender | None:
    """The business with this code, as long as a hash or a ticket of its own with this digest
    opens."""
    async with connection.cursor(row_factory=class_row(Sender)) as cursor:
        await cursor.execute(
            f"{_SENDER} JOIN payout_users u ON u.business_id = b.id"
            f" WHERE b.hash_code = %(code)s AND u.hash_digest = %(digest)s AND {HASH_LIVES}"
            f" UNION ALL {_SENDER} JOIN redeem_tickets t ON t.business_id = b.id"
            " WHERE b.hash_code = %(code)s AND t.digest = %(digest)s AND t.expires_at > now()"
            " LIMIT 1",
            {"code": hash_code, "digest": digest},
        )
        return await cursor.fetchone()


async def find_code(connection: Connection, business_id: UUID) -> str:
    """The characters with which the hashes of a business begin."""
    cursor = await connection.execute(
        "SELECT hash_code FROM businesses WHERE id = %s", [business_id]
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(business_id)
    return str(row[0])


async def insert_session(connection: Connection, caller: UserCaller, digest: bytes) -> None:
    """Let somebody in, and note that they were here."""
    await connection.execute(
        "INSERT INTO payout_user_sessions (business_id, digest, payout_user_id, hash_digest)"
        " VALUES (%s, %s, %s, %s)",
        [caller.business_id, digest, caller.user_id, caller.digest],
    )
    await connection.execute(
        "UPDATE payout_users SET seen_at = now() WHERE business_id = %s AND id = %s",
        [caller.business_id, caller.user_id],
    )


async def keep_latest(connection: Connection, business_id: UUID, user_id: UUID, most: int) -> None:
    """End the payout user's sessions beyond so many, those first that are idle for longest."""
    await connection.execute(
        "DELETE FROM payout_user_sessions WHERE business_id = %(business)s AND digest IN ("
        " SELECT digest FROM payout_user_sessions WHERE business_id = %(business)s"
        " AND payout_user_id = %(user)s ORDER BY seen_at DESC, digest OFFSET %(most)s"
        " FOR UPDATE SKIP LOCKED)",
        {"business": business_id, "user": user_id, "most": most},
    )


async def find_session(
    connection: Connection, hash_code: str, digest: bytes, idle_s: int, longest_s: int
) -> SessionRow | None:
    """The session, unless it was idle or lasted for too long, or its hash has stopped."""
    async with connection.cursor(row_factory=class_row(SessionRow)) as cursor:
        await cursor.execute(
            "SELECT s.business_id, s.payout_user_id AS user_id, u.email, s.hash_digest,"  # noqa: S608  # constants
            " s.seen_at < now() - interval '1 minute' AS is_stale,"
            " (SELECT l.language FROM payout_user_languages l WHERE l.business_id = s.business_id"
            " AND l.payout_user_id = s.payout_user_id AND l.is_chosen) AS language"
            " FROM businesses b JOIN payout_user_sessions s ON s.business_id = b.id"
            f" {_USER} WHERE b.hash_code = %(code)s AND s.digest = %(digest)s"
            " AND s.seen_at > now() - make_interval(secs => %(idle)s)"
            " AND s.created_at > now() - make_interval(secs => %(longest)s)",
            {"code": hash_code, "digest": digest, "idle": idle_s, "longest": longest_s},
        )
        return await cursor.fetchone()


async def keep_language(
    connection: Connection, business_id: UUID, user_id: UUID, language: str, *, is_chosen: bool
) -> None:
    """Note it, unless it is not chosen and one is that was."""
    await connection.execute(
        "INSERT INTO payout_user_languages AS l (business_id, payout_user_id, language, is_chosen)"
        " VALUES (%(business)s, %(user)s, %(language)s, %(chosen)s)"
        " ON CONFLICT (business_id, payout_user_id)"
        " DO UPDATE SET language = EXCLUDED.language, is_chosen = EXCLUDED.is_chosen"
        " WHERE (EXCLUDED.is_chosen OR NOT l.is_chosen)"
        " AND (l.language, l.is_chosen) <> (EXCLUDED.language, EXCLUDED.is_chosen)",
        {"business": business_id, "user": user_id, "language": language, "chosen": is_chosen},
    )


async def find_language(connection: Connection, business_id: UUID, user_id: UUID) -> str | None:
    cursor = await connection.execute(
        "SELECT language FROM payout_user_languages WHERE business_id = %s AND payout_user_id = %s",
        [business_id, user_id],
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def hold_session(connection: Connection, business_id: UUID, digest: bytes) -> bool:
    """Whether the session is still there; it stays so until this transaction ends."""
    cursor = await connection.execute(
        "UPDATE payout_user_sessions SET seen_at = now() WHERE business_id = %s AND digest = %s",
        [business_id, digest],
    )
    return cursor.rowcount == 1


async def delete_session(connection: Connection, business_id: UUID, digest: bytes) -> None:
    await connection.execute(
        "DELETE FROM payout_user_sessions WHERE business_id = %s AND digest = %s",
        [business_id, digest],
    )


async def delete_by_token(connection: Connection, hash_code: str, digest: bytes) -> None:
    """The same, of whichever business has this code."""
    await connection.execute(
        "DELETE FROM payout_user_sessions s USING businesses b"
        " WHERE b.hash_code = %s AND s.business_id = b.id AND s.digest = %s",
        [hash_code, digest],
    )


async def insert_ticket(
    connection: Connection, business_id: UUID, user_id: UUID, digest: bytes, lasts_s: int
) -> datetime | None:
    """When the ticket ends; None where nobody is to be let in: the payout user is inactive, or
    their hash has expired."""
    cursor = await connection.execute(
        "INSERT INTO redeem_tickets (business_id, digest, payout_user_id, hash_digest, expires_at)"  # noqa: S608  # a constant
        " SELECT u.business_id, %(digest)s, u.id, u.hash_digest,"
        " now() + make_interval(secs => %(lasts)s)"
        " FROM payout_users u JOIN businesses b ON b.id = u.business_id"
        f" WHERE u.business_id = %(business)s AND u.id = %(user)s AND {HASH_LIVES}"
        " RETURNING expires_at",
        {"business": business_id, "user": user_id, "digest": digest, "lasts": lasts_s},
    )
    row = await cursor.fetchone()
    return None if row is None else cast("datetime", row[0])


async def take_ticket(connection: Connection, hash_code: str, digest: bytes) -> UserCaller | None:
    """Whose ticket this is, used up; None where it opens nothing."""
    async with connection.cursor(row_factory=class_row(UserCaller)) as cursor:
        await cursor.execute(
            "WITH s AS (DELETE FROM redeem_tickets t USING businesses b"  # noqa: S608  # a constant
            " WHERE b.hash_code = %(code)s AND t.business_id = b.id AND t.digest = %(digest)s"
            " AND t.expires_at > now()"
            " RETURNING t.business_id, t.payout_user_id, t.hash_digest)"
            " SELECT u.business_id, u.id AS user_id, u.email, u.hash_digest AS digest"
            f" FROM s JOIN businesses b ON b.id = s.business_id {_USER}",
            {"code": hash_code, "digest": digest},
        )
        return await cursor.fetchone()


async def insert_code(
    connection: Connection, business_id: UUID, user_id: UUID, digest: bytes, lasts_s: int
) -> None:
    """A code that opens the page as long as the hash of now does."""
    await connection.execute(
        "INSERT INTO redeem_codes (business_id, digest, payout_user_id, hash_digest, expires_at)"
        " SELECT business_id, %(digest)s, id, hash_digest, now() + make_interval(secs => %(lasts)s)"
        " FROM payout_users WHERE business_id = %(business)s AND id = %(user)s"
        " ON CONFLICT DO NOTHING",
        {"business": business_id, "user": user_id, "digest": digest, "lasts": lasts_s},
    )


async def find_code_user(
    connection: Connection, digests: Sequence[bytes], sender: str | None
) -> UserCaller | None:
    """Whose code this is, by any of these digests. Its business is part of what it says."""
    async with connection.cursor(row_factory=class_row(UserCaller)) as cursor:
        await cursor.execute(
            "SELECT u.business_id, u.id AS user_id, u.email, u.hash_digest AS digest"  # noqa: S608  # a constant
            f" FROM redeem_codes s JOIN businesses b ON b.id = s.business_id {_USER}"
            " WHERE s.digest = ANY(%(digests)s) AND s.expires_at > now()"
            " AND (%(sender)s::text IS NULL OR b.hash_code = %(sender)s) LIMIT 1",
            {"digests": list(digests), "sender": sender},
        )
        return await cursor.fetchone()


async def delete_ended(connection: Connection, idle_s: int) -> int:
    """Forget sessions, tickets and codes that are over by themselves. Across businesses."""
    await connection.execute("DELETE FROM redeem_tickets WHERE expires_at < now()")
    await connection.execute("DELETE FROM redeem_codes WHERE expires_at < now()")
    cursor = await connection.execute(
        "DELETE FROM payout_user_sessions WHERE seen_at < now() - make_interval(secs => %s)",
        [idle_s],
    )
    return cursor.rowcount
