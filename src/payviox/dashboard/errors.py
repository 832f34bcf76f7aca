"""What a page says where something is refused or went wrong."""

from typing import Any

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException

from payviox.auth.sessions import SignedOut
from payviox.dashboard.account.proof import ask_before
from payviox.dashboard.visits import (
    ACCOUNT,
    ProofAsked,
    SecondFactorMissing,
    SecretTyped,
    proof_address,
    sign_in_address,
)
from payviox.errors import PayvioxError
from payviox.event_log import EventLogger
from payviox.rights.proof import ProofNeeded
from payviox.web.context import Call
from payviox.web.pages import HEADERS, HTML, block_of, is_partial, page, redirect

logger = EventLogger(__name__)

TITLES = {
    403: "Not allowed",
    404: "Page not found",
    405: "Page not found",
    409: "Not done",
    429: "Too many attempts",
    503: "Not available",
}
RELOAD = {"HX-Refresh": "true"}
READING_FAILED = "Something went wrong on our side. Try again."
ACTING_FAILED = (
    "Something went wrong on our side. Look whether it was done before you try it again."
)
NOT_FOUND = "There is nothing at this address, or it is not yours to see."


class ErrorView(msgspec.Struct, frozen=True):
    title: str
    message: str


def handle(request: Call, error: Exception) -> Response[Any]:
    """The page of any exception; what is our fault is logged and says no more than that."""
    if isinstance(error, SignedOut):
        if is_partial(request):  # the page is loaded anew, and leads to signing in
            return Response("", status_code=401, media_type=HTML, headers=HEADERS | RELOAD)
        return redirect(sign_in_address(request))
    if isinstance(error, ProofAsked):
        return ask_before(request, error)
    onward = _leads_to(request, error)
    if onward is not None:
        return redirect(onward)
    status, message = 500, READING_FAILED if request.method == "GET" else ACTING_FAILED
    if isinstance(error, PayvioxError):
        status, message = error.status, str(error)
    elif isinstance(error, HTTPException) and error.status_code < 500:
        status, message = error.status_code, error.detail
    else:
        logger.error("page failed", exc_info=error)
    if status in (404, 405):
        message = NOT_FOUND
    view = ErrorView(TITLES.get(status, "Something went wrong"), message)
    template = "error.html" if block_of(request) is None else "error_part.html"
    return page(request, template, view, status=status)


def _leads_to(request: Call, error: Exception) -> str | None:
    """The page where it goes on, where that is not one that says what is wrong."""
    if isinstance(error, SecondFactorMissing):
        return ACCOUNT
    if isinstance(error, ProofNeeded):
        return proof_address(request)
    return error.address if isinstance(error, SecretTyped) else None
