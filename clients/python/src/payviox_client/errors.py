"""What a call may raise. What a server answered is an `ApiError`; what it said of single fields is
in `InvalidFields.fields`, by the field's name on the wire."""

from collections.abc import Mapping
from typing import Any


class PayvioxError(Exception):
    """Any failure of a call.

    `idempotency_key` is the key that the call was made with, None where a call takes none. Make the
    call again with it, at any time: it has its effect once.
    """

    idempotency_key: str | None = None


class ConnectionFailed(PayvioxError):
    """No whole answer came, after all retries: the call may have had its effect or not. Repeat it
    with `idempotency_key` to find out, and to have it done."""


class ApiError(PayvioxError):
    """The server refused, or failed. `status` is HTTP's, `body` the whole JSON of the answer (None
    where it was none), `request_id` what the dashboard's *Requests* finds it by."""

    def __init__(self, message: str, status: int, body: Any, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.body = body
        self.request_id = headers.get("request-id")

    def __str__(self) -> str:
        of_request = f", {self.request_id}" if self.request_id else ""
        return f"{self.message} ({self.status}{of_request})"


class BadRequest(ApiError):
    """400: what was asked cannot be done as it was asked, and nothing was done."""


class InvalidFields(BadRequest):
    """400, with messages for each field at fault: `{"email": ["The email field is required."]}`."""

    @property
    def fields(self) -> dict[str, list[str]]:
        """The messages of each field."""
        return dict(self.body)


class InsufficientBalance(BadRequest):
    """400: the balance that the money comes from holds less. Nothing was moved."""


class Unauthorized(ApiError):
    """401: the key or the hash is not, or no longer, good."""


class Forbidden(ApiError):
    """403: payouts or withdrawals are switched off."""


class NotFound(ApiError):
    """404: there is no such thing, or it is somebody else's."""


class Conflict(ApiError):
    """409: the state that it is in does not allow this."""


class IdempotencyMismatch(ApiError):
    """422: the idempotency key was used before, with another body. Nothing was done."""


class TooManyRequests(ApiError):
    """429, after all retries. `retry_after_s` is what the server asked to wait, in seconds."""

    retry_after_s: float | None = None


class ServerError(ApiError):
    """5xx, after all retries. `retry_after_s` is what the server asked to wait, in seconds. A 500
    did nothing, save perhaps a part of a batch; what a 503 means stands in `message`."""

    retry_after_s: float | None = None


BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: IdempotencyMismatch,
    429: TooManyRequests,
}
_TOO_LITTLE = {"Insufficient balance", "Insufficient payout balance"}


def error_of(status: int, body: Any, headers: Mapping[str, str]) -> ApiError:
    """The error that an answer is."""
    kind = ServerError if status >= 500 else BY_STATUS.get(status, ApiError)
    message = body.get("error") if isinstance(body, dict) else None
    if isinstance(message, str):
        if status == 400 and message in _TOO_LITTLE:
            kind = InsufficientBalance
        return kind(message, status, body, headers)
    if status == 400 and isinstance(body, dict):
        said = "; ".join(str(text) for texts in body.values() for text in texts)
        return InvalidFields(said, status, body, headers)
    return kind(f"The server answered {status}", status, body, headers)
