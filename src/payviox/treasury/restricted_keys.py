"""Making, changing and revoking restricted keys: each under the payout account's lock, so that no
allocation commits by what a key may do no more. Database only, in the caller's transaction."""

from uuid import UUID

import msgspec

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.auth import restricted_keys as keys
from payviox.auth import restrictions
from payviox.auth.keys import Mode
from payviox.auth.model import RestrictedKey
from payviox.auth.restrictions import Restrictions
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT

list_of = keys.list_of
get = keys.get


class NewKey(msgspec.Struct, frozen=True):
    """A restricted key just made, and the key itself: the only time that it is seen."""

    key: RestrictedKey
    secret: str


async def create(
    connection: Connection, business_id: UUID, wanted: Restrictions, actor: Actor
) -> NewKey:
    """Make a restricted key. Raises FieldErrors and TooManyKeys."""
    wanted = restrictions.checked(wanted)
    business = await businesses.get(connection, business_id)
    await ledger.lock(connection, business_id, [PAYOUT])
    mode: Mode = "test" if business.test else "live"
    key_id, secret = await keys.create(connection, business_id, mode, wanted, actor)
    made = await keys.get(connection, business_id, key_id)
    await audit.record(
        connection, business_id, actor, "key.create", _about(made), after=_shown(wanted)
    )
    return NewKey(made, secret)


async def change(
    connection: Connection, business_id: UUID, key_id: UUID, wanted: Restrictions, actor: Actor
) -> RestrictedKey:
    """Give a restricted key this name and these bounds in place of those it has, with the commit.
    What it spent today still counts. Raises FieldErrors, and NotFound also where it is revoked."""
    wanted = restrictions.checked(wanted)
    await ledger.lock(connection, business_id, [PAYOUT])
    before = await keys.get(connection, business_id, key_id)
    if before.restrictions == wanted:
        return before
    await keys.update(connection, key_id, wanted)
    await audit.record(
        connection,
        business_id,
        actor,
        "key.change",
        _about(before),
        before=_shown(before.restrictions),
        after=_shown(wanted),
    )
    return await keys.get(connection, business_id, key_id)


async def revoke(
    connection: Connection, business_id: UUID, key_id: UUID, actor: Actor
) -> RestrictedKey:
    """Stop a restricted key with the commit, for good; answers it as it was. Raises NotFound, also
    where it is revoked already."""
    await ledger.lock(connection, business_id, [PAYOUT])
    key = await keys.get(connection, business_id, key_id)
    await keys.revoke(connection, key_id)
    await audit.record(connection, business_id, actor, "key.revoke", _about(key), needs_proof=False)
    return key


def _about(key: RestrictedKey) -> dict[str, object]:
    return {"key": ids.show(ids.KEY, key.id), "hint": key.hint, "name": key.name}


def _shown(wanted: Restrictions) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(wanted)
    return shown
