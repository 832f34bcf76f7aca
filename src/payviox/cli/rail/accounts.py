"""What the commands of `payviox rail` share: finding accounts, showing them, and what follows a
change."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import click

from payviox import ids
from payviox.businesses import service as businesses
from payviox.cli.runtime import Runtime
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.errors import SettingsError
from payviox.keyring import DecryptionFailed
from payviox.rail_accounts import rules, service
from payviox.rail_accounts.directory import opened
from payviox.rail_accounts.model import RailAccount
from payviox.rails.waiting import ENDED_BY_ACCOUNT
from payviox.withdrawals import service as withdrawals

RAIL = click.Choice(rules.RAILS)


def shown(runtime: Runtime, account: RailAccount) -> dict[str, Any]:
    """An account as commands print it."""
    facts: dict[str, Any] = {
        "rail": account.rail,
        "environment": account.environment,
        "enabled": account.enabled,
        "min_amount": account.min_amount,
        "max_amount": account.max_amount,
        "low_float": account.low_float,
        "fee_payer": account.fee_payer,
        "fee_percentage": _percent(account.fee_percentage_bp),
        "fee_fixed": account.fee_fixed,
        "fee_cap": account.fee_cap,
        "settings": _settings(account.settings),
    }
    if account.rail in rules.CALLS_BACK:
        facts["callback_url"] = callback_url(runtime, account)
    facts["credentials"] = _credentials(runtime, account)
    return facts | {"created_at": account.created_at, "updated_at": account.updated_at}


def _credentials(runtime: Runtime, account: RailAccount) -> dict[str, str]:
    """Whether each is there; never what it is."""
    names = (*rules.CREDENTIALS[account.rail], *rules.OPTIONAL_CREDENTIALS.get(account.rail, ()))
    try:
        held = opened(account, runtime.keyring).credentials
    except (DecryptionFailed, SettingsError):
        return dict.fromkeys(names, "cannot be read")
    return {name: "set" if held.get(name) else "not set" for name in dict.fromkeys((*names, *held))}


def callback_url(runtime: Runtime, account: RailAccount) -> str:
    """Where the rail sends what happened; its operator registers it there."""
    business = ids.show(ids.BUSINESS, account.business_id)
    return f"{runtime.settings.public_url}/rails/{account.rail}/{business}/callback"


async def accounts_of(runtime: Runtime, business_id: UUID, name: str | None) -> list[RailAccount]:
    """The business's accounts, or the one named. Raises NotFound."""

    async def read(connection: Connection) -> list[RailAccount]:
        await businesses.get(connection, business_id)
        if name is not None:
            return [await service.get(connection, business_id, name)]
        return await service.list_all(connection, business_id)

    return await runtime.database.fetch(read)


async def wake_waiting(connection: Connection, business_id: UUID) -> None:
    """Orders that waited for an account to work are tried at once."""
    for waiting in ENDED_BY_ACCOUNT:
        await withdrawals.stop_waiting(connection, business_id, waiting)
    await jobs.wake(connection, jobs.PROCESS_ORDERS, business_id)


def _percent(basis_points: int) -> str:
    return f"{(Decimal(basis_points) / 100).normalize():f}"


def _settings(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removesuffix("_bp"): _percent(value) if name.endswith("_bp") else value
        for name, value in settings.items()
    }
