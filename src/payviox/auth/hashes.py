"""Payout hashes: 8 characters that name the business, then 56 of an HMAC-SHA256 over business,
payout user and generation. The same user has the same hash until it is rotated, no client can
compute it, and the database holds only its digest."""

import hashlib
import hmac
import re
from uuid import UUID

from payviox.keyring import ServerKey

SHAPE = re.compile(r"[0-9a-f]{64}", re.ASCII)


def payout_hash(
    key: ServerKey, hash_code: str, business_id: UUID | str, user_id: UUID | str, generation: int
) -> str:
    """The hash of one payout user's generation: 64 lower-case hex characters."""
    message = f"{business_id}:{user_id}:{generation}".encode()
    return hash_code + hmac.digest(key.hash_key, message, "sha256").hex()[:56]


def digest(value: str) -> bytes:
    """What is stored and looked up in place of a hash or a key. They are too long to guess, so a
    plain SHA-256 is enough."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


def well_formed(value: str) -> bool:
    return SHAPE.fullmatch(value) is not None
