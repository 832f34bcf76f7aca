"""`payviox order resume` and `look-up`: what the worker is to do now."""

from uuid import UUID

import click

from payviox import ids
from payviox.businesses import service as businesses
from payviox.cli.order.decide import decided_by
from payviox.cli.order.listing import nobody_waits
from payviox.cli.order.shown import shown
from payviox.cli.output import BUSINESS, ORDER, as_json, counted, print_json
from payviox.cli.runtime import ACTOR, run
from payviox.db.pool import Connection
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order


@click.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--waiting", required=True, metavar="CAUSE", help="Such as float_empty.")
@as_json
def resume(business_id: UUID, waiting: str, as_json: bool) -> None:
    """Let every order of a business that waits for CAUSE be tried now, such as after a top-up.

    Those that were not sent are sent, the others are looked up at their rails. By themselves they
    are tried again too, but ever more rarely.
    """

    async def resumed(connection: Connection) -> int:
        await businesses.get(connection, business_id)
        return await withdrawals.resume(connection, business_id, waiting, ACTOR)

    number = run(lambda runtime: runtime.database.write(resumed))
    if as_json:
        print_json({"orders": number})
    elif number:
        click.echo(f"{counted(number, 'order')} will be tried now.")
    else:
        click.echo(nobody_waits(business_id, waiting))


@click.command("look-up")
@click.argument("order_id", type=ORDER)
@as_json
def look_up(order_id: UUID, as_json: bool) -> None:
    """Have the worker ask the rail now what became of an order that was sent."""

    async def ask(connection: Connection, business_id: UUID) -> Order:
        await withdrawals.look_up_now(connection, business_id, order_id, ACTOR)
        return await withdrawals.get(connection, business_id, order_id)

    after = run(lambda runtime: decided_by(runtime.database, order_id, ask))
    if as_json:
        print_json(shown(after))
    else:
        name = ids.show(ids.ORDER, after.id)
        click.echo(f"{name} is {after.status}; the look-up at {after.rail} is due now.")
