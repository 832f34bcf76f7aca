"""`/account/mails/stop/<operator>/<token>`: what a digest names for mail programs to ask for no
more of them (RFC 8058). Opening it changes nothing; the token opens nothing else."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.account.mails import ROUTE
from payviox.operator_mails import choices
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.pages import page

PATH = f"{ROUTE}/stop/{{operator:str}}/{{token:str}}"


class StopView(msgspec.Struct, frozen=True):
    here: str
    is_done: bool = False


@get(PATH, include_in_schema=False)
async def ask_stop(request: Call) -> Response[Any]:
    """A button, for people who open it."""
    _whose(request)
    return page(request, "account/stop_mails.html", StopView(request.scope["path"]))


@post(PATH, include_in_schema=False, status_code=200)
async def stop(request: Call) -> Response[Any]:
    """No more digests, whoever sends this: it comes from mail programs, too."""
    operator_id = _whose(request)
    await services(request).database.write(choices.stop_digests, operator_id)
    return page(request, "account/stop_mails.html", StopView(request.scope["path"], is_done=True))


def _whose(request: Call) -> UUID:
    """Raises NotFound."""
    operator_id = path_id(request, ids.OPERATOR, "operator")
    token = str(request.path_params["token"])
    choices.require_token(services(request).keyring, operator_id, token)
    return operator_id


ROUTES = [ask_stop, stop]
