"""Noticing that the database was restored from a backup, or copied: the stock is held from then on,
and files to banks. Every process asks when it starts, so nothing more is imported. Database only,
in the caller's transaction."""

from payviox.actors import WORKER, Actor
from payviox.audit import service as audit
from payviox.db import origin
from payviox.db.pool import Connection
from payviox.giftcards.queries import restores as queries


async def notice_restore(connection: Connection, folder: str | None) -> bool:
    """Hold every stock where the database was restored or copied since it was last asked; answers
    whether it was."""
    if not await origin.was_moved(connection, folder):
        return False
    await _hold(connection, WORKER)
    return True


async def hold_after_restore(connection: Connection, actor: Actor) -> None:
    """Hold every stock because somebody says that the database was restored."""
    await origin.note_restored(connection)
    await _hold(connection, actor)


async def _hold(connection: Connection, actor: Actor) -> None:
    await queries.hold_bank_files(connection)
    for business_id in await queries.hold_all(connection):
        await audit.record(connection, business_id, actor, "gift_cards.hold")
