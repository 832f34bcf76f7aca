"""Sealing and opening codes, and the fingerprint by which a code imported twice is found."""

import hmac
import re
import unicodedata
from uuid import UUID

from payviox import ids
from payviox.giftcards.codes import comparable
from payviox.giftcards.model import CardRow, SealedCard, StoredCode
from payviox.keyring import Keyring, ServerKey

Kind = tuple[str, str, str, int]
"""Brand, country, currency, face value."""

_PUNCTUATION = re.compile(r"[\s\-\u2010-\u2015]+")


def fingerprint(key: ServerKey, business_id: UUID, kind: Kind, code: str) -> bytes:
    """HMAC-SHA256 over business, kind of card and comparable code. Name and price are left out, so
    that a card imported again at another price is found."""
    return _fingerprint(key, business_id, kind, comparable(code))


def earlier_fingerprints(
    keyring: Keyring, business_id: UUID, kind: Kind, code: str
) -> tuple[bytes, ...]:
    """What the same card has where it was imported under a previous secret key, or before codes
    were compared without all of their punctuation."""
    before = _PUNCTUATION.sub("", unicodedata.normalize("NFKC", code)).casefold()
    keys = [keyring.get(key_id) for key_id in sorted(keyring.ids)]
    return (
        *(_fingerprint(key, business_id, kind, before) for key in keys),
        *(fingerprint(key, business_id, kind, code) for key in keys if key != keyring.current),
    )


def _fingerprint(key: ServerKey, business_id: UUID, kind: Kind, code: str) -> bytes:
    brand, country, currency, face_value = kind
    parts = [str(business_id), brand.casefold(), country, currency, str(face_value)]
    return hmac.digest(key.fingerprint_key, "\0".join([*parts, code]).encode(), "sha256")


def seal(keyring: Keyring, business_id: UUID, row: CardRow) -> SealedCard:
    """The row as it may be stored, under the current key."""
    card_id = ids.new()
    code, pin = seal_codes(keyring, business_id, card_id, row.code, row.pin)
    kind = (row.product.brand, row.product.country, row.product.currency, row.product.face_value)
    return SealedCard(
        card_id,
        row.product,
        code,
        pin,
        keyring.current.id,
        fingerprint(keyring.current, business_id, kind, row.code),
        earlier_fingerprints(keyring, business_id, kind, row.code),
        row.expires_on,
    )


def seal_codes(
    keyring: Keyring, business_id: UUID, card_id: UUID, code: str, pin: str | None
) -> tuple[bytes, bytes | None]:
    """Code and PIN encrypted, each bound to its row and column."""
    place = f"gift_cards:{business_id}:{card_id}"
    return (
        keyring.encrypt(code.encode(), f"{place}:code"),
        None if pin is None else keyring.encrypt(pin.encode(), f"{place}:pin"),
    )


def open_codes(keyring: Keyring, stored: StoredCode) -> tuple[str, str | None]:
    """Code and PIN. Raises DecryptionFailed where the bytes were changed or stand in another row's
    place, SettingsError where their key is not configured."""
    place = f"gift_cards:{stored.business_id}:{stored.id}"
    pin = stored.pin
    return (
        keyring.decrypt(stored.code, stored.key_id, f"{place}:code").decode(),
        None if pin is None else keyring.decrypt(pin, stored.key_id, f"{place}:pin").decode(),
    )
