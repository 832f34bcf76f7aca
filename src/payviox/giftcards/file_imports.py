"""Imports of files that pages follow: how far each is, and which lines were bad. Of a file, nothing
is kept but its cards."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.db.pool import Connection, Database
from payviox.errors import Forbidden, NotFound
from payviox.giftcards import files, importing
from payviox.giftcards.csv_file import NoCardsError
from payviox.giftcards.importing import Imported
from payviox.giftcards.model import FileImport
from payviox.giftcards.queries import file_imports as queries
from payviox.keyring import Keyring
from payviox.rights import service as rights
from payviox.tables.cells import FileRefused, name_of
from payviox.tables.process import is_excel

list_problems = queries.list_problems
list_latest = queries.list_latest
forget_old = queries.forget_old


async def receive(
    connection: Connection, business_id: UUID, file_name: str, content: bytes, actor: Actor
) -> UUID:
    """Note that a file came; answers its import's id. Raises Forbidden and FileRefused."""
    await rights.require(connection, business_id, actor, "gift_cards.import")
    name = name_of(file_name)
    import_id = ids.new()
    kind = "xlsx" if is_excel(content) else "csv"
    await queries.insert(connection, business_id, import_id, name, kind, actor)
    return import_id


async def run(
    database: Database,
    keyring: Keyring,
    business_id: UUID,
    import_id: UUID,
    content: bytes,
    actor: Actor,
    on_added: Callable[[Connection], Awaitable[object]],
) -> None:
    """Import a file that was received. What is good is kept whatever ends it; the same file again
    adds what is missing."""
    try:
        lines = await files.read_lines(content)
        await database.write(queries.begin, business_id, import_id, len(lines))
        noted = 0

        async def note(sums: Imported) -> None:
            nonlocal noted
            await database.write(
                queries.note,
                business_id,
                import_id,
                sums.imported,
                sums.duplicates,
                sums.bad[noted:],
            )
            noted = len(sums.bad)

        await importing.import_cards(database, keyring, business_id, lines, actor, note, on_added)
    except (FileRefused, NoCardsError, Forbidden) as error:
        await database.write(queries.refuse, business_id, import_id, str(error))
        return
    await database.write(queries.finish, business_id, import_id)


async def get(connection: Connection, business_id: UUID, import_id: UUID) -> FileImport:
    """Raises NotFound."""
    found = await queries.find(connection, business_id, import_id)
    if found is None:
        raise NotFound(missing=f"import {ids.show(ids.CARD_IMPORT, import_id)}")
    return found
