"""Whose account it is that credentials open, where only the rail can say so: it is asked outside of
any transaction, and the answer is kept in the account's settings."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.rail_accounts import rules, service
from payviox.rail_accounts.model import Changes, RailAccount, RailName
from payviox.rails.base import Account, NamesOwner, RailError
from payviox.rails.fees import FeePolicy


async def ask(
    database: Database,
    rail: object,
    business_id: UUID,
    name: RailName,
    changes: Changes,
    credentials: Mapping[str, str],
) -> Changes:
    """The changes of `service.connect`, with whose account the credentials open.

    Raises NotFound, FieldErrors (nothing is asked then), and RailError where the rail cannot say:
    without it an account can still be connected, and its credentials replaced while no order is
    under way.
    """
    if not isinstance(rail, NamesOwner):
        return changes

    async def read(connection: Connection) -> Account:
        environment = await service.environment_of(connection, business_id)
        settings = await service.settings_after(connection, business_id, name, changes)
        rules.check(name, environment, settings, credentials)
        limits = (None, None, None)
        return Account(
            business_id, name, environment, True, *limits, FeePolicy(), settings, credentials
        )

    owner = await rail.owner(await database.fetch(read))
    return replace(changes, settings={**changes.settings, rules.OWNER[name][0]: owner})


async def learn(
    database: Database, rail: object, stored: RailAccount, account: Account, actor: str
) -> None:
    """Keep whose account it is, where that could not be asked when it was connected."""
    if not isinstance(rail, NamesOwner) or rules.OWNER[stored.rail][0] in stored.settings:
        return
    try:
        owner = await rail.owner(account)
    except RailError:  # the check itself says so
        return
    await database.write(lambda connection: service.keep_owner(connection, stored, owner, actor))
