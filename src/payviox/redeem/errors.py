"""What a page says where something is refused or went wrong."""

from typing import Any

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException

from payviox.auth.redemption import SessionEnded
from payviox.errors import Forbidden, NotFound, PayvioxError, Unauthorized
from payviox.event_log import EventLogger
from payviox.redeem.visits import BALANCE, page
from payviox.redeem.withdraw.quoting import NotOffered
from payviox.web.context import Call
from payviox.web.pages import HEADERS, HTML, is_partial, redirect

logger = EventLogger(__name__)

RELOAD = {"HX-Refresh": "true"}


class RefusedView(msgspec.Struct, frozen=True):
    """`kind` names the words: of what was refused, a recipient reads no message of ours to
    programs."""

    kind: str


def handle(request: Call, error: Exception) -> Response[Any]:
    """The page of any exception; what is our fault is logged and says no more than that."""
    if isinstance(error, SessionEnded | Unauthorized):
        if is_partial(request):
            return Response("", status_code=401, media_type=HTML, headers=HEADERS | RELOAD)
        return page(request, "ended.html", RefusedView("ended"), status=401)
    if isinstance(error, NotOffered):
        return redirect(f"{BALANCE}?done=not-offered")
    status, kind = 500, "failed"
    if isinstance(error, PayvioxError | HTTPException) and error_status(error) < 500:
        status = error_status(error)
        kind = "foreign" if isinstance(error, Forbidden) else "refused"
        if isinstance(error, NotFound) or status in (404, 405):
            kind = "missing"
        elif status == 429:
            kind = "busy"
    elif isinstance(error, PayvioxError) and error.status == 503:
        status, kind = 503, "busy"
    else:
        logger.error("page failed", exc_info=error)
    return page(request, "refused.html", RefusedView(kind), status=status)


def error_status(error: PayvioxError | HTTPException) -> int:
    return error.status if isinstance(error, PayvioxError) else error.status_code
