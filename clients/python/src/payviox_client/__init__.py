"""Client of the Payviox Payout API. Amounts are integers in US cents, times RFC 3339 in UTC.

`Payviox` calls as a business, `PayoutUser` as a payout user; `AsyncPayviox` and `AsyncPayoutUser`
do so from `async` code. `webhooks.verify` checks what comes to your webhook; `models` has the types
of everything; errors are at the top level.
"""

from payviox_client import models, webhooks
from payviox_client._transport import OMIT
from payviox_client._version import __version__
from payviox_client.client import AsyncPayoutUser, AsyncPayviox, PayoutUser, Payviox
from payviox_client.errors import (
    ApiError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    Forbidden,
    IdempotencyMismatch,
    InsufficientBalance,
    InvalidFields,
    NotFound,
    PayvioxError,
    ServerError,
    TooManyRequests,
    Unauthorized,
)
from payviox_client.listing import AsyncListing, Listing

__all__ = [
    "OMIT",
    "ApiError",
    "AsyncListing",
    "AsyncPayoutUser",
    "AsyncPayviox",
    "BadRequest",
    "Conflict",
    "ConnectionFailed",
    "Forbidden",
    "IdempotencyMismatch",
    "InsufficientBalance",
    "InvalidFields",
    "Listing",
    "NotFound",
    "PayoutUser",
    "Payviox",
    "PayvioxError",
    "ServerError",
    "TooManyRequests",
    "Unauthorized",
    "__version__",
    "models",
    "webhooks",
]
