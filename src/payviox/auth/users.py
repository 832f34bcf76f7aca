"""Payout users calling with a hash."""

from collections.abc import AsyncIterator
from uuid import UUID

from payviox.auth.hashes import digest, payout_hash, well_formed
from payviox.auth.queries import credentials as queries
from payviox.auth.queries.credentials import UserCaller
from payviox.db.pool import Connection
from payviox.errors import SettingsError, Unauthorized
from payviox.keyring import Keyring

__all__ = ["UserCaller", "broken_hashes", "find_user", "require_live"]

NOBODYS = ""
"""Looked up in place of what is no hash, and may hold what PostgreSQL's text cannot."""


async def find_user(connection: Connection, payout_hash: str) -> UserCaller | None:
    """Whose hash this is: an active payout user's and not expired, or None. Anything malformed
    takes the same one look-up."""
    if not well_formed(payout_hash):
        payout_hash = NOBODYS
    return await queries.find_user(connection, payout_hash[:8], digest(payout_hash))


async def require_live(connection: Connection, caller: UserCaller) -> None:
    """Check at the end of a write that the hash it came with still opens, and hold it so until the
    commit: one that was rotated, switched off or ran out while the write waited does nothing any
    more. Raises Unauthorized."""
    if not await queries.lock_live_user(connection, caller):
        raise Unauthorized


async def broken_hashes(
    connection: Connection, business_id: UUID, keyring: Keyring
) -> AsyncIterator[tuple[str, UUID]]:
    """(What is wrong, the payout user) where a hash's digest is not what its key derives."""
    async for stored in queries.stored_hashes(connection, business_id):
        try:
            key = keyring.get(stored.key_id)
        except SettingsError:
            yield f"the hash is of the secret key {stored.key_id}, unknown here", stored.user_id
            continue
        derived = payout_hash(key, stored.hash_code, business_id, stored.user_id, stored.generation)
        if digest(derived) != stored.digest:
            yield "the hash's digest is not what the secret key derives", stored.user_id
