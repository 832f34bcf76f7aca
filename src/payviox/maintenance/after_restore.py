"""What an operator decides after the database was restored from a backup: what the backup does not
know has left, and what was stopped since is live again.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from payviox.access import password_resets
from payviox.actors import Actor
from payviox.allocations import service as allocations
from payviox.audit import service as audit
from payviox.auth import keys, operators, sessions
from payviox.auth.model import LiveKey, Operator
from payviox.businesses import service as businesses
from payviox.db import origin
from payviox.db.pool import Connection, Database
from payviox.giftcards import holds
from payviox.giftcards.model import HELD_AFTER_RESTORE, HeldStock
from payviox.keyring import Keyring
from payviox.payout_users import service as payout_users
from payviox.payout_users.model import Hashes
from payviox.treasury import service as treasury
from payviox.webhooks import settings as webhooks
from payviox.webhooks.model import LiveToken
from payviox.withdrawals import service as withdrawals

Credential = Literal["keys", "hashes", "webhooks", "sessions"]
CREDENTIALS: tuple[Credential, ...] = ("keys", "hashes", "webhooks", "sessions")
"""What can be revoked at once."""

GENERATIONS = 1_000
"""How far a hash is rotated: past every one that was made, and stopped, since the backup."""

HASHES_AT_ONCE = 200
"""Payout users whose hashes are rotated in one transaction."""


@dataclass(frozen=True, slots=True)
class Report:
    """When the database was restored, whose stock is held, and every credential that is live."""

    restored_at: datetime | None
    held: list[HeldStock]
    keys: list[LiveKey]
    hashes: list[Hashes]
    tokens: list[LiveToken]
    operators: list[Operator]
    sessions: int


@dataclass(slots=True)
class Revoked:
    """How many of each were revoked; `tokens` are the webhooks' new ones, shown this once."""

    keys: int
    hashes: int
    tokens: dict[UUID, str]
    sessions: int


async def report(connection: Connection) -> Report:
    """What there is to decide."""
    return Report(
        await origin.restored_at(connection),
        await holds.list_held(connection),
        await keys.list_live(connection),
        await payout_users.count_hashes(connection),
        await webhooks.list_tokens(connection),
        await operators.list_all(connection),
        await sessions.count_open(connection),
    )


async def release_stock(connection: Connection, business_id: UUID, actor: Actor) -> int:
    """Let the business's gift cards go, and its orders that wait for it; answers how many orders.
    Raises NotHeld."""
    await holds.release(connection, business_id, actor)
    return await withdrawals.resume(connection, business_id, HELD_AFTER_RESTORE, actor)


async def revoke(
    database: Database, keyring: Keyring, what: AbstractSet[Credential], actor: Actor
) -> Revoked:
    """Stop every credential of these kinds that is live, in every business. It may be interrupted
    and run again; each business is done in transactions of its own."""
    revoked = Revoked(0, 0, {}, 0)
    if "sessions" in what:
        revoked.sessions = await database.write(_end_sessions, actor)
    for business in await database.fetch(businesses.list_all):
        if "keys" in what:
            revoked.keys += await database.write(treasury.revoke_keys, business.id, actor)
        if "webhooks" in what:
            token = await database.write(_replace_token, keyring, business.id, actor)
            if token is not None:
                revoked.tokens[business.id] = token
        if "hashes" in what:
            revoked.hashes += await _rotate_hashes(database, keyring, business.id, actor)
    return revoked


async def _replace_token(
    connection: Connection, keyring: Keyring, business_id: UUID, actor: Actor
) -> str | None:
    """A webhook token that signs at once; None where the business has no webhook."""
    try:
        token = await webhooks.rotate(connection, business_id, keyring, actor, replace=True)
    except webhooks.NoWebhook:
        return None
    await webhooks.confirm(connection, business_id, actor)
    return token


async def _end_sessions(connection: Connection, actor: Actor) -> int:
    """Sign operators out, and stop links to choose a password: one that was used is live again."""
    await password_resets.delete_every(connection)
    return await sessions.end_every(connection, actor)


async def _rotate_hashes(
    database: Database, keyring: Keyring, business_id: UUID, actor: Actor
) -> int:
    done, after = 0, UUID(int=0)
    while users := await database.fetch(payout_users.list_ids, business_id, after, HASHES_AT_ONCE):
        await database.write(_rotate_some, keyring, business_id, users, actor)
        done, after = done + len(users), users[-1]
    return done


async def _rotate_some(
    connection: Connection, keyring: Keyring, business_id: UUID, users: list[UUID], actor: Actor
) -> None:
    await allocations.rotate_hashes(connection, keyring, business_id, users, step=GENERATIONS)
    detail = {"payout_users": len(users)}
    await audit.record(connection, business_id, actor, "payout_user.rotate_hashes", detail)
