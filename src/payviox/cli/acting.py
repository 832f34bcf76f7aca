"""Who a command is run by, where it says so: an operator by their address."""

import click

from payviox import actors, ids
from payviox.actors import Actor
from payviox.approvals.model import WaitingAct
from payviox.auth import operators
from payviox.cli.runtime import ACTOR
from payviox.db.pool import Connection

as_operator = click.option(
    "--operator", metavar="EMAIL", help="Who decides: needed where the installation has operators."
)
as_person = click.option(
    "--operator", metavar="EMAIL", help="Who does it: needed for what two people have to agree to."
)


async def person(connection: Connection, email: str | None) -> Actor:
    """The operator with this address, or the system's user where none is named. Raises NotFound."""
    if email is None:
        return ACTOR
    return actors.operator(await operators.require_id(connection, email))


def say_waiting(waiting: WaitingAct) -> None:
    """That nothing was done yet, and how another person does it."""
    shown = ids.show(ids.APPROVAL, waiting.id)
    business = ids.show(ids.BUSINESS, waiting.business_id)
    click.echo(f"It waits for a second person: `payviox approval approve {business} {shown}`.")
