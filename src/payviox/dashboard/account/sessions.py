"""`/account/…`: ending sessions, forgetting browsers, accounts elsewhere."""

from typing import Any

from litestar import Response, post

from payviox import ids
from payviox.auth import openid, sessions
from payviox.dashboard.visits import ACCOUNT, act, session_of
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect


@post(f"{ACCOUNT}/sessions/end-others", include_in_schema=False, status_code=200, right="signed_in")
async def end_others(request: Call) -> Response[Any]:
    """Sign out everywhere else."""
    session = await session_of(request)
    await act(request, session, sessions.end_others, session)
    return redirect(f"{ACCOUNT}?done=sessions")


@post(
    f"{ACCOUNT}/sessions/{{session:str}}/end",
    include_in_schema=False,
    status_code=200,
    right="signed_in",
)
async def end_session(request: Call) -> Response[Any]:
    """End one session."""
    session = await session_of(request)
    await act(request, session, sessions.end_one, session, path_id(request, ids.SESSION, "session"))
    return redirect(f"{ACCOUNT}?done=session")


@post(
    f"{ACCOUNT}/devices/{{device:str}}/forget",
    include_in_schema=False,
    status_code=200,
    right="signed_in",
)
async def forget_device(request: Call) -> Response[Any]:
    """Forget one browser."""
    session = await session_of(request)
    device_id = path_id(request, ids.DEVICE, "device")
    await act(request, session, sessions.forget_device, session, device_id)
    return redirect(f"{ACCOUNT}?done=device")


@post(f"{ACCOUNT}/identities/remove", include_in_schema=False, status_code=200, right="signed_in")
async def remove_identity(request: Call) -> Response[Any]:
    """Let an account elsewhere sign nobody in any more."""
    session = await session_of(request)
    issuer = (await read_form(request)).get("issuer", "")
    await act(request, session, openid.unbind, session, issuer)
    return redirect(f"{ACCOUNT}?done=identity")


ROUTES = [end_others, end_session, forget_device, remove_identity]
