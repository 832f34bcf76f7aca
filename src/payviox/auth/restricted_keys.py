"""Restricted keys: made, shown once, changed, revoked, and what they spend. Database only, in the
caller's transaction, which holds the payout account's lock for all that changes one."""

import secrets
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.auth.hashes import digest
from payviox.auth.keys import BusinessCaller, Mode
from payviox.auth.model import RestrictedKey
from payviox.auth.queries import restricted_keys as queries
from payviox.auth.restrictions import Restrictions, over_limit
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound, Unauthorized

PREFIX = "rk"
MOST = 100
"""So many of a business at once."""

list_of = queries.list_of
update = queries.update
revoke = queries.revoke


class TooManyKeys(Conflict):
    message = f"There are {MOST} restricted keys already. Revoke one first."


async def get(connection: Connection, business_id: UUID, key_id: UUID) -> RestrictedKey:
    """Raises NotFound, also where it is revoked."""
    found = await queries.find(connection, business_id, key_id)
    if found is None:
        raise NotFound(missing=f"restricted key {ids.show(ids.KEY, key_id)}")
    return found


async def create(
    connection: Connection,
    business_id: UUID,
    mode: Mode,
    restrictions: Restrictions,
    made_by: Actor,
) -> tuple[UUID, str]:
    """Make a key; answers its id and the key itself, the only time that it is seen. No other key of
    the business ends as it does, so that what it did is found by that. Raises TooManyKeys."""
    if await queries.count(connection, business_id) >= MOST:
        raise TooManyKeys
    key = _draw(mode)
    while await queries.is_hint_taken(connection, business_id, key[-4:]):
        key = _draw(mode)
    key_id = ids.new()
    await queries.insert(
        connection,
        key_id,
        business_id,
        restrictions,
        digest=digest(key),
        hint=key[-4:],
        made_by=made_by,
    )
    return key_id, key


async def spend(connection: Connection, caller: BusinessCaller, amount: int) -> None:
    """Count so many cents against the caller's limits of today; nothing for a secret key.

    Raises KeyLimit, KeyDailyLimit, and Unauthorized where the key was revoked.
    """
    if caller.restrictions is None:
        return
    key = await queries.find(connection, caller.business_id, caller.key_id)
    if key is None:
        raise Unauthorized
    refused = over_limit(amount, key.spent_today, key.amount_limit, key.daily_limit)
    if refused is not None:
        raise refused
    await queries.spend(connection, caller.business_id, caller.key_id, amount)


def _draw(mode: Mode) -> str:
    return f"{PREFIX}_{mode}_{secrets.token_urlsafe(32)}"
