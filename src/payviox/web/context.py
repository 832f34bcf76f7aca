"""What every route needs: the process's database, keys and allocation queue; and who is calling."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, TypeVarTuple
from uuid import UUID

from litestar import Request

from payviox import actors
from payviox.allocations.batcher import Batcher
from payviox.api_requests.recorder import Recorder
from payviox.auth import keys, users
from payviox.auth.keys import BusinessCaller
from payviox.auth.users import UserCaller
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.monitoring.archive import FolderWatch
from payviox.monitoring.write_probe import WriteProbe
from payviox.reporting.changes import Changes
from payviox.reporting.redemption import Offers
from payviox.settings import Settings
from payviox.web.limits import AT_ONCE, READS_AT_ONCE, USERS_CALLS, USERS_WAITING, Gate, Slots
from payviox.withdrawals.routing import Rails

CALLBACKS = 50
"""Rails' callbacks that one process verifies at once."""

SIGN_INS = 4
"""Attempts to sign in that all processes together check at once: each takes 64 MiB and some
milliseconds of a core, and two short transactions."""

PROVIDER_CALLS = 8
"""Browsers on the way to the OpenID provider or back, for which all processes together ask it at
once."""

FILES = 2
"""Uploaded files that all processes together read at once, each in a process of its own."""

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
    changes: Changes
    offers: Offers
    sign_ins: Gate
    provider_calls: Gate
    files: Gate
    writes: Slots = field(default_factory=lambda: Slots(AT_ONCE))
    reads: Slots = field(default_factory=lambda: Slots(READS_AT_ONCE))
    users_calls: Slots = field(default_factory=lambda: Slots(USERS_CALLS, USERS_WAITING))
    callbacks: Gate = field(default_factory=lambda: Gate(CALLBACKS))
    recorder: Recorder = field(default_factory=Recorder)
    webhook_tests: Slots = field(default_factory=lambda: Slots(1, 1))
    """A business sends one test webhook at a time, and waits for its answer."""
    mail_checks: Slots = field(default_factory=lambda: Slots(1, 1))
    """So does somebody who sends a test mail."""
    slow_work: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held for the few milliseconds that a slice of a long computation takes."""
    write_probe: WriteProbe = field(default_factory=WriteProbe)
    folder_watch: FolderWatch = field(default_factory=FolderWatch)


def services(request: Call) -> Services:
    process: Services = request.app.state.services
    return process


def address_of(request: Call) -> str | None:
    """The address that a request comes from; proxies that are trusted are looked through
    (client_address.py)."""
    return address_in(request.scope)


def address_in(scope: Mapping[str, Any]) -> str | None:
    """The same, of an ASGI scope."""
    client = scope.get("client")
    return None if client is None else str(client[0])


def business(request: Call) -> BusinessCaller:
    """The business that called; authentication.py put it there."""
    caller: BusinessCaller = request.state.business
    return caller


def payout_user(request: Call) -> UserCaller:
    """The payout user who called; authentication.py put them there."""
    caller: UserCaller = request.state.payout_user
    return caller


async def read(
    request: Call,
    work: Callable[[Connection, *Arguments], Awaitable[T]],
    *arguments: *Arguments,
) -> T:
    """Run a reading function in a slot of the caller's. See `Database.fetch`."""
    process = services(request)
    state = request.scope["state"]
    caller: BusinessCaller | UserCaller = state.get("business") or state["payout_user"]
    async with process.reads.slot(_holder(request, caller.business_id)):
        return await process.database.fetch(work, *arguments)


async def write(
    request: Call,
    business_id: UUID,
    work: Callable[[Connection, *Arguments], Awaitable[T]],
    *arguments: *Arguments,
    keyed: bool = False,
) -> T:
    """Run `work` in one transaction, in a slot of the caller, and commit it, unless the secret key
    or the hash that the request came with opens nothing any more. See `Database.write`."""
    process = services(request)
    key: BusinessCaller | None = request.scope["state"].get("business")
    user: UserCaller | None = request.scope["state"].get("payout_user")

    async def checked(connection: Connection) -> T:
        result = await work(connection, *arguments)
        if key is not None:
            await keys.require_live(connection, key)
        if user is not None:
            await users.require_live(connection, user)
        return result

    async with process.writes.slot(_holder(request, business_id)):
        with actors.at(address_of(request)):
            return await process.database.write(checked, keyed=keyed)


def _holder(request: Call, business_id: UUID) -> tuple[UUID, bool]:
    """Whose slots a call takes: a business's own, or those that its payout users share."""
    return business_id, "payout_user" in request.scope["state"]
