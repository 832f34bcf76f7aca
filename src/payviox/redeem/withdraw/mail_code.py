"""`/redeem/review/<quote>/code`: the code that was mailed for this withdrawal, where the business
asks for one; typed right, the order is made."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import TooManyAttempts
from payviox.redeem.visits import Visit, act, read, show, visit_of
from payviox.redeem.withdraw import review
from payviox.web.context import Call, services
from payviox.web.cookies import cookie_name, cookie_of
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import codes

PATH = f"{review.PATH}/code"
YEAR_S = 365 * 24 * 3600


class CodeView(msgspec.Struct, frozen=True):
    """Where the code went; `problem` names what is wrong with what was typed."""

    here: str
    back: str
    place: str
    problem: str = ""
    done: str = ""


@get(PATH, include_in_schema=False)
async def ask_code(request: Call) -> Response[Any]:
    """The field; where the order was made already, the order."""
    visit = await visit_of(request)
    quote_id = path_id(request, ids.QUOTE, "quote")
    await review.quote_of(request, visit, quote_id)
    made = await review.made_by(request, visit, quote_id)
    if made is not None:
        return redirect(made)
    return _page(request, visit, quote_id, done=request.query_params.get("done", ""))


@post(PATH, include_in_schema=False, status_code=200)
async def take_code(request: Call) -> Response[Any]:
    """Make the order, where the code is right."""
    visit = await visit_of(request)
    quote_id = path_id(request, ids.QUOTE, "quote")
    quote = await review.quote_of(request, visit, quote_id)
    made = await review.made_by(request, visit, quote_id)
    if made is not None:
        return redirect(made)
    typed = (await read_form(request)).get("code", "")
    device = codes.device_of(request.cookies.get(cookie_name(request, review.DEVICE), ""))

    async def work(connection: Connection) -> bool:
        keyring = services(request).keyring
        is_right = await codes.check(connection, keyring, visit.caller, quote_id, typed)
        if is_right:
            await codes.know_device(connection, visit.caller, device)
        return is_right

    try:
        is_right = await act(request, visit, work)
    except TooManyAttempts:
        return _page(request, visit, quote_id, problem="busy", status=429)
    if not is_right:
        if await read(request, visit, codes.is_confirmed, visit.caller, quote_id):
            return await review.finish(request, visit, quote)
        return _page(request, visit, quote_id, problem="wrong", status=422)
    answer = await review.finish(request, visit, quote)
    answer.cookies.append(cookie_of(request, review.DEVICE, device, max_age=YEAR_S))
    return answer


@post(f"{PATH}/again", include_in_schema=False, status_code=200)
async def send_again(request: Call) -> Response[Any]:
    """Send another code, a minute after the one before at the earliest."""
    visit = await visit_of(request)
    quote_id = path_id(request, ids.QUOTE, "quote")
    try:
        is_sent = await act(
            request, visit, codes.send, services(request).keyring, visit.caller, quote_id
        )
    except TooManyAttempts:
        return _page(request, visit, quote_id, problem="busy", status=429)
    done = "sent" if is_sent else "wait"
    return redirect(f"{review.address_of(quote_id)}/code?done={done}")


def _page(
    request: Call,
    visit: Visit,
    quote_id: UUID,
    *,
    problem: str = "",
    done: str = "",
    status: int = 200,
) -> Response[Any]:
    name, _, domain = visit.caller.email.rpartition("@")
    view = CodeView(
        here=f"{review.address_of(quote_id)}/code",
        back=review.address_of(quote_id),
        place=f"{name[:1]}…@{domain}",
        problem=problem,
        done=done,
    )
    return show(request, visit, "withdraw/mail_code.html", view, status=status)


ROUTES = [ask_code, take_code, send_again]
