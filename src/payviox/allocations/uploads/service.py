"""Reading uploads and their rows."""

from datetime import datetime
from uuid import UUID

from payviox import ids
from payviox.allocations.queries import upload_rows as rows_queries
from payviox.allocations.queries import uploads as queries
from payviox.allocations.uploads.model import Upload, UploadRow
from payviox.allocations.uploads.paying import key_prefix
from payviox.db.pool import Connection
from payviox.errors import NotFound

__all__ = [
    "delete_unconfirmed",
    "find",
    "find_recent",
    "find_same_file",
    "get",
    "list_asked",
    "list_bad",
    "list_doubtful",
    "list_page",
    "list_results",
    "list_rows",
    "plan",
]

delete_unconfirmed = queries.delete_unconfirmed
find = queries.find
list_asked = queries.list_asked
list_page = queries.list_page
list_rows = rows_queries.list_page
plan = rows_queries.plan


async def get(connection: Connection, business_id: UUID, upload_id: UUID) -> Upload:
    """Raises NotFound."""
    upload = await queries.find(connection, business_id, upload_id)
    if upload is None:
        raise NotFound(missing=f"upload {ids.show(ids.UPLOAD, upload_id)}")
    return upload


async def find_same_file(
    connection: Connection, business_id: UUID, upload: Upload
) -> Upload | None:
    """The latest other upload of the very same file that was confirmed."""
    return await queries.find_same_file(connection, business_id, upload.id, upload.file_digest)


async def find_recent(
    connection: Connection, business_id: UUID, user_id: UUID, amount: int
) -> datetime | None:
    """When somebody last got the same amount within a few days, None where they did not."""
    wanted = [{"n": 0, "u": user_id, "a": amount}]
    return (await rows_queries.recent(connection, business_id, wanted)).get(0)


async def list_bad(
    connection: Connection, business_id: UUID, upload_id: UUID, limit: int
) -> list[UploadRow]:
    """The first rows that cannot be paid."""
    return await list_rows(connection, business_id, upload_id, bad=True, limit=limit)


async def list_doubtful(
    connection: Connection, business_id: UUID, upload_id: UUID, limit: int
) -> list[UploadRow]:
    """The first rows that may have been paid already."""
    return await list_rows(connection, business_id, upload_id, doubtful=True, limit=limit)


async def list_results(
    connection: Connection, business_id: UUID, upload_id: UUID, after: int, limit: int
) -> list[UploadRow]:
    """The next rows after the row `after`, each with the transfer that paid it."""
    prefix = key_prefix(upload_id)
    return await rows_queries.list_results(connection, business_id, upload_id, prefix, after, limit)
