"""What every route needs: the process's database, keys and allocation queue; and who is calling."""

from dataclasses import dataclass
from typing import Any

from litestar import Request

from payviox.allocations.batcher import Batcher
from payviox.auth.keyring import Keyring
from payviox.auth.keys import BusinessCaller
from payviox.auth.users import UserCaller
from payviox.db.pool import Database
from payviox.settings import Settings
from payviox.withdrawals.routing import Rails

Call = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Services:
    """One process's services, made by app.py."""

    settings: Settings
    database: Database
    keyring: Keyring
    batcher: Batcher
    rails: Rails


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
