"""Every refusal that a caller may see. The class is the answer: its status and its body are
decided here, and one place (web/errors.py) renders it."""

from collections.abc import Mapping, Sequence


class SettingsError(Exception):
    """The installation is set up wrong; the message tells its operator what to do. No caller sees
    it: it is no PayvioxError, so over HTTP it is our fault and says no more."""


class SchemaUnknown(Exception):
    """The database holds another schema than this version knows. No caller sees it either."""


class SchemaInUse(Exception):
    """The database is to be migrated and others still work on it. No caller sees it either."""


class PayvioxError(Exception):
    """A refusal with an HTTP status and a one-sentence message, and after how many seconds to try
    again where that may help."""

    status = 500
    message = "Internal server error"
    retry_after_s: int | None = None

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)

    @property
    def body(self) -> Mapping[str, object]:
        """The JSON body of the answer."""
        return {"error": str(self)}

    @property
    def headers(self) -> Mapping[str, str]:
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


class Unauthorized(PayvioxError):
    """Whatever was wrong with the credential: the answer is always the same."""

    status = 401
    message = "Unauthorized"


class KeyRefused(PayvioxError):
    """A restricted key that is known and may not do this, whatever the call holds."""

    status = 403


class ScopeMissing(KeyRefused):
    """Says which scope is needed; None is what the secret key alone may do."""

    def __init__(self, scope: str | None = None) -> None:
        super().__init__(
            f"This key lacks the scope {scope}" if scope else "This needs the secret key"
        )


class AddressRefused(KeyRefused):
    """Names no address, so that who found a key does not learn where it works."""

    message = "This key may not be used from here"


class KeyLimit(PayvioxError):
    status = 403
    message = "The amount is over this key's limit for one payment"


class KeyDailyLimit(PayvioxError):
    status = 403
    message = "The amount is over what this key may still spend today"


class FieldErrors(PayvioxError):
    """Every field at fault with its messages: `{"email": ["…"], "amount": ["…"]}`."""

    status = 400
    message = "The request has field errors"

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.fields = {name: list(messages) for name, messages in fields.items()}

    @property
    def body(self) -> Mapping[str, object]:
        return self.fields


class Malformed(PayvioxError):
    status = 400
    message = "The request body is not valid JSON"


class InsufficientPayoutBalance(PayvioxError):
    status = 400
    message = "Insufficient payout balance"


class InsufficientBalance(PayvioxError):
    """Too little. `held` and `asked` are cents, where they are known: for the operator's eyes."""

    status = 400
    message = "Insufficient balance"

    def __init__(self, *, held: int | None = None, asked: int | None = None) -> None:
        super().__init__()
        self.held, self.asked = held, asked


class Forbidden(PayvioxError):
    """Known, and not allowed."""

    status = 403
    message = "Your role does not allow this. Ask an owner of the organization."


class TooManyAttempts(PayvioxError):
    status = 429
    message = "Too many attempts. Wait a quarter of an hour, then try again."


class PayoutsDisabled(PayvioxError):
    status = 403
    message = "Payouts are currently disabled. Please enable them in Settings."


class WithdrawalsDisabled(PayvioxError):
    status = 403
    message = "Withdrawals are currently disabled."


class NotFound(PayvioxError):
    """`missing` names what is not there, such as `order ord_…`: callers of the API are not told."""

    status = 404
    message = "Not found"

    def __init__(self, message: str | None = None, *, missing: str | None = None) -> None:
        super().__init__(message)
        self.missing = missing


class MethodNotAllowed(PayvioxError):
    status = 405
    message = "Method not allowed"


class Conflict(PayvioxError):
    """The thing's state does not allow it."""

    status = 409
    message = "The current state does not allow this"


class PayoutUserInactive(Conflict):
    message = "Payout user is inactive"


class BodyTooLarge(PayvioxError):
    status = 413
    message = "The request body is too large"


class UnsupportedMediaType(PayvioxError):
    status = 415
    message = "The request body must be JSON: send Content-Type: application/json"


class IdempotencyMismatch(PayvioxError):
    status = 422
    message = "This Idempotency-Key was used before with another request body"


class Busy(PayvioxError):
    """The queue is full: nothing was done, try again."""

    status = 429
    message = "Too many requests are waiting. Nothing was done; try again shortly."
    retry_after_s = 1


class ClientGone(PayvioxError):
    """The client hung up; nobody is left to answer."""

    status = 499
    message = "The client hung up"


class ProviderUnavailable(PayvioxError):
    """A rail that had to be asked could not be: nothing was done, try again."""

    status = 503
    message = "The provider cannot be reached just now. Nothing was done; try again shortly."
    retry_after_s = 5


class ReadTooLong(PayvioxError):
    """One caller's read takes so long that the others would wait for it."""

    status = 503
    message = "Reading this takes too long. Ask for less: a smaller limit, or another filter."
    retry_after_s = 5


class LockedTooLong(PayvioxError):
    """Something else held a row for longer than a call may wait; everything was rolled back."""

    status = 503
    message = "Something else holds what this needs. Nothing was done; try again shortly."
    retry_after_s = 5


class DatabaseAway(PayvioxError):
    """No connection to the database was free, or held, for as long as a call may wait."""

    status = 503
    message = "The database does not answer just now. Nothing was done; try again shortly."
    retry_after_s = 5


class OutcomeUnknown(PayvioxError):
    """The connection was lost at COMMIT and could not be asked again: it may or may not be done."""

    status = 503
    message = (
        "The database was lost while this was being committed, so it may or may not have happened. "
        "Look before you repeat it, or repeat it with the same Idempotency-Key."
    )
    retry_after_s = 5
