"""Taking unspent money back from payout users, and changing what allocations to them depend on: all
under the payout account's lock, so that no allocation commits under the old state. Database only;
amounts are US cents."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from payviox.allocations import queries
from payviox.auth.hashes import digest, payout_hash
from payviox.auth.keyring import Keyring
from payviox.businesses import service as businesses
from payviox.db.pool import Connection, Database
from payviox.errors import InsufficientBalance, NotFound
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT, InsufficientFunds, Posting, Transfer, user
from payviox.payout_users import service as payout_users
from payviox.payout_users.model import PayoutUser, Status

EXPIRY_GROUP = 100
"""Balances expired in one commit: its payout lock keeps allocations waiting."""


async def revoke(
    connection: Connection, business_id: UUID, user_id: UUID, amount: int, actor: str
) -> Transfer:
    """Take unspent cents back to the payout balance. Raises NotFound, InsufficientBalance."""
    await payout_users.get(connection, business_id, user_id)
    posting = Posting("revocation", amount, user(user_id), PAYOUT, actor=actor)
    try:
        return (await ledger.post(connection, business_id, [posting]))[0]
    except InsufficientFunds as error:
        raise InsufficientBalance from error


async def set_status(
    connection: Connection, business_id: UUID, user_id: UUID, status: Status, actor: str
) -> PayoutUser:
    """Activate or deactivate a payout user. An inactive one's hash opens nothing and nothing can be
    allocated to them; their open orders go on. Raises NotFound."""
    await ledger.lock(connection, business_id, [PAYOUT])
    await payout_users.get(connection, business_id, user_id)
    if await payout_users.set_status(connection, business_id, user_id, status):
        detail = {"user_id": str(user_id), "status": status}
        await businesses.audit(connection, business_id, actor, "payout_user.status", detail)
    return await payout_users.get(connection, business_id, user_id)


async def rotate_hash(
    connection: Connection, keyring: Keyring, business_id: UUID, user_id: UUID, actor: str
) -> str:
    """A new hash, shown by this answer and by every allocation from now on; the old one stops with
    the commit. Raises NotFound."""
    await ledger.lock(connection, business_id, [PAYOUT])
    source = await payout_users.next_generation(connection, business_id, user_id)
    if source is None:
        raise NotFound
    key = keyring.current
    made = payout_hash(key, source.hash_code, business_id, user_id, source.hash_generation)
    await payout_users.set_digest(connection, business_id, user_id, key.id, digest(made))
    detail = {"user_id": str(user_id), "generation": source.hash_generation}
    await businesses.audit(connection, business_id, actor, "payout_user.hash_rotated", detail)
    return made


async def expire_balances(database: Database, limit: int = 1_000) -> int:
    """Take back the balances whose last allocation is older than their business's lifetime, at most
    `limit` of them; answers how many."""
    due = await database.fetch(lambda connection: queries.find_expired(connection, limit))
    count = 0
    for business_id, users in groupby(due, key=lambda pair: pair[0]):
        ids = [user_id for _, user_id in users]
        for start in range(0, len(ids), EXPIRY_GROUP):
            count += await _expire(database, business_id, ids[start : start + EXPIRY_GROUP])
    return count


async def _expire(database: Database, business_id: UUID, user_ids: Sequence[UUID]) -> int:
    async def work(connection: Connection) -> int:
        names = {user_id: user(user_id) for user_id in user_ids}
        accounts = await ledger.lock(connection, business_id, [PAYOUT, *names.values()])
        # Looked at again under the lock: an allocation may have come in between.
        due = await queries.still_expired(connection, business_id, user_ids)
        postings = [
            Posting("expiry", accounts[names[user_id]].balance, names[user_id], PAYOUT, actor="expiry")
            for user_id in due
        ]
        await ledger.post(connection, business_id, postings)
        return len(postings)

    return await database.write(work)
