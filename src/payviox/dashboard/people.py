"""Who acted, as pages name them."""

from collections.abc import Iterable

from payviox import ids
from payviox.actors import Actor
from payviox.auth import operators
from payviox.db.pool import Connection
from payviox.rights.service import operator_of


async def emails_of(connection: Connection, actors: Iterable[str]) -> dict[str, str]:
    """The addresses of the operators among these actors, by what the actors are called."""
    keys = [key for key in {operator_of(Actor(actor)) for actor in actors} if key is not None]
    emails = await operators.emails(connection, keys)
    return {f"operator:{ids.show(ids.OPERATOR, key)}": emails[key] for key in emails}
