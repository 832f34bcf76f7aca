"""Bringing stored gift cards under the current secret key, chunk by chunk. What is done is in the
rows themselves, so it may be interrupted anywhere and started again."""

from collections.abc import Callable
from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.giftcards.queries import rotation as queries
from payviox.giftcards.sealing import fingerprint, open_codes, seal_codes
from payviox.keyring import Keyring

CHUNK = 500
START: queries.Place = (UUID(int=0), UUID(int=0))


async def reencrypt(
    database: Database, keyring: Keyring, progress: Callable[[int, int], None]
) -> int:
    """Re-encrypt every card whose key is not the current one, and renew its fingerprint; answers
    how many. `progress(done, total)` is told after each chunk.

    Raises SettingsError where a card's key is not configured, DecryptionFailed where a stored code
    was changed; what was done until then is kept.
    """
    key_id = keyring.current.id
    total = await database.fetch(queries.count_other_keys, key_id)
    done, after = 0, START
    while True:
        count, after = await database.write(
            lambda connection, after=after: _chunk(connection, keyring, after)  # type: ignore[misc]  # a default binds the place
        )
        if not count:
            return done
        done += count
        progress(done, max(done, total))


async def _chunk(
    connection: Connection, keyring: Keyring, after: queries.Place
) -> tuple[int, queries.Place]:
    cards = await queries.lock_other_keys(connection, keyring.current.id, after, CHUNK)
    for card in cards:
        opened = open_codes(keyring, card)
        code, pin = seal_codes(keyring, card.business_id, card.id, *opened)
        kind = (card.brand, card.country, card.currency, card.face_value)
        after = (card.business_id, card.id)
        await queries.replace_code(
            connection,
            after,
            code=code,
            pin=pin,
            fingerprint=fingerprint(keyring.current, card.business_id, kind, opened[0]),
            key_id=keyring.current.id,
        )
    return len(cards), after
