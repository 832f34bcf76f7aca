"""Connecting a business's own accounts at rails, changing and disconnecting them. Database only, in
the caller's transaction. Every change is written down, without what is secret."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from payviox.actors import Actor
from payviox.acts import Act
from payviox.audit import service as audit
from payviox.businesses import service as businesses
from payviox.db import account_locks, jobs
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.keyring import Keyring
from payviox.rail_accounts import directory, rules
from payviox.rail_accounts.model import Changes, RailAccount, RailName, place
from payviox.rail_accounts.queries import accounts as queries
from payviox.rail_state.queries import products
from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account, Environment
from payviox.rails.waiting import ENDED_BY_ACCOUNT

find = queries.find
list_all = queries.list_all


async def environment_of(connection: Connection, business_id: UUID) -> Environment:
    """A test business's money is free, so it never reaches a live vendor. Raises NotFound."""
    business = await businesses.get(connection, business_id)
    return "sandbox" if business.test else "live"


async def get(connection: Connection, business_id: UUID, rail: str) -> RailAccount:
    """Raises NotFound, which says how to connect one."""
    return _found(await queries.find(connection, business_id, rail), rail)


async def connect(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    rail: RailName,
    changes: Changes,
    credentials: Mapping[str, str],
    actor: Actor,
) -> tuple[RailAccount, bool]:
    """Connect an account, or replace the credentials and whatever else is named of one; answers it
    and whether it is new.

    Raises NotFound (no such business), FieldErrors, and Conflict where another account would take
    the place of one at which orders are under way, or the wallet is another business's. Whether it
    is another one payviox.rail_accounts.owners asks first, at rails that must be asked.
    """
    await account_locks.hold(connection, business_id, rail)
    environment = await environment_of(connection, business_id)
    empty = _sealed(keyring, business_id, rail, {})
    new = await queries.insert(
        connection, business_id, rail, environment, empty, keyring.current.id
    )
    now = await _locked(connection, business_id, rail)
    settings = _merged(now.settings, changes)
    before = directory.credentials_of(now, keyring)
    completed = _kept(rail, before, credentials)
    owner, secret = rules.OWNER.get(rail, ("", ""))
    if owner not in changes.settings and completed.get(secret) != before.get(secret):
        settings.pop(owner, None)  # it was said of the credentials before
    rules.check(rail, environment, settings, completed)
    another = rules.another(rail, (now.settings, before), (settings, completed))
    await _check_same(connection, now, ["account"] if new else another)
    await _check_wallet(connection, now, settings)
    await _store(
        connection,
        now,
        {
            **changes.columns,
            "settings": settings,
            "credentials": _sealed(keyring, business_id, rail, completed),
            "key_id": keyring.current.id,
        },
    )
    detail = {"new": new, "environment": environment, **_written(changes)}
    await _audit(connection, now, actor, "rail.connect", detail)
    await try_waiting(connection, business_id)
    return await get(connection, business_id, rail), new


async def change(
    connection: Connection, business_id: UUID, rail: str, changes: Changes, actor: Actor
) -> RailAccount:
    """Set limits, fees and settings. Raises NotFound, FieldErrors, and Conflict as `connect`
    does."""
    await account_locks.hold(connection, business_id, rail)
    now = await _locked(connection, business_id, rail)
    settings = _merged(now.settings, changes)
    rules.check(now.rail, now.environment, settings, None)
    changed = rules.another(now.rail, (now.settings, {}), (settings, {}))
    await _check_same(connection, now, changed)
    await _check_wallet(connection, now, settings)
    await _store(connection, now, {**changes.columns, "settings": settings})
    await _audit(connection, now, actor, "rail.change", _written(changes), _before(now, changes))
    await try_waiting(connection, business_id)
    return await get(connection, business_id, rail)


