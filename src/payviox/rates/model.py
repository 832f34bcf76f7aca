"""Exchange rates as values. A rate is US dollars for one unit of a currency, to ten digits."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args

from msgspec import Struct

from payviox.errors import FieldErrors, PayvioxError

Source = Literal["ecb", "fixed", "http"]
"""ecb: the European Central Bank's reference rates; fixed: what an operator says; http: a service
that answers as docs/rates.md describes."""

SOURCES: tuple[Source, ...] = get_args(Source)

CURRENCIES = ("EUR",)
"""In what people are paid besides US dollars."""

PLAUSIBLE = {"EUR": (Decimal("0.5"), Decimal("2.5"))}
"""What a unit can be worth: a point in the wrong place would pay ten times as much. A euro was
0.82 to 1.60 US dollars until now."""

ECB_FOR = timedelta(days=5)
"""How long the European Central Bank's rates are relied on: it publishes none from the Thursday
before Easter until the Tuesday after."""
MOST_HOURS = 24 * 7
"""So long may a rate last that an operator or a service says."""


class RateUnknown(PayvioxError):
    """There is no rate that may be relied on; the message says what to do."""

    status = 503


class ExchangeRate(Struct, frozen=True, kw_only=True):
    """US dollars for one unit of `currency`: as somebody saw it at `as_of`, until `expires_at`."""

    source: Source
    currency: str
    rate: Decimal
    as_of: datetime
    expires_at: datetime


def checked(rate: ExchangeRate) -> ExchangeRate:
    """The rate, to ten digits after the point. Raises FieldErrors where it is none to rely on."""
    if rate.currency not in CURRENCIES:
        raise FieldErrors({"currency": [f"The currency must be one of: {', '.join(CURRENCIES)}."]})
    least, most = PLAUSIBLE[rate.currency]
    if not rate.rate.is_finite() or not least <= rate.rate <= most:
        raise FieldErrors(
            {"rate": [f"The rate must be US dollars for one unit, {least} to {most}: 1.0825."]}
        )
    exact = rate.rate.quantize(Decimal("1e-10"))
    if exact != rate.rate:
        raise FieldErrors({"rate": ["The rate has more than ten digits after the point."]})
    return rate
