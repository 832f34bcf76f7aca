"""API keys: made, shown once, regenerated; found again by their digest."""

import secrets
from typing import Literal
from uuid import UUID

import msgspec

from payviox import actors, ids
from payviox.actors import Actor
from payviox.auth.hashes import digest
from payviox.auth.queries import credentials as queries
from payviox.auth.queries import restricted_keys as restricted
from payviox.auth.restrictions import Restrictions, Scope
from payviox.db.pool import Connection
from payviox.errors import Conflict, Unauthorized

Kind = Literal["secret", "public"]
Mode = Literal["live", "test"]
KINDS: tuple[Kind, Kind] = ("secret", "public")
list_live = queries.list_live_keys
list_of = queries.list_keys_of

PREFIX = {"secret": "sk", "public": "pk"}


class KeyChanged(Conflict):
    message = "This key was changed while the call ran. Nothing was done; call again"


class BusinessCaller(msgspec.Struct, frozen=True):
    """A business calling with its secret key, or with a restricted one: that has `restrictions`."""

    business_id: UUID
    key_id: UUID
    hint: str = ""
    """The key's last characters."""
    restrictions: Restrictions | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the key has this scope: the secret key has all."""
        return self.restrictions is None or scope in self.restrictions.scopes

    @property
    def actor(self) -> Actor:
        return actors.key(self.hint)


async def create(connection: Connection, business_id: UUID, mode: Mode, kind: Kind) -> str:
    """Make the business's key of this kind and answer it: the only time that it is seen.

    An older key of the kind stops with this transaction. The caller holds the payout account's
    lock, so that no allocation commits under the old key afterwards. No other key of the business
    ends as it does: a restricted one is known by that.
    """
    key = _draw(kind, mode)
    while await restricted.is_hint_taken(connection, business_id, key[-4:]):
        key = _draw(kind, mode)
    await queries.revoke_key(connection, business_id, kind)
    await queries.insert_key(connection, ids.new(), business_id, kind, digest(key), key[-4:])
    return key


def _draw(kind: Kind, mode: Mode) -> str:
    return f"{PREFIX[kind]}_{mode}_{secrets.token_urlsafe(32)}"


async def revoke_all(connection: Connection, business_id: UUID) -> int:
    """Stop the business's keys without new ones; answers how many. The caller holds the payout
    account's lock."""
    kinds = (*KINDS, "restricted")
    return sum([await queries.revoke_key(connection, business_id, kind) for kind in kinds])


async def find_business(connection: Connection, key: str) -> BusinessCaller | None:
    """Who holds this secret or restricted key; None for anything else, found out by the same one
    look-up."""
    row = await queries.find_key(connection, digest(key))
    if row is None or row.kind == "public":
        return None
    return BusinessCaller(row.business_id, row.id, row.hint, row.restrictions)


async def is_live(connection: Connection, business_id: UUID, key: str) -> bool:
    """Whether this is the business's key now, of either kind."""
    row = await queries.find_key(connection, digest(key))
    return row is not None and row.business_id == business_id


async def require_live(connection: Connection, caller: BusinessCaller) -> None:
    """Check at the end of a write that its key still lives, and hold it so until the commit: a key
    that was regenerated while the write waited does nothing any more. Raises Unauthorized, and
    KeyChanged where it may do something else by now."""
    row = await queries.lock_key(connection, caller.key_id)
    if row is None:
        raise Unauthorized
    if row.restrictions != caller.restrictions:
        raise KeyChanged
