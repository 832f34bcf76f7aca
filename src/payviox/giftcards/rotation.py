"""Bringing stored gift cards under the current secret key, chunk by chunk. What is done is in the
rows themselves, so it may be interrupted anywhere and started again."""

from collections.abc import Callable
from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.giftcards.queries import rotation as queries
from payviox.giftcards.sealing import fingerprint, open_codes, seal_codes
from payviox.keyring import Keyring

CHUNK = 500
START = UUID(int=0)


async def reencrypt(
    database: Database, keyring: Keyring, progress: Callable[[int, int], None]
) -> int:
    """Re-encrypt every card whose key is not the current one, and renew its fingerprint; answers
    how many. `progress(done, total)` is told after each chunk.

    Raises SettingsError where a card's key is not configured, DecryptionFailed where a stored code
    was changed; what was done until then is kept.
    """
    numbers = await database.fetch(queries.count_other_keys, keyring.current.id)
    done, total = 0, sum(numbers.values())
    for business_id in numbers:
        after: UUID | None = START
        while after is not None:
            count, after = await database.write(_chunk, keyring, business_id, after)
            done += count
            progress(done, max(done, total))
    return done


async def _chunk(
    connection: Connection, keyring: Keyring, business_id: UUID, after: UUID
) -> tuple[int, UUID | None]:
    """How many cards it was, and the last one, None where there are no more."""
    cards = await queries.lock_other_keys(connection, business_id, keyring.current.id, after, CHUNK)
    for card in cards:
        opened = open_codes(keyring, card)
        code, pin = seal_codes(keyring, card.business_id, card.id, *opened)
        kind = (card.brand, card.country, card.currency, card.face_value)
        await queries.replace_code(
            connection,
            card.business_id,
            card.id,
            code=code,
            pin=pin,
            fingerprint=fingerprint(keyring.current, card.business_id, kind, opened[0]),
            key_id=keyring.current.id,
        )
    return len(cards), cards[-1].id if len(cards) == CHUNK else None
