"""What a coin is worth in US dollars, and until when that may be relied on. A stale price
refuses."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

Source = Literal["one", "fixed", "feed"]


class PriceError(Exception):
    """There is no price that may be relied on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars for one whole coin, valid until `expires_at`."""

    rate: Decimal
    source: Source
    expires_at: datetime
