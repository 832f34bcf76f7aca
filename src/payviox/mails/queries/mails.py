"""The outbox of mails: putting in, claiming what is due, and what came of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox.db.pool import Connection
from payviox.mails.model import INSTALLATION, URGENT, Claim, Mail, NewMail, Status

COLUMNS = (
    "id, business_id, event, recipient, message, facts, status, attempts, due_at, handed_at,"
    " number, answer, created_at, ended_at"
)

AHEAD = timedelta(days=3)
"""How much earlier than it is put in an urgent mail is due: nothing else waits for so long."""


async def insert_all(
    connection: Connection, business_id: UUID | None, mails: Sequence[tuple[UUID, NewMail]]
) -> bool:
    """Whether any was not there yet."""
    rows = [
        {
            "i": str(mail_id),
            "e": mail.event,
            "r": mail.recipient,
            "m": mail.message,
            "f": dict(mail.facts),
            "w": (mail.wait - AHEAD * (mail.message in URGENT)).total_seconds(),
        }
        for mail_id, mail in mails
    ]
    cursor = await connection.execute(
        "INSERT INTO mails (id, business_id, event, recipient, message, facts, due_at)"
        " SELECT n.i, %s::uuid, n.e, n.r, n.m, n.f, now() + make_interval(secs => n.w)"
        " FROM jsonb_to_recordset(%s) AS n(i uuid, e text, r text, m text, f jsonb, w float)"
        " ON CONFLICT DO NOTHING",
        [business_id, Jsonb(rows)],
    )
    return cursor.rowcount > 0


async def due_businesses(connection: Connection) -> list[UUID]:
    """Whose mails are due."""
    cursor = await connection.execute(
        "SELECT DISTINCT coalesce(business_id, %s) FROM mails"
        " WHERE status = 'queued' AND due_at <= now()",
        [INSTALLATION],
    )
    return [UUID(str(row[0])) for row in await cursor.fetchall()]


async def give_up(connection: Connection, business_id: UUID, age: timedelta, answer: str) -> None:
    """What is due and older than that fails, save what was sent anew."""
    await connection.execute(
        "UPDATE mails SET status = 'failed', answer = %(answer)s, due_at = NULL, handed_at = NULL,"
        " ended_at = now() WHERE status = 'queued' AND due_at <= now() AND number = 1"
        " AND coalesce(business_id, %(installation)s) = %(business)s"
        " AND created_at < now() - %(age)s",
        {"answer": answer, "installation": INSTALLATION, "business": business_id, "age": age},
    )


async def claim(
    connection: Connection, business_id: UUID, lease: timedelta, limit: int
) -> list[Claim]:
    """The mails that are due for longest, kept from others by a later due time."""
    async with connection.cursor(row_factory=class_row(Claim)) as cursor:
        await cursor.execute(
            "WITH due AS MATERIALIZED (SELECT id AS due_id, due_at AS was_due_at FROM mails"  # noqa: S608  # constants
            " WHERE status = 'queued' AND due_at <= now()"
            " AND coalesce(business_id, %(installation)s) = %(business)s"
            " ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED),"
            " claimed AS (UPDATE mails SET due_at = now() + %(lease)s"
            " FROM due WHERE id = due_id RETURNING mails.*, was_due_at)"
            f" SELECT {COLUMNS}, was_due_at FROM claimed ORDER BY was_due_at, id",
            {
                "lease": lease,
                "installation": INSTALLATION,
                "business": business_id,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def end(
    connection: Connection, mail_id: UUID, status: Status, answer: str | None = None
) -> None:
    """It is sent, failed or not wanted any more."""
    await connection.execute(
        "UPDATE mails SET status = %s, answer = %s, due_at = NULL, handed_at = NULL,"
        " ended_at = now()"
        " WHERE id = %s AND status = 'queued'",
        [status, answer, mail_id],
    )


async def hand_over(
    connection: Connection, mail: Claim, lease: timedelta
) -> tuple[datetime, bool] | None:
    """One attempt more: from now on the mail server may have it; answers until when others are kept
    away, and whether nothing more is sent to its address; None where the claim has lapsed."""
    cursor = await connection.execute(
        "WITH known AS MATERIALIZED (SELECT count(*) > 0 AS is_unreached FROM mail_addresses"
        "   WHERE business_id = %s AND email = %s)"
        " UPDATE mails SET handed_at = now(), due_at = now() + %s, attempts = attempts + 1"
        " FROM known WHERE id = %s AND status = 'queued' AND due_at = %s"
        " RETURNING due_at, is_unreached",
        [mail.business_id, mail.recipient, lease, mail.id, mail.due_at],
    )
    return cast("tuple[datetime, bool] | None", await cursor.fetchone())


async def try_again(
    connection: Connection, mail: Claim, again_in: timedelta, answer: str, *, is_unknown: bool
) -> datetime | None:
    """Where the outcome `is_unknown`, the mail server may still have it, otherwise as far as it may
    have had it before. Answers when it is due, None where it has ended."""
    cursor = await connection.execute(
        "UPDATE mails SET due_at = now() + %s, answer = %s,"
        " handed_at = CASE WHEN %s THEN handed_at ELSE %s END"
        " WHERE id = %s AND status = 'queued' RETURNING due_at",
        [again_in, answer, is_unknown, mail.handed_at, mail.id],
    )
    row = await cursor.fetchone()
    return None if row is None else cast("datetime", row[0])


async def hand_back(connection: Connection, mails: Sequence[Claim]) -> None:
    """Let go of claims: all is as it was before, and the attempts were none."""
    await connection.execute(
        "UPDATE mails m SET due_at = c.was_due_at, attempts = c.attempts, handed_at = c.handed_at"
        " FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::int[],"
        " %s::timestamptz[]) AS c(id, due_at, was_due_at, attempts, handed_at)"
        " WHERE m.id = c.id AND m.status = 'queued' AND m.due_at = c.due_at",
        [
            [mail.id for mail in mails],
            [mail.due_at for mail in mails],
            [mail.was_due_at for mail in mails],
            [mail.attempts for mail in mails],
            [mail.handed_at for mail in mails],
        ],
    )


async def find_latest(connection: Connection, events: Sequence[str]) -> list[Mail]:
    """The installation's mails about these events."""
    async with connection.cursor(row_factory=class_row(Mail)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM mails WHERE business_id IS NULL AND event = ANY(%s)"  # noqa: S608  # constants
            " ORDER BY created_at, id",
            [list(events)],
        )
        return await cursor.fetchall()


async def list_page(connection: Connection, status: Status | None, limit: int) -> list[Mail]:
    """The newest first."""
    async with connection.cursor(row_factory=class_row(Mail)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM mails WHERE (%(status)s::text IS NULL OR status = %(status)s)"  # noqa: S608  # constants
            " ORDER BY id DESC LIMIT %(limit)s",
            {"status": status, "limit": limit},
        )
        return await cursor.fetchall()


async def count_sent(
    connection: Connection, business_id: UUID, recipient: str, messages: Sequence[str]
) -> int:
    """How many of these a business has sent somebody within the hour."""
    cursor = await connection.execute(
        "SELECT count(*) FROM mails WHERE business_id = %s AND recipient = %s"
        " AND message = ANY(%s) AND status = 'sent' AND ended_at > now() - interval '1 hour'",
        [business_id, recipient, list(messages)],
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(str(row[0]))


async def delete_ended(connection: Connection, days: int, limit: int) -> int:
    cursor = await connection.execute(
        "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE status <> 'queued'"
        " AND ended_at < now() - make_interval(days => %s) ORDER BY ended_at LIMIT %s)",
        [days, limit],
    )
    return cursor.rowcount
