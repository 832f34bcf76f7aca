"""Whose account it is that credentials open, where only the rail can say so: it is asked outside of
any transaction, and the answer is kept in the account's settings."""

from dataclasses import replace

from payviox.actors import Actor
from payviox.db.pool import Database
from payviox.rail_accounts import rules, service
from payviox.rail_accounts.model import Changes, RailAccount, RailName
from payviox.rails.protocol import Account, NamesOwner, RailError


async def ask(rail: object, name: RailName, account: Account, changes: Changes) -> Changes:
    """The changes of `service.connect`, with whose account `account` is, which they would make.

    Raises RailError where the rail cannot say: without it an account can still be connected, and
    its credentials replaced while no order is under way.
    """
    if not isinstance(rail, NamesOwner):
        return changes
    owner = await rail.owner(account)
    return replace(changes, settings={**changes.settings, rules.OWNER[name][0]: owner})


async def learn(
    database: Database, rail: object, stored: RailAccount, account: Account, actor: Actor
) -> None:
    """Keep whose account it is, where that could not be asked when it was connected."""
    if not isinstance(rail, NamesOwner) or rules.OWNER[stored.rail][0] in stored.settings:
        return
    try:
        owner = await rail.owner(account)
    except RailError:  # the check itself says so
        return
    await database.write(service.keep_owner, stored, owner, actor)
