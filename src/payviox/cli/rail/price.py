"""`payviox rail price`: what a chain's coin is worth, where the operator says it."""

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import click

from payviox.cli.output import BUSINESS, as_json, print_json
from payviox.cli.rail.accounts import wake_waiting
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection
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
    kept = None if rate.lower() == rules.NONE else _kept(rate, hours)

    async def work(runtime: Runtime) -> None:
        async def write(connection: Connection) -> None:
            await service.set_price(connection, business_id, chain, kept, ACTOR)
            await wake_waiting(connection, business_id)

        await runtime.database.write(write)

    run(work)
    if as_json:
        print_json({"chain": chain, "price": kept})
    elif kept is None:
        click.echo(f"{chain} has no fixed price any more.")
    else:
        click.echo(f"{chain}: {kept['rate']} USD a coin until {kept['expires_at']}")


def _kept(rate: str, hours: int) -> dict[str, Any]:
    try:
        return prices.fixed(Decimal(rate), hours)
    except InvalidOperation:
        raise FieldErrors({"rate": [f"{rate!r} is no number of US dollars."]}) from None
    except prices.PriceError as error:
        raise FieldErrors({"rate": [str(error)]}) from None
