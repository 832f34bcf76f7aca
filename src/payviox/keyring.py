"""The installation's secret keys: what is derived from them, and encryption at rest. A key is named
by a public id, stored beside whatever it made, so that keys can be rotated one row at a time."""

import secrets
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from payviox.errors import SettingsError

NONCE_BYTES = 12


class DecryptionFailed(Exception):
    """The stored bytes were not made by this key for this place."""


def flaw(secret: str) -> str | None:
    """Why a secret key should not be taken into use, as a clause; None where it may. One with such
    characters is not the same wherever it is written: files and lists cut it there."""
    if not secret.isprintable():
        return "holds a line end or another character that cannot be printed"
    if secret != secret.strip():
        return "begins or ends with a blank"
    if "," in secret:
        return "holds a comma, which separates keys in PAYVIOX_PREVIOUS_SECRET_KEYS"
    return "begins with a bracket" if secret.startswith("[") else None


@dataclass(frozen=True)
class ServerKey:
    """One secret key and what is derived from it (HKDF-SHA256, RFC 5869)."""

    secret: str = field(repr=False)

    @cached_property
    def id(self) -> str:
        """A public name: 8 hex characters, safe to store and log."""
        return self._derive("key id", 4).hex()

    @cached_property
    def hash_key(self) -> bytes:
        return self._derive("payout hash", 32)

    @cached_property
    def fingerprint_key(self) -> bytes:
        return self._derive("fingerprint", 32)

    @cached_property
    def link_key(self) -> bytes:
        return self._derive("link by mail", 32)

    @cached_property
    def seal_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._derive("ledger seal", 32))

    @cached_property
    def seal_public_key(self) -> bytes:
        """32 bytes with which anybody can check the seals of this key."""
        return self.seal_key.public_key().public_bytes_raw()

    @cached_property
    def cipher(self) -> AESGCM:
        return AESGCM(self._derive("encryption at rest", 32))

    def _derive(self, purpose: str, length: int) -> bytes:
        kdf = HKDF(SHA256(), length=length, salt=b"payviox", info=purpose.encode())
        return kdf.derive(self.secret.encode())


class Keyring:
    """The current key and the previous ones that rows may still name."""

    def __init__(self, secret_key: str, previous: tuple[str, ...] = ()) -> None:
        self.current = ServerKey(secret_key)
        self._by_id = {key.id: key for key in (self.current, *map(ServerKey, previous))}

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(self._by_id)

    def get(self, key_id: str) -> ServerKey:
        """The key of this id. Raises SettingsError where it is not configured."""
        key = self._by_id.get(key_id)
        if key is None:
            raise SettingsError(
                f"Stored data was made with the secret key {key_id}, which is not configured: add "
                "it to PAYVIOX_PREVIOUS_SECRET_KEYS."
            )
        return key

    def encrypt(self, plain: bytes, place: str) -> bytes:
        """AES-256-GCM under the current key, bound to `place` (a row's table and id)."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self.current.cipher.encrypt(nonce, plain, place.encode())

    def decrypt(self, stored: bytes, key_id: str, place: str) -> bytes:
        """The plain bytes. Raises DecryptionFailed where they were not stored at `place`."""
        cipher = self.get(key_id).cipher
        try:
            return cipher.decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: too short to be a ciphertext
            raise DecryptionFailed(f"what is stored at {place} cannot be decrypted") from error
