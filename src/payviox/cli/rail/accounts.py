"""What the commands of `payviox rail` share: how an account and what was found of it are shown."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import click

from payviox.cli.runtime import Runtime
from payviox.errors import SettingsError
from payviox.keyring import DecryptionFailed
from payviox.rail_accounts import callbacks, rules
from payviox.rail_accounts.connecting import sentence
from payviox.rail_accounts.directory import opened
from payviox.rail_accounts.model import RailAccount
from payviox.rails.protocol import Finding

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
        facts["callback_url"] = callbacks.url(runtime.settings.public_url, account)
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


def warn(findings: Iterable[Finding]) -> None:
    """Say on standard error what the operator should know."""
    for finding in findings:
        click.echo(f"Warning: {sentence(finding)}", err=True)


def _percent(basis_points: int) -> str:
    return f"{(Decimal(basis_points) / 100).normalize():f}"


def _settings(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removesuffix("_bp"): _percent(value) if name.endswith("_bp") else value
        for name, value in settings.items()
    }