async def candidate(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    rail: RailName,
    changes: Changes,
    credentials: Mapping[str, str],
) -> Account:
    """The account that `connect` would make, so that its rail can be asked before; without what the
    rail has said of the one before. Raises NotFound and FieldErrors."""
    environment = await environment_of(connection, business_id)
    now = await queries.find(connection, business_id, rail)
    settings = _merged({} if now is None else now.settings, changes)
    settings.pop(rules.OWNER.get(rail, ("", ""))[0], None)
    before = {} if now is None else directory.credentials_of(now, keyring)
    completed = _kept(rail, before, credentials)
    rules.check(rail, environment, settings, completed)
    low: Any = changes.columns.get("low_float", now and now.low_float)
    limits = (None, None, low)
    return Account(business_id, rail, environment, True, *limits, FeePolicy(), settings, completed)


async def keep_owner(connection: Connection, seen: RailAccount, owner: str, actor: Actor) -> None:
    """Keep what the rail said of the account as it was seen. One that was changed since is left
    alone. Raises NotFound."""
    now = await _locked(connection, seen.business_id, seen.rail)
    if (now.credentials, now.settings) != (seen.credentials, seen.settings):
        return
    setting = {rules.OWNER[now.rail][0]: owner}
    await _store(connection, now, {"settings": {**now.settings, **setting}})
    await _audit(connection, now, actor, "rail.owner", setting)


async def set_price(
    connection: Connection,
    business_id: UUID,
    chain: str,
    price: Mapping[str, Any] | None,
    actor: Actor,
) -> None:
    """Say what the coin of one of the wallet's chains is worth, as payviox.rails.evm.prices.fixed
    has it; None: its feed alone says so. Raises NotFound."""
    now = await _locked(connection, business_id, "evm")
    chains = dict(now.settings.get("chains") or {})
    if chain not in chains:
        named = ", ".join(chains) or "none"
        raise NotFound(f"The wallet pays on no chain {chain}; its chains: {named}.")
    facts = {name: value for name, value in chains[chain].items() if name != "price"}
    chains[chain] = facts if price is None else {**facts, "price": dict(price)}
    await _store(connection, now, {"settings": {**now.settings, "chains": chains}})
    await _audit(connection, now, actor, "rail.price", {"chain": chain, "price": price})
    await try_waiting(connection, business_id)


async def switch(
    connection: Connection, business_id: UUID, rail: str, actor: Actor, *, enabled: bool
) -> None:
    """Let new orders go to the account, or no more of them. Those under way go on. Raises
    NotFound."""
    now = await _locked(connection, business_id, rail)
    await queries.update(connection, now, {"enabled": enabled})
    await _audit(connection, now, actor, "rail.enable" if enabled else "rail.disable", {})
    await try_waiting(connection, business_id)


async def try_waiting(connection: Connection, business_id: UUID) -> None:
    """Have the orders tried at once that waited for an account to work."""
    await queries.stop_waiting(connection, business_id, list(ENDED_BY_ACCOUNT))
    await jobs.wake(connection, jobs.PROCESS_ORDERS, business_id)


async def disconnect(connection: Connection, business_id: UUID, rail: str, actor: Actor) -> None:
    """Forget the account with its credentials. Raises NotFound, and Conflict while orders are under
    way at it: without it nobody could ask what became of them."""
    await account_locks.hold(connection, business_id, rail)
    now = await _locked(connection, business_id, rail)
    waiting = await queries.count_open_orders(connection, business_id, rail)
    if waiting:
        raise Conflict(
            f"{_orders(waiting)} under way at {rail}. Pause or disable the account, so that no more"
            " are made, and disconnect it when they have ended."
        )
    await products.delete_all(connection, business_id, rail)
    await queries.delete(connection, business_id, rail)
    await _audit(connection, now, actor, "rail.disconnect", {"environment": now.environment})


