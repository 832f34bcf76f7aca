"""What a service answers that is asked for a rate by HTTP: a JSON object, with the rate as text so
that no digit is lost, or as a number."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from payviox.errors import FieldErrors
from payviox.rates.model import MOST_HOURS, ExchangeRate, checked


class Answer(msgspec.Struct):
    """`rate` is US dollars for one unit of `currency`; without `expires_at` it lasts a day."""

    currency: str
    rate: Decimal
    as_of: datetime
    expires_at: datetime | None = None


def read(content: bytes, now: datetime) -> ExchangeRate:
    """Raises FieldErrors where it is no such answer, of the future, or lasts too long."""
    try:
        answer = msgspec.json.decode(content, type=Answer)
    except msgspec.MsgspecError as error:
        raise FieldErrors({"answer": [f"The service's answer is no rate: {error}."]}) from error
    if answer.as_of.tzinfo is None or (answer.expires_at and answer.expires_at.tzinfo is None):
        raise FieldErrors({"answer": ["The service's answer has a time without its zone."]})
    as_of = answer.as_of.astimezone(UTC)
    if as_of > now + timedelta(minutes=5):
        raise FieldErrors({"answer": ["The service's answer is of the future."]})
    expires_at = answer.expires_at or as_of + timedelta(days=1)
    if not as_of < expires_at <= as_of + timedelta(hours=MOST_HOURS):
        raise FieldErrors({"answer": [f"A rate lasts for {MOST_HOURS} hours at the most."]})
    return checked(
        ExchangeRate(
            source="http",
            currency=answer.currency,
            rate=answer.rate,
            as_of=as_of,
            expires_at=expires_at,
        )
    )
