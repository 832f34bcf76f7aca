"""Exchange rates: keeping what somebody said, and finding the one that may be relied on now."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from payviox import actors
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors
from payviox.rates import answers, ecb
from payviox.rates.model import MOST_HOURS, ExchangeRate, RateUnknown, Source, checked
from payviox.rates.queries import rates as queries

list_newest = queries.list_newest

ADVICE: dict[Source, str] = {
    "ecb": "import the European Central Bank's file of today by `payviox rates import`",
    "fixed": "say one by `payviox rates set`",
    "http": "see why the service at PAYVIOX_RATES_URL is not heard",
}
"""What an operator does where a source has no rate to rely on."""


async def find(connection: Connection, source: Source, currency: str) -> ExchangeRate:
    """The rate of this source that counts now. Raises RateUnknown, also where it is too old."""
    rate = await queries.find_newest(connection, source, currency)
    if rate is None:
        raise RateUnknown(f"There is no rate of {currency} by {source}: {ADVICE[source]}")
    if not rate.lasts:
        raise RateUnknown(
            f"The rate of {currency} by {source} ended {rate.expires_at:%Y-%m-%d %H:%M %Z}:"
            f" {ADVICE[source]}"
        )
    return rate


async def set_fixed(
    connection: Connection, currency: str, rate: Decimal, hours: int, actor: Actor
) -> ExchangeRate:
    """Say what a unit is worth, from now for so many hours. Raises FieldErrors."""
    if not 0 < hours <= MOST_HOURS:
        raise FieldErrors({"hours": [f"A rate lasts for 1 to {MOST_HOURS} hours."]})
    now = datetime.now(UTC)
    said = ExchangeRate(
        source="fixed",
        currency=currency,
        rate=rate,
        as_of=now,
        expires_at=now + timedelta(hours=hours),
    )
    await _keep(connection, [checked(said)], actor)
    return said


async def import_ecb(
    connection: Connection, content: bytes, actor: Actor
) -> tuple[ExchangeRate, int]:
    """Keep what a file of the European Central Bank says; answers its newest rate, and how many
    were new. Raises FieldErrors, and Conflict where a day was told otherwise before."""
    rates = ecb.read(content)
    new = await _keep(connection, rates, actor)
    return max(rates, key=lambda rate: rate.as_of), new


async def hear(connection: Connection, content: bytes, kind: str) -> int:
    """Keep what was fetched, XML of the European Central Bank or a service's JSON, by its content
    type; answers how many rates were new. Raises FieldErrors and Conflict."""
    if "xml" in kind:
        return (await import_ecb(connection, content, actors.WORKER))[1]
    rate = answers.read(content, datetime.now(UTC))
    return await _keep(connection, [rate], actors.WORKER)


async def _keep(connection: Connection, rates: Sequence[ExchangeRate], actor: Actor) -> int:
    new = await queries.insert(connection, rates, str(actor))
    if new < len(rates):
        for other in await queries.find_others(connection, rates):
            raise Conflict(
                f"The rate of {other.currency} of {other.as_of:%Y-%m-%d %H:%M %Z} is known as"
                f" {other.rate.normalize():f}; another one for the same moment is not taken"
            )
    if new:
        newest = max(rates, key=lambda rate: rate.as_of)
        detail = {
            "source": newest.source,
            "currency": newest.currency,
            "rate": f"{newest.rate:f}",
            "as_of": newest.as_of.isoformat(),
            "new": new,
        }
        await audit.record_of_installation(connection, actor, "rate.keep", detail)
    return new
