"""`payviox business list` and `show`: what each holds and is set to."""

from datetime import datetime
from uuid import UUID

import click

from payviox import ids
from payviox.businesses import rules
from payviox.businesses import service as businesses
from payviox.cli.output import BUSINESS, as_json, at_moment, print_json, print_pairs, print_table
from payviox.cli.runtime import run
from payviox.db.pool import Connection
from payviox.ledger.model import show_account
from payviox.money import dollars
from payviox.reporting import business_summary
from payviox.reporting.business_summary import Accounts, BusinessSummary


@click.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List every business with its balances."""
    summaries = run(lambda runtime: runtime.database.fetch(business_summary.summaries))
    rows = [_summary(each) for each in summaries]
    if as_json:
        print_json(rows)
        return
    columns = ("business_id", "name", "mode", "payouts_enabled", "balance", "payout_balance")
    print_table(
        columns,
        [[row[column] for column in columns] for row in rows],
        "There is no business yet: `payviox business create NAME` makes one.",
    )


@click.command()
@click.argument("business_id", type=BUSINESS)
@at_moment
@as_json
def show(business_id: UUID, at: datetime | None, as_json: bool) -> None:
    """Show one business: what every account holds, switches, rules and limits.

    With --at, what every account held at a moment, and nothing else.
    """
    if at is not None:
        held = run(lambda runtime: runtime.database.fetch(_held, business_id, at))
        if as_json:
            print_json({"at": at, "accounts": held})
        else:
            print_pairs({name: dollars(cents) for name, cents in held.items()})
        return
    details = run(lambda runtime: runtime.database.fetch(business_summary.details, business_id))
    business = details.summary.business
    shown = {
        **_summary(details.summary),
        **{name: getattr(business, name) for name in rules.RULES},
        "created_at": business.created_at,
        "payout_users": details.payout_users,
    }
    accounts = details.accounts
    if as_json:
        print_json({**shown, "accounts": {**accounts.single, **accounts.by_rail}})
        return
    print_pairs(shown)
    click.echo("\nAccounts; together they are zero")
    print_pairs({name: dollars(cents) for name, cents in _flat(accounts).items()})


async def _held(connection: Connection, business_id: UUID, at: datetime) -> dict[str, int]:
    await businesses.get(connection, business_id)
    return await business_summary.trial_balance(connection, business_id, at)


def _summary(summary: BusinessSummary) -> dict[str, object]:
    return {
        "business_id": ids.show(ids.BUSINESS, summary.business.id),
        "name": summary.business.name,
        "mode": summary.business.mode,
        "payouts_enabled": summary.business.payouts_enabled,
        "withdrawals_enabled": summary.business.withdrawals_enabled,
        "balance": summary.balance,
        "payout_balance": summary.payout_balance,
    }


def _flat(accounts: Accounts) -> dict[str, int]:
    flat = dict(accounts.single)
    for kind, held in accounts.by_rail.items():
        flat |= {show_account(kind, rail): cents for rail, cents in held.items()} or {kind: 0}
    return flat
