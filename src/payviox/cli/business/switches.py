"""`payviox business enable-payouts` and its like: switches."""

from uuid import UUID

import click

from payviox.cli.business.rules import set_rules
from payviox.cli.output import BUSINESS


@click.command("enable-payouts")
@click.argument("business_id", type=BUSINESS)
def enable_payouts(business_id: UUID) -> None:
    """Switch payouts on: money can be allocated to payout users."""
    set_rules(business_id, {"payouts_enabled": True})
    click.echo("Payouts are enabled.")


@click.command("disable-payouts")
@click.argument("business_id", type=BUSINESS)
def disable_payouts(business_id: UUID) -> None:
    """Switch payouts off: nothing more is allocated from this moment on.

    Payout users can still withdraw what they have, and open orders go on: `disable-withdrawals`
    stops new orders, `payviox order cancel` an open one.
    """
    set_rules(business_id, {"payouts_enabled": False})
    click.echo("Payouts are disabled: nothing more is allocated.")
    click.echo(
        "Payout users can still withdraw what they have (`payviox business disable-withdrawals`"
        " stops that), and open orders go on.",
        err=True,
    )


@click.command("enable-withdrawals")
@click.argument("business_id", type=BUSINESS)
def enable_withdrawals(business_id: UUID) -> None:
    """Switch withdrawals on: payout users can ask for orders."""
    set_rules(business_id, {"withdrawals_enabled": True})
    click.echo("Withdrawals are enabled.")


@click.command("disable-withdrawals")
@click.argument("business_id", type=BUSINESS)
def disable_withdrawals(business_id: UUID) -> None:
    """Switch withdrawals off: payout users make no more orders from this moment on.

    Open orders go on, and money can still be allocated: `disable-payouts` stops that.
    """
    set_rules(business_id, {"withdrawals_enabled": False})
    click.echo("Withdrawals are disabled: no more orders are made.")
    click.echo(
        "Open orders go on (`payviox order cancel` stops one), and money can still be allocated"
        " (`payviox business disable-payouts` stops that).",
        err=True,
    )
