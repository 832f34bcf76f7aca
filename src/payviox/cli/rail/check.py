"""The commands of `payviox rail` that ask the rails themselves: whether an account works, what it
holds, what it sells."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import click

from payviox.cli.exit_status import FAILED
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, as_json, print_json, print_table
from payviox.cli.rail.accounts import RAIL, accounts_of
from payviox.cli.runtime import ACTOR, Runtime, T, run
from payviox.errors import Conflict, SettingsError
from payviox.keyring import DecryptionFailed
from payviox.rail_accounts import owners
from payviox.rail_accounts.directory import opened
from payviox.rail_accounts.model import RailAccount
from payviox.rails.protocol import Finding, KeepsCatalogue, RailError
from payviox.withdrawals.routing import Rails


@click.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("name", metavar="[RAIL]", type=RAIL, required=False)
@as_json
def check(business_id: UUID, name: str | None, as_json: bool) -> None:
    """Call something harmless with the credentials and say what is wrong, if anything.

    Exit status 1 where there is a problem, but not for one that is harmless: payments go on all the
    same, such as without a webhook, only what happens is noticed later.
    """

    async def ask(runtime: Runtime, rails: Rails) -> list[dict[str, Any]]:
        return [
            {
                "rail": account.rail,
                "subject": finding.subject,
                "ok": finding.problem is None,
                "harmless": finding.problem is not None and finding.harmless,
                "detail": finding.problem or finding.detail,
            }
            for account in await accounts_of(runtime, business_id, name)
            for finding in await _findings(runtime, rails, account)
        ]

    rows = _with_rails(ask)
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("rail", "subject", "ok", "detail"),
            [[row["rail"], row["subject"], _verdict(row), row["detail"]] for row in rows],
            "The business has connected no account: see `payviox rail connect --help`.",
        )
    if not all(row["ok"] or row["harmless"] for row in rows):
        sys.exit(FAILED)


def _verdict(row: dict[str, Any]) -> str:
    return "yes" if row["ok"] else "warning" if row["harmless"] else "no"


async def _findings(runtime: Runtime, rails: Rails, stored: RailAccount) -> list[Finding]:
    try:
        account = opened(stored, runtime.keyring)
    except (DecryptionFailed, SettingsError) as error:
        return [Finding("credentials", f"{error} Connect the account again.")]
    findings = [] if account.enabled else [Finding("switch", detail="The account is disabled.")]
    rail = rails.connected(stored.rail)
    findings += await rail.check(account)
    await owners.learn(runtime.database, rail, stored, account, ACTOR)
    return findings


@click.command("float")
@click.argument("business_id", type=BUSINESS)
@as_json
def float_(business_id: UUID, as_json: bool) -> None:
    """Show what the accounts still hold; exit status 1 where one cannot be asked."""

    async def ask(runtime: Runtime, rails: Rails) -> tuple[list[dict[str, Any]], list[str]]:
        rows, problems = [], []
        for account in await accounts_of(runtime, business_id, None):
            try:
                holdings = await rails.named(account.rail).read_float(business_id)
            except RailError as error:
                problems.append(f"{account.rail}: {error}")
                continue
            rows += [
                {
                    "rail": account.rail,
                    "asset": holding.asset,
                    "amount": holding.amount,
                    "cents": holding.cents,
                    "low": holding.low,
                }
                for holding in holdings
            ]
        return rows, problems

    rows, problems = _with_rails(ask)
    if as_json:
        print_json({"holdings": rows, "problems": problems})
    else:
        columns = ("rail", "asset", "amount", "cents", "low")
        print_table(
            columns,
            [[row[column] for column in columns] for row in rows],
            "There is nothing to show." if problems else "The business has connected no account.",
        )
        for problem in problems:
            click.echo(problem, err=True)
    if problems:
        sys.exit(FAILED)


@click.group(cls=Group)
def products() -> None:
    """What a rail sells, as it is kept here."""


@products.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("name", metavar="RAIL", type=RAIL)
@as_json
def refresh(business_id: UUID, name: str, as_json: bool) -> None:
    """Fetch a rail's catalogue anew. Where that fails the old one stays."""

    async def ask(runtime: Runtime, rails: Rails) -> int:
        await accounts_of(runtime, business_id, name)
        found: object = rails.named(name)
        if not isinstance(found, KeepsCatalogue):
            raise Conflict(f"{name} sells nothing that is kept here.")
        try:
            return await found.refresh(business_id)
        except RailError as error:
            raise Conflict(str(error)) from error

    count = _with_rails(ask)
    print_json({"products": count}) if as_json else click.echo(f"{count:,} products are offered.")


def _with_rails(ask: Callable[[Runtime, Rails], Awaitable[T]]) -> T:
    async def work(runtime: Runtime) -> T:
        async with runtime.rails() as rails:
            return await ask(runtime, rails)

    return run(work)
