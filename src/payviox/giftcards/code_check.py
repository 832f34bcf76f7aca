"""Whether what is stored of gift cards' codes is what the secret keys made of them. Reading only;
no code leaves this module."""

from collections.abc import AsyncIterator
from uuid import UUID

from payviox.db.pool import Connection
from payviox.errors import SettingsError
from payviox.giftcards.queries import rotation as queries
from payviox.giftcards.sealing import earlier_fingerprints, fingerprint, open_codes
from payviox.keyring import DecryptionFailed, Keyring


async def broken_codes(
    connection: Connection, business_id: UUID, keyring: Keyring
) -> AsyncIterator[str]:
    """What is wrong, in words, with each card whose code or PIN cannot be read in its place, or
    whose fingerprint is another code's."""
    async for card in queries.stored_codes(connection, business_id):
        try:
            code, _ = open_codes(keyring, card)
        except (DecryptionFailed, SettingsError):
            yield f"the code or PIN of gift card {card.id} cannot be read with the secret key"
            continue
        kind = (card.brand, card.country, card.currency, card.face_value)
        own = fingerprint(keyring.get(card.key_id), business_id, kind, code)
        known = {own, *earlier_fingerprints(keyring, business_id, kind, code)}
        # A card that was imported twice keeps another fingerprint than its twin's.
        if card.fingerprint not in known and not await queries.has_fingerprint(
            connection, business_id, own
        ):
            yield f"the fingerprint of gift card {card.id} is not its code's"
