"""Checking an uploaded file: every row is looked at, in the file and against what the database
knows, before anything moves. Rows are written chunk by chunk; nothing is paid here."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from payviox import ids
from payviox.actors import Actor
from payviox.allocations.queries import upload_rows as rows_queries
from payviox.allocations.queries import uploads as queries
from payviox.allocations.uploads import columns as naming
from payviox.allocations.uploads.model import Chunk, Field, Opened, ReadRow
from payviox.allocations.uploads.reading import read_file
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, NotFound
from payviox.rights import service as rights
from payviox.tables.cells import FileRefused, name_of

INACTIVE = "This payout user is inactive."
OnRows = Callable[[int], object]
"""Is told how many rows are checked."""


def _pass_over(_: int) -> None:
    pass


class ColumnsChosen(Conflict):
    message = "The columns of this upload were chosen already."


async def receive(
    connection: Connection, business_id: UUID, file_name: str, content: bytes, actor: Actor
) -> UUID:
    """Note that a file came; answers its upload's id. Raises Forbidden."""
    await rights.require(connection, business_id, actor, "allocation.create")
    name = name_of(file_name)
    upload_id = ids.new()
    digest = hashlib.sha256(content).digest()
    await queries.insert(connection, business_id, upload_id, name, digest, actor)
    return upload_id


async def check(
    database: Database,
    business_id: UUID,
    upload_id: UUID,
    content: bytes,
    on_rows: OnRows = _pass_over,
) -> None:
    """Read a file that was received and check its rows; where its columns are not known it is kept
    until a person names them. Raises FileRefused: nothing is left of it then."""
    await _check(database, business_id, upload_id, content, None, on_rows)


async def choose_columns(
    database: Database,
    business_id: UUID,
    upload_id: UUID,
    columns: Mapping[Field, int],
    actor: Actor,
    on_rows: OnRows = _pass_over,
) -> None:
    """Check a kept file by these columns. Raises Forbidden, NotFound, ColumnsChosen, and
    FileRefused: where the choice is at fault, the file is still there."""
    content = await database.write(_take_file, business_id, upload_id, columns, actor)
    await _check(database, business_id, upload_id, content, columns, on_rows)


async def _take_file(
    connection: Connection,
    business_id: UUID,
    upload_id: UUID,
    columns: Mapping[Field, int],
    actor: Actor,
) -> bytes:
    await rights.require(connection, business_id, actor, "allocation.create")
    upload = await queries.find(connection, business_id, upload_id, lock=True)
    if upload is None:
        raise NotFound
    content = await queries.take_file(connection, business_id, upload_id)
    if upload.status != "unmapped" or content is None:
        raise ColumnsChosen
    naming.check(columns, upload.header)
    await queries.set_head(
        connection, business_id, upload_id, "checking", upload.header, upload.sheet, columns
    )
    return content


async def _check(
    database: Database,
    business_id: UUID,
    upload_id: UUID,
    content: bytes,
    columns: Mapping[Field, int] | None,
    on_rows: OnRows,
) -> None:
    rows = 0
    try:
        async with aclosing(read_file(content, columns)) as frames:
            async for frame in frames:
                if isinstance(frame, Opened):
                    head = frame
                    await _note_head(database, business_id, upload_id, head, content)
                elif isinstance(frame, Chunk):
                    await _keep_rows(database, business_id, upload_id, frame.rows)
                    rows += len(frame.rows)
                    on_rows(rows)
    except FileRefused:
        await database.write(queries.delete, business_id, upload_id)
        raise
    if head.columns is not None:
        await database.write(queries.set_checked, business_id, upload_id)


async def _note_head(
    database: Database, business_id: UUID, upload_id: UUID, head: Opened, content: bytes
) -> None:
    async def work(connection: Connection) -> None:
        known = head.columns is not None
        await queries.set_head(
            connection,
            business_id,
            upload_id,
            "checking" if known else "unmapped",
            head.header,
            head.sheet,
            head.columns if head.columns is not None else head.guesses,
        )
        if not known:
            await queries.keep_file(connection, business_id, upload_id, content)

    await database.write(work)


async def _keep_rows(
    database: Database, business_id: UUID, upload_id: UUID, rows: Sequence[ReadRow]
) -> None:
    async with database.engine() as connection:
        checked = await _look_up(connection, business_id, rows)
    await database.write(rows_queries.insert, business_id, upload_id, checked)


async def _look_up(
    connection: Connection, business_id: UUID, rows: Sequence[ReadRow]
) -> list[dict[str, Any]]:
    """The rows with what the database knows of their people and of what these were paid."""
    sound = [row for row in rows if row.problem is None]
    emails = sorted({str(row.email) for row in sound})
    users = await rows_queries.known_users(connection, business_id, emails)
    wanted = [{"n": row.number, "f": row.fingerprint, "o": row.occurrence} for row in sound]
    earlier = await rows_queries.earlier(connection, business_id, wanted)
    maybe = [
        {"n": row.number, "u": users[str(row.email)][0], "a": row.amount}
        for row in sound
        if str(row.email) in users and row.number not in earlier
    ]
    recent = await rows_queries.recent(connection, business_id, maybe)
    return [
        _known(row, users.get(str(row.email)), earlier.get(row.number), recent.get(row.number))
        for row in rows
    ]


def _known(
    row: ReadRow,
    user: tuple[UUID, bool] | None,
    earlier: UUID | None,
    recent: datetime | None,
) -> dict[str, Any]:
    problem = row.problem
    if problem is None and user is not None and not user[1]:
        problem = INACTIVE
    return {
        **msgspec.structs.asdict(row),
        "problem": problem,
        "earlier": earlier,
        "recent": recent,
        "is_new": user is None,
    }
