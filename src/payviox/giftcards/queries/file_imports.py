"""The SQL of files of gift cards that are imported, without any code."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.giftcards.model import BadLine, FileImport

CUT_OFF_S = 60
"""An import that said nothing for so long goes on no more: its process has ended."""
KEPT_DAYS = 30
SELECT = (
    "SELECT id, file_name, kind, CASE WHEN status IN ('reading', 'importing')"  # noqa: S608  # constants
    f" AND seen_at < now() - interval '{CUT_OFF_S} seconds' THEN 'cut off' ELSE status END"
    " AS status, refused_why, lines, imported, duplicates, bad, created_by, created_at"
    " FROM gift_card_imports"
)


async def insert(
    connection: Connection,
    business_id: UUID,
    import_id: UUID,
    file_name: str,
    kind: str,
    created_by: str,
) -> None:
    await connection.execute(
        "INSERT INTO gift_card_imports (business_id, id, file_name, kind, created_by)"
        " VALUES (%s, %s, %s, %s, %s)",
        [business_id, import_id, file_name, kind, created_by],
    )


async def find(connection: Connection, business_id: UUID, import_id: UUID) -> FileImport | None:
    async with connection.cursor(row_factory=class_row(FileImport)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %s AND id = %s", [business_id, import_id]
        )
        return await cursor.fetchone()


async def list_latest(connection: Connection, business_id: UUID, limit: int) -> list[FileImport]:
    """The latest first."""
    async with connection.cursor(row_factory=class_row(FileImport)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %s ORDER BY id DESC LIMIT %s", [business_id, limit]
        )
        return await cursor.fetchall()


async def begin(connection: Connection, business_id: UUID, import_id: UUID, lines: int) -> None:
    await connection.execute(
        "UPDATE gift_card_imports SET status = 'importing', lines = %s, seen_at = now()"
        " WHERE business_id = %s AND id = %s",
        [lines, business_id, import_id],
    )


async def note(
    connection: Connection,
    business_id: UUID,
    import_id: UUID,
    imported: int,
    duplicates: int,
    problems: Sequence[BadLine],
) -> None:
    """Write down how far it is, and the bad lines since the last time."""
    await connection.execute(
        "UPDATE gift_card_imports SET imported = %s, duplicates = %s, bad = bad + %s,"
        " seen_at = now() WHERE business_id = %s AND id = %s",
        [imported, duplicates, len(problems), business_id, import_id],
    )
    if problems:
        await connection.execute(
            "INSERT INTO gift_card_import_problems (business_id, import_id, line, reason)"
            " SELECT %s, %s, p.line, p.reason FROM unnest(%s::integer[], %s::text[])"
            " AS p (line, reason) ON CONFLICT DO NOTHING",
            [
                business_id,
                import_id,
                [each.line for each in problems],
                [each.reason for each in problems],
            ],
        )


async def finish(connection: Connection, business_id: UUID, import_id: UUID) -> None:
    await connection.execute(
        "UPDATE gift_card_imports SET status = 'done' WHERE business_id = %s AND id = %s",
        [business_id, import_id],
    )


async def refuse(connection: Connection, business_id: UUID, import_id: UUID, why: str) -> None:
    await connection.execute(
        "UPDATE gift_card_imports SET status = 'refused', refused_why = %s"
        " WHERE business_id = %s AND id = %s",
        [why, business_id, import_id],
    )


async def list_problems(
    connection: Connection, business_id: UUID, import_id: UUID, after: int, limit: int
) -> list[BadLine]:
    """Bad lines after the line `after`, in the file's order."""
    async with connection.cursor(row_factory=class_row(BadLine)) as cursor:
        await cursor.execute(
            "SELECT line, reason FROM gift_card_import_problems"
            " WHERE business_id = %s AND import_id = %s AND line > %s ORDER BY line LIMIT %s",
            [business_id, import_id, after, limit],
        )
        return await cursor.fetchall()


async def forget_old(connection: Connection) -> None:
    """Forget how imports went, some weeks later; the audit keeps that they were made."""
    await connection.execute(
        "DELETE FROM gift_card_imports WHERE created_at < now() - make_interval(days => %s)",
        [KEPT_DAYS],
    )
