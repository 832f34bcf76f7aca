"""What payments in euros come to: by the source of rates that the business chose for its account,
made dearer by its spread. What was promised once is what is paid."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from payviox.db.pool import Database
from payviox.rail_state.together import Together
from payviox.rails.bank import terms as bank_terms
from payviox.rails.protocol import Account, RailError
from payviox.rates import conversion, service
from payviox.rates.model import ExchangeRate, RateUnknown, Source


class Euros:
    """Implements payviox.bank.rail.Converter. Who asks for a rate at the same time shares a read,
    which begins after all of them asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._finding = Together(self._find)

    async def pays(
        self, account: Account, currency: str, cents: int
    ) -> tuple[dict[str, Any], datetime]:
        """What arrives for so many US cents, with the rate that says so. Raises RailError."""
        terms = bank_terms.read(account.settings)
        try:
            rate = await self._finding.ask((terms.rate_source, currency), None)
        except RateUnknown as error:
            raise RailError(str(error)) from error
        bought = conversion.buy(cents, rate, terms.spread_bp)
        if bought.amount == 0:
            raise RailError(f"The amount is not worth a cent of {currency}.")
        promised = {
            "currency": currency,
            "amount": bought.amount,
            "rate": f"{rate.rate.normalize():f}",
            "source": rate.source,
            "as_of": rate.as_of.astimezone(UTC).isoformat(timespec="seconds"),
            "spread_bp": terms.spread_bp,
        }
        return promised, rate.expires_at

    async def _find(
        self, key: tuple[Source, str], asked: Sequence[None]
    ) -> Sequence[ExchangeRate | Exception]:
        try:
            rate = await self._database.fetch(service.find, *key)
        except RateUnknown as error:
            return [error] * len(asked)
        return [rate] * len(asked)
