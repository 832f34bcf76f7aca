"""Payout users calling with a hash."""

from payviox.auth.hashes import digest, well_formed
from payviox.auth.queries import credentials as queries
from payviox.auth.queries.credentials import UserCaller
from payviox.db.pool import Connection
from payviox.errors import Unauthorized

__all__ = ["UserCaller", "find_user", "require_live"]

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
