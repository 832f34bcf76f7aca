"""`payviox order settle`."""

from typing import cast, get_args
from uuid import UUID

import click

from payviox.auth import operators
from payviox.cli.acting import as_operator
from payviox.cli.order.decide import print_decided
from payviox.cli.output import ORDER, as_json
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.money import dollars
from payviox.reporting.order_timeline import find_order
from payviox.withdrawals import manual_settlement
from payviox.withdrawals.model import Order


@click.command()
@click.argument("order_id", type=ORDER)
@click.argument("ended", type=click.Choice(get_args(manual_settlement.Ended)))
@click.option("--reason", required=True, help="How you know; payout users do not read it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_operator
@as_json
def settle(
    order_id: UUID, ended: str, *, reason: str, yes: bool, operator: str | None, as_json: bool
) -> None:
    """Book what you found out at the rail about an order that waits for a person.

    succeeded: the money was paid out. failed: it was not, and never will be; it goes back to the
    payout user.
    """

    async def check(runtime: Runtime) -> Order:
        order = await runtime.database.fetch(find_order, order_id)
        manual_settlement.check(order)
        return order

    seen = run(check)
    amount = dollars(seen.amount)
    confirm(f"Book the order of {amount} as {ended}? This cannot be taken back.", yes=yes)

    async def work(runtime: Runtime) -> Order:
        async with runtime.rails() as rails:
            return await manual_settlement.settle_by_hand(
                runtime.database,
                rails,
                seen,
                cast("manual_settlement.Ended", ended),
                reason=reason,
                who=lambda db: operators.acting(db, operator, ACTOR),
            )

    print_decided(run(work), as_json)
