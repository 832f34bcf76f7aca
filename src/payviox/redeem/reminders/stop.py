"""`/redeem/reminders/<business>/<payout user>/<token>`: what a reminder names for mail programs to
ask for no more of them (RFC 8058). Opening it changes nothing; the token opens nothing else."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.redeem.visits import ROUTE, page
from payviox.unclaimed import reminders
from payviox.web.context import Call, services
from payviox.web.cursors import path_id

PATH = f"{ROUTE}/reminders/{{business:str}}/{{user:str}}/{{token:str}}"


class StopView(msgspec.Struct, frozen=True):
    here: str
    is_done: bool = False


@get(PATH, include_in_schema=False)
async def ask_stop(request: Call) -> Response[Any]:
    """A button, for people who open it."""
    _whose(request)
    return page(request, "reminders/stop.html", StopView(request.scope["path"]))


@post(PATH, include_in_schema=False, status_code=200)
async def stop(request: Call) -> Response[Any]:
    """No more reminders, whoever sends this: it comes from mail programs, too."""
    business_id, user_id = _whose(request)
    await services(request).database.write(reminders.stop, business_id, user_id)
    return page(request, "reminders/stop.html", StopView(request.scope["path"], is_done=True))


def _whose(request: Call) -> tuple[UUID, UUID]:
    """Raises NotFound."""
    business_id = path_id(request, ids.BUSINESS, "business")
    user_id = path_id(request, ids.USER, "user")
    token = str(request.path_params["token"])
    reminders.require_token(services(request).keyring, business_id, user_id, token)
    return business_id, user_id


ROUTES = [ask_stop, stop]
