"""Who acted, as pages name them."""

from collections.abc import Iterable, Mapping

from payviox import ids
from payviox.actors import Actor
from payviox.auth import operators
from payviox.db.pool import Connection
from payviox.rights.service import operator_of


async def emails_of(connection: Connection, actors: Iterable[str]) -> dict[str, str]:
    """The addresses of the operators among these actors, by what the actors are called."""
    keys = [key for key in {operator_of(Actor(actor)) for actor in actors} if key is not None]
    emails = await operators.emails(connection, keys) if keys else {}
    return {f"operator:{ids.show(ids.OPERATOR, key)}": emails[key] for key in emails}


def actor_words(actor: str, emails: Mapping[str, str]) -> str:
    """Who acted; `emails` are operators' addresses by what the actors are called."""
    if actor in emails:
        return emails[actor]
    kind, _, rest = actor.partition(":")
    if kind == "payout_user":
        return "the payout user"
    if kind == "command":
        return f"{rest}, by command"
    if kind == "key":
        return f"the key ending in {rest}"
    return {"worker": "the worker", "rules": "the review rules"}.get(actor, actor)
