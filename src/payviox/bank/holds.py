"""Files that are held since the database was restored: which have left since the backup, only the
bank knows. Nothing is cut or released until what it has said is imported and a person says so.
Database only."""

from uuid import UUID

from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.bank.queries import holds as queries
from payviox.db.pool import Connection
from payviox.errors import Conflict

since = queries.since


class HeldFiles(Conflict):
    message = (
        "The database was restored: which files have left since the backup is not known. Import"
        " what the bank has said since then; `payviox bank after-restore` goes on."
    )


async def require_none(connection: Connection, business_id: UUID) -> None:
    """Raises HeldFiles."""
    if await queries.since(connection, business_id) is not None:
        raise HeldFiles


async def end(connection: Connection, business_id: UUID, actor: Actor) -> None:
    """Let files be cut and released again. Raises Conflict where none are held."""
    held = await queries.since(connection, business_id)
    if held is None:
        raise Conflict("No files of this business are held.")
    await queries.delete(connection, business_id)
    about = {"since": held.isoformat()}
    await audit.record(connection, business_id, actor, "bank_file.end_hold", about)
