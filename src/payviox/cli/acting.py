"""Who a command is run by, where it says so: an operator by their address."""

import click

from payviox import actors
from payviox.actors import Actor
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
