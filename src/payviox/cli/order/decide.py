"""`payviox order approve`, `reject` and `cancel`; and how a decision on an order is run."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import click

from payviox import ids
from payviox.actors import Actor
from payviox.auth import operators
from payviox.cli.acting import as_operator
from payviox.cli.order.shown import shown
from payviox.cli.output import ORDER, as_json, print_json
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection, Database
from payviox.money import dollars
from payviox.reporting.order_timeline import find_order
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order

Decide = Callable[[Connection, UUID, Actor], Awaitable[Order]]
"""A decision of somebody's on an order of this business."""


@click.command()
@click.argument("order_id", type=ORDER)
@as_operator
@as_json
def approve(order_id: UUID, operator: str | None, as_json: bool) -> None:
    """Let a reviewed order go, for the amount and destination that it has now.

    Over the business's second_person_amount it goes when a second person has said so, too.
    """
    _decide(
        order_id,
        operator,
        as_json,
        lambda db, business, who: withdrawals.approve(db, business, order_id, who),
    )


@click.command()
@click.argument("order_id", type=ORDER)
@click.option("--note", help="Why: told to the business in payout.rejected.")
@as_operator
@as_json
def reject(order_id: UUID, note: str | None, operator: str | None, as_json: bool) -> None:
    """Refuse an order that was not sent; its money goes back to the payout user."""
    _decide(
        order_id,
        operator,
        as_json,
        lambda db, business, who: withdrawals.reject(db, business, order_id, who, note),
    )


@click.command()
@click.argument("order_id", type=ORDER)
@as_operator
@as_json
def cancel(order_id: UUID, operator: str | None, as_json: bool) -> None:
    """Take back an order that was not sent; its money goes back to the payout user."""
    _decide(
        order_id,
        operator,
        as_json,
        lambda db, business, who: withdrawals.cancel(db, business, order_id, who),
    )


def _decide(order_id: UUID, operator: str | None, as_json: bool, decide: Decide) -> None:
    async def decided(connection: Connection, business_id: UUID) -> Order:
        who = await operators.acting(connection, operator, ACTOR)
        return await decide(connection, business_id, who)

    async def work(runtime: Runtime) -> Order:
        return await decided_by(runtime.database, order_id, decided)

    print_decided(run(work), as_json)


def print_decided(after: Order, as_json: bool) -> None:
    """Print an order after somebody decided on it."""
    if as_json:
        print_json(shown(after))
    else:
        waiting = f" ({after.waiting})" if after.waiting else ""
        name = ids.show(ids.ORDER, after.id)
        click.echo(f"{name} ({dollars(after.amount)}) is {after.status}{waiting}.")


async def decided_by(
    database: Database, order_id: UUID, decide: Callable[[Connection, UUID], Awaitable[Order]]
) -> Order:
    """Decide on an order of whichever business it is. Raises NotFound."""
    order = await database.fetch(find_order, order_id)
    return await database.write(decide, order.business_id)
