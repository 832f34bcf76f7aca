"""What a page says where something is refused or went wrong."""

from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException

from payviox.auth.sessions import SignedOut
from payviox.dashboard.account.proof import ask_before
from payviox.dashboard.visits import ProofAsked, proof_address, sign_in_address
from payviox.errors import PayvioxError
from payviox.event_log import EventLogger
from payviox.rights.proof import ProofNeeded
from payviox.web.context import Call
from payviox.web.pages import page, redirect

logger = EventLogger(__name__)

TITLES = {
    403: "Not allowed",
    404: "Page not found",
    405: "Page not found",
    409: "Not done",
    429: "Too many attempts",
    503: "Not available",
}
NOT_FOUND = "There is nothing at this address, or it is not yours to see."


@dataclass(frozen=True, slots=True)
class ErrorView:
    title: str
    message: str


def handle(request: Call, error: Exception) -> Response[Any]:
    """The page of any exception; what is our fault is logged and says no more than that."""
    if isinstance(error, SignedOut):
        return redirect(sign_in_address(request))
    if isinstance(error, ProofAsked):
        return ask_before(request, error)
    if isinstance(error, ProofNeeded):
        return redirect(proof_address(request))
    status, message = 500, "Something went wrong on our side. Nothing was changed; try again."
    if isinstance(error, PayvioxError):
        status, message = error.status, str(error)
    elif isinstance(error, HTTPException) and error.status_code < 500:
        status, message = error.status_code, error.detail
    else:
        logger.error("page failed", exc_info=error)
    if status in (404, 405):
        message = NOT_FOUND
    view = ErrorView(TITLES.get(status, "Something went wrong"), message)
    return page(request, "error.html", view, status=status)
