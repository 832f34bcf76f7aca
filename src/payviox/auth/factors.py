"""What an operator proves besides a password: an authenticator app, recovery codes, passkeys."""

from datetime import datetime
from uuid import UUID

import msgspec

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.auth import attempts, sessions
from payviox.auth.model import Passkey
from payviox.auth.queries import credentials
from payviox.auth.queries import factors as queries
from payviox.db.pool import Connection
from payviox.errors import NotFound


class Factors(msgspec.Struct, frozen=True):
    """An operator's second factors. `recovery_codes` are those that were not used."""

    app_since: datetime | None
    recovery_codes: int
    passkeys: list[Passkey]

    @property
    def has_app(self) -> bool:
        return self.app_since is not None

    @property
    def any(self) -> bool:
        """Whether a second factor is asked of them."""
        return self.has_app or bool(self.passkeys)


async def find(connection: Connection, operator_id: UUID) -> Factors:
    """An operator's second factors."""
    app = await queries.find_app(connection, operator_id)
    return Factors(
        None if app is None else app.confirmed_at,
        await queries.count_recovery_codes(connection, operator_id),
        await queries.list_passkeys(connection, operator_id),
    )


async def remove_all(connection: Connection, email: str, actor: Actor) -> None:
    """Take every second factor from an operator who lost them, and sign them out everywhere: the
    password alone lets them in, and guesses at their codes are forgotten. Raises NotFound."""
    operator_id = await credentials.find_operator(connection, email)
    if operator_id is None:
        raise NotFound(f"There is no operator {email}")
    await queries.delete_all(connection, operator_id)
    await sessions.end_all(connection, operator_id, email)
    await attempts.forget(connection, sessions.code_limits(operator_id))
    about = {"operator": ids.show(ids.OPERATOR, operator_id), "email": email}
    await audit.record_of_installation(connection, actor, "operator.remove_factors", about)
