"""`payviox rail price`: what a chain's coin is worth, where the operator says it."""

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import click

from payviox.cli.output import BUSINESS, as_json, print_json
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.errors import FieldErrors
from payviox.rail_accounts import rules, service
from payviox.rails.evm import prices


@click.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("chain")
@click.argument("rate")
@click.option("--hours", type=int, default=24, show_default=True, help="For how long it counts.")
@as_json
def price(business_id: UUID, chain: str, rate: str, hours: int, as_json: bool) -> None:
    """Say what the coin of CHAIN is worth: RATE in US dollars, such as 3120.50, or `none`.

    It goes before the chain's price feed while it lasts. After that the feed counts again; without
    one, payments in the coin wait. Stablecoins count as a dollar and need no price.
    """
    fixed = None if rate.lower() == rules.NONE else _price(rate, hours)

    async def work(runtime: Runtime) -> None:
        await runtime.database.write(service.set_price, business_id, chain, fixed, ACTOR)

    run(work)
    if as_json:
        print_json({"chain": chain, "price": fixed})
    elif fixed is None:
        click.echo(f"{chain} has no fixed price any more.")
    else:
        click.echo(f"{chain}: {fixed['rate']} USD a coin until {fixed['expires_at']}")


def _price(rate: str, hours: int) -> dict[str, Any]:
    try:
        return prices.fixed(Decimal(rate), hours)
    except InvalidOperation:
        raise FieldErrors({"rate": [f"{rate!r} is no number of US dollars."]}) from None
    except prices.PriceError as error:
        raise FieldErrors({"rate": [str(error)]}) from None
