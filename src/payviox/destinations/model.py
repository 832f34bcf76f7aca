"""A payout user's saved destinations and their automatic withdrawal. Amounts are US cents."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from payviox.rails.orders import Provider

HeldBack = Literal["price", "fee", "limits", "code"]
"""Why a withdrawal did not happen by itself: no price was to be had, the fee was too high, the
limits did not allow it, or the business asks for a code that is mailed."""


class SavedDestination(msgspec.Struct, frozen=True):
    """`usable_at` is from when money may go there by itself."""

    id: UUID
    provider: Provider
    destination: dict[str, Any]
    usable_at: datetime


class Automatic(msgspec.Struct, frozen=True):
    """A balance of `above` cents or more goes to this destination by itself."""

    destination_id: UUID
    above: int
    held_back: HeldBack | None


class Due(msgspec.Struct, frozen=True):
    """A balance that is to go out now."""

    business_id: UUID
    payout_user_id: UUID
    email: str
    destination_id: UUID
    above: int
    provider: Provider
    destination: dict[str, Any]
    balance: int
