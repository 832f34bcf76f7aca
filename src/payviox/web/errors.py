"""Turning results and refusals into answers: the one place that knows how an error looks on the
wire. Always JSON, never a stack trace."""

from typing import Any

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException

from payviox.errors import (
    BodyTooLarge,
    FieldErrors,
    MethodNotAllowed,
    NotFound,
    PayvioxError,
)
from payviox.event_log import EventLogger
from payviox.web.context import Call

logger = EventLogger(__name__)

encode = msgspec.json.Encoder().encode
JSON = "application/json"
BY_STATUS: dict[int, type[PayvioxError]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
}


def error_answer(error: Exception) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of the answer to any exception; what is our fault is logged and says
    no more than that."""
    if isinstance(error, PayvioxError):
        return error.status, encode(error.body), dict(error.headers)
    if isinstance(error, HTTPException) and error.status_code < 500:
        status, body, headers = error_answer(_translated(error))
        return status, body, headers | (error.headers or {})  # such as Allow
    logger.error("request failed", exc_info=error)
    fault = PayvioxError()
    return fault.status, encode(fault.body), {}


def _translated(error: HTTPException) -> PayvioxError:
    known = BY_STATUS.get(error.status_code)
    if known is not None:
        return known()
    # The framework's own complaint about a query parameter: `extra` names the parameters.
    fields = {
        str(problem.get("key")): [str(problem.get("message"))]
        for problem in (error.extra if isinstance(error.extra, list) else [])
        if isinstance(problem, dict)
    }
    return FieldErrors(fields) if fields else BadRequest(error.detail)


class BadRequest(PayvioxError):
    status = 400


def handle(_: Call, error: Exception) -> Response[Any]:
    """Litestar's exception handler for everything."""
    status, body, headers = error_answer(error)
    return Response(body, status_code=status, headers=headers, media_type=JSON)
