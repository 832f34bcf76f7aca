"""What every route needs: the process's database, keys and allocation queue; and who is calling."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, TypeVarTuple
from uuid import UUID

from litestar import Request

from payviox.allocations.batcher import Batcher
from payviox.auth import keys, users
from payviox.auth.keys import BusinessCaller
from payviox.auth.users import UserCaller
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.monitoring.write_probe import WriteProbe
from payviox.settings import Settings
from payviox.web.write_limits import Gate, WriteLimits
from payviox.withdrawals.routing import Rails

CALLBACKS = 50
"""Rails' callbacks that one process verifies at once."""

Call = Request[Any, Any, Any]
T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True, slots=True)
class Services:
    """One process's services, made by app.py."""

    settings: Settings
    database: Database
    keyring: Keyring
    batcher: Batcher
    rails: Rails
    turns: WriteLimits = field(default_factory=WriteLimits)
    callbacks: Gate = field(default_factory=lambda: Gate(CALLBACKS))
    write_probe: WriteProbe = field(default_factory=WriteProbe)


def services(request: Call) -> Services:
    found: Services = request.app.state.services
    return found


def business(request: Call) -> BusinessCaller:
    """The business that called; authentication.py put it there."""
    caller: BusinessCaller = request.state.business
    return caller


def payout_user(request: Call) -> UserCaller:
    """The payout user who called; authentication.py put them there."""
    caller: UserCaller = request.state.payout_user
    return caller


async def write(
    request: Call,
    business_id: UUID,
    work: Callable[[Connection, *Arguments], Awaitable[T]],
    *arguments: *Arguments,
    keyed: bool = False,
) -> T:
    """Run `work` in one transaction, in this business's turn, and commit it, unless the secret key
    or the hash that the request came with opens nothing any more. See `Database.write`."""
    found = services(request)
    key: BusinessCaller | None = request.scope["state"].get("business")
    user: UserCaller | None = request.scope["state"].get("payout_user")

    async def checked(connection: Connection) -> T:
        result = await work(connection, *arguments)
        if key is not None:
            await keys.require_live(connection, key)
        if user is not None:
            await users.require_live(connection, user)
        return result

    async with found.turns.turn(business_id):
        return await found.database.write(checked, keyed=keyed)