async def reencrypt(connection: Connection, keyring: Keyring, limit: int = 100) -> int:
    """Bring the credentials of up to `limit` accounts under the current key; answers how many.
    Called until it answers 0, each time in a transaction of its own, it may be interrupted
    anywhere.

    Raises SettingsError where a key is not configured, DecryptionFailed where credentials were
    changed.
    """
    others = await queries.list_other_keys(connection, keyring.current.id, limit)
    for business_id, rail in others:
        row = await queries.lock(connection, business_id, rail)
        if row is None:  # disconnected meanwhile
            continue
        plain = keyring.decrypt(row.credentials, row.key_id, row.place)
        sealed = keyring.encrypt(plain, row.place)
        await queries.update(connection, row, {"credentials": sealed, "key_id": keyring.current.id})
    return len(others)


async def _locked(connection: Connection, business_id: UUID, rail: str) -> RailAccount:
    return _found(await queries.lock(connection, business_id, rail), rail)


def _found(account: RailAccount | None, rail: str) -> RailAccount:
    if account is None:
        raise NotFound(
            f"The business has no account at {rail}: `payviox rail connect {rail}` connects one."
        )
    return account


async def _check_same(connection: Connection, now: RailAccount, changed: Sequence[str]) -> None:
    """Raises Conflict where the account would be another one while orders are under way: the other
    account has never heard of them, and they would be sent again."""
    if not changed:
        return
    waiting = await queries.lock_orders_perhaps_sent(connection, now.business_id, now.rail)
    if waiting:
        raise Conflict(
            f"{_orders(waiting)} under way at the account that was connected before, and another"
            f" {' or '.join(changed)} makes it another account. Disable it, so that no more are"
            " made, and change it when they have ended."
        )


async def _check_wallet(
    connection: Connection, now: RailAccount, settings: Mapping[str, Any]
) -> None:
    """Raises Conflict where another business pays from the same wallet on the same chain: neither's
    nonces nor its books would be its own. The wallets' books refuse it for good; here it is told
    early."""
    if now.rail != "evm":
        return
    ours = rules.chain_ids(settings)
    others = await queries.list_wallet_settings(
        connection, now.business_id, str(settings["address"])
    )
    shared = ours & set().union(*map(rules.chain_ids, others))
    if shared:
        chains = ", ".join(map(str, sorted(shared)))
        raise Conflict(
            f"Another business pays from the wallet {settings['address']} on chain {chains}. Each"
            " business needs a wallet of its own: `payviox rail keystore create` makes one."
        )


def _kept(
    rail: RailName, before: Mapping[str, str], credentials: Mapping[str, str]
) -> dict[str, str]:
    """What was given, and of the rest what may be left out and was there before."""
    optional = rules.OPTIONAL_CREDENTIALS.get(rail, ())
    stays = {name: before[name] for name in optional if name in before}
    return stays | {name: value for name, value in credentials.items() if value}


def _sealed(
    keyring: Keyring, business_id: UUID, rail: str, credentials: Mapping[str, str]
) -> bytes:
    return keyring.encrypt(json.dumps(credentials).encode(), place(business_id, rail))


def _orders(count: int) -> str:
    return f"{count:,} order is" if count == 1 else f"{count:,} orders are"


async def _store(connection: Connection, now: RailAccount, values: Mapping[str, object]) -> None:
    rules.check_together(now, values)
    await queries.update(connection, now, values)


def _merged(settings: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    merged = {**settings, **changes.settings}
    return {name: value for name, value in merged.items() if value is not None}


def _written(changes: Changes) -> dict[str, object]:
    return {**changes.columns, **changes.settings}


def _before(now: RailAccount, changes: Changes) -> dict[str, object]:
    return {
        **{name: getattr(now, name) for name in changes.columns},
        **{name: now.settings.get(name) for name in changes.settings},
    }


async def _audit(
    connection: Connection,
    account: RailAccount,
    actor: Actor,
    act: Act,
    after: Mapping[str, object],
    before: Mapping[str, object] | None = None,
) -> None:
    about = {"rail": account.rail}
    await audit.record(
        connection, account.business_id, actor, act, about, before=before, after=after
    )
