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
from payviox.cli.rail.accounts import RAIL
from payviox.cli.runtime import ACTOR, Runtime, T, run
from payviox.rail_accounts import checking
from payviox.rail_accounts.checking import Checked, Held
from payviox.rails.protocol import Finding
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

    async def ask(runtime: Runtime, rails: Rails) -> list[Checked]:
        accounts = await checking.accounts_of(runtime.database, business_id, name)
        return await checking.check(
            runtime.database,
            runtime.keyring,
            rails.connected,
            accounts,
            ACTOR,
            public_url=runtime.settings.public_url,
        )

    checked = _with_rails(ask)
    rows = [_row(each.account.rail, finding) for each in checked for finding in each.findings]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("rail", "subject", "ok", "detail"),
            [[row["rail"], row["subject"], _verdict(row), row["detail"]] for row in rows],
            "The business has connected no account: see `payviox rail connect --help`.",
        )
    if not all(each.works for each in checked):
        sys.exit(FAILED)


def _verdict(row: dict[str, Any]) -> str:
    return "yes" if row["ok"] else "warning" if row["harmless"] else "no"


def _row(rail: str, finding: Finding) -> dict[str, Any]:
    return {
        "rail": rail,
        "subject": finding.subject,
        "ok": finding.problem is None,
        "harmless": finding.problem is not None and finding.harmless,
        "detail": finding.problem or finding.detail,
    }


@click.command("float")
@click.argument("business_id", type=BUSINESS)
@as_json
def float_(business_id: UUID, as_json: bool) -> None:
    """Show what the accounts still hold; exit status 1 where one cannot be asked."""

    async def ask(runtime: Runtime, rails: Rails) -> list[Held]:
        accounts = await checking.accounts_of(runtime.database, business_id)
        return await checking.read_float(rails.named, accounts)

    held = _with_rails(ask)
    problems = [f"{each.account.rail}: {each.problem}" for each in held if each.problem]
    rows = [
        {
            "rail": each.account.rail,
            "asset": holding.asset,
            "amount": holding.amount,
            "cents": holding.cents,
            "low": holding.low,
        }
        for each in held
        for holding in each.holdings
    ]
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
        [account] = await checking.accounts_of(runtime.database, business_id, name)
        return await checking.refresh_products(rails.named(name), account)

    count = _with_rails(ask)
    print_json({"products": count}) if as_json else click.echo(f"{count:,} products are offered.")


def _with_rails(ask: Callable[[Runtime, Rails], Awaitable[T]]) -> T:
    async def work(runtime: Runtime) -> T:
        async with runtime.rails() as rails:
            return await ask(runtime, rails)

    return run(work)
