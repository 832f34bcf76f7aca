"""A bank account of the business's own as a rail: an order's attempt becomes a payment that waits
for a file, and is what the bank says of it. A check alone talks to a bank: files leave by
releasing/, and what the bank says comes by imports.py."""

import base64
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from payviox.bank import accounts, outcomes
from payviox.bank.model import Payment
from payviox.bank.queries import imports as imports_queries
from payviox.bank.queries import payments as queries
from payviox.bank.queries.payments import NewPayment
from payviox.bank.releasing import check as releasing
from payviox.bank.releasing.target import Networks
from payviox.db.pool import Connection, Database
from payviox.errors import OutcomeUnknown
from payviox.event_log import EventLogger
from payviox.rail_state.together import Together
from payviox.rails.bank import iban
from payviox.rails.bank import terms as bank_terms
from payviox.rails.bank.model import CURRENCY, MOST_AMOUNT, Payer, Scheme
from payviox.rails.bank.terms import Terms
from payviox.rails.orders import BANK_DESTINATION, Invalid, Price, Provider, Quote, ReadyOrder
from payviox.rails.orders import Request as Asked
from payviox.rails.protocol import (
    Account,
    Accounts,
    Entry,
    Finding,
    Holding,
    Known,
    Outcome,
    RailError,
)

logger = EventLogger(__name__)

QUOTE_LIFETIME = timedelta(minutes=15)
MOST_CENTS = 2_000_000_00
"""The most that one payee gets where the account sets no `max_amount`: two million dollars."""

A_PAYMENT = 100_00
"""Cents by which a check asks whether euros can be priced."""


def end_to_end_id(reference: str) -> str:
    """What the bank calls this attempt: 15 capitals and digits, which is all that ACH has room for;
    75 bits of the reference's digest."""
    digest = hashlib.sha256(reference.encode()).digest()
    return base64.b32encode(digest)[:15].decode()


Adding = tuple[ReadyOrder, str]
"""An order and the reference of its attempt."""


class Converter(Protocol):
    """Says what a payment in another currency than the balance's comes to."""

    async def pays(
        self, account: Account, currency: str, cents: int
    ) -> tuple[dict[str, Any], datetime]:
        """What is paid for so many US cents, as orders hold it: `currency`, `amount` in its minor
        units, `rate`, `source`, `as_of` and `spread`; and until when that is promised. Raises
        RailError where no rate is known or the last one is too old."""
        ...


class BankRail:
    """Implements payviox.rails.protocol.Rail, Connected and TakesBack. Without a converter nothing
    is paid but in US dollars. What the worker asks for many orders at the same time is done in one
    transaction, or one read."""

    name = "bank"
    remembers_s: float | None = None
    authoritative = True
    lists_all = False

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        converter: Converter | None = None,
        *,
        folder: Path | None = None,
        networks: Networks = (),
    ) -> None:
        """`folder` and `networks` are what the installation lets banks use, for checks."""
        self._database = database
        self._accounts = accounts
        self._converter = converter
        self._folder = folder
        self._networks = networks
        self._adding = Together(self._add)
        self._finding = Together(self._find)

    def serves(self, account: Account, provider: Provider, destination: Mapping[str, Any]) -> bool:
        scheme = destination.get("scheme")
        return provider == "bank" and (not scheme or scheme in _terms(account).schemes)

    def options(self, account: Account) -> Mapping[str, Any]:
        """The countries to which each scheme pays."""
        return {
            "schemes": {
                scheme: _countries(scheme, payer)
                for scheme, payer in _terms(account).payers.items()
            }
        }

    async def quote(self, request: Asked) -> Quote:
        """Quote by the account's fee policy; also without a destination. Raises Invalid, and
        RailError where nobody knows what arrives."""
        account = await self._enabled(request)
        price = _price(request, account)
        expires_at = datetime.now(UTC) + QUOTE_LIFETIME
        if "account" not in request.destination:
            return price.quote({}, expires_at)
        destination = _destination(request, account)
        pays, until = await self._pays(account, request.destination, price.net_amount)
        return price.quote({**destination, "pays": pays}, min(expires_at, until))

    async def validate(
        self, order_id: UUID, quote: Quote, request: Asked, email: str
    ) -> ReadyOrder:
        """The order pays what its quote promised. Raises Invalid and RailError."""
        account = await self._enabled(request)
        destination = _destination(request, account)
        pays = quote.destination.get("pays")
        if pays is None:
            pays, _ = await self._pays(account, request.destination, quote.net_amount)
        return ReadyOrder(
            request.business_id,
            order_id,
            request.provider,
            self.name,
            quote.amount,
            quote.fees,
            quote.net_amount,
            {**destination, "pays": pays},
            email,
        )

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        """Let a payment wait for a file. The same reference again: the same payment."""
        terms = await self._terms_of(order.business_id)
        if terms is None:
            return Outcome("not_sent", waiting="rail_not_connected")
        try:
            payment = await self._adding.ask(order.business_id, (order, reference))
        except OutcomeUnknown:
            return Outcome("unknown")
        return _outcome(payment, terms)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        """What became of the payment by what the bank has said until now; `not_found` where there
        is none."""
        terms = await self._terms_of(order.business_id)
        return _outcome(await self._finding.ask(order.business_id, reference), terms)

    async def take_back(self, order: ReadyOrder, reference: str) -> Outcome:
        """Canceled while it is in no file; else what it is."""
        terms = await self._terms_of(order.business_id)

        async def work(connection: Connection) -> Payment | None:
            await queries.take_back(connection, order.business_id, reference)
            return await queries.find(connection, order.business_id, reference)

        return _outcome(await self._database.write(work, keyed=True), terms)

    async def read_float(self, business_id: UUID) -> list[Holding]:
        """What the latest statements left, less what has been cut since and is not booked yet."""
        account = await self._accounts.find(business_id, self.name)
        if account is None:
            raise RailError("No bank account is connected.")
        return [
            Holding(
                asset=left.currency,
                amount=f"{left.amount / 100:.2f}",
                cents=left.amount if left.currency == "USD" else None,
                low=account.low_float is not None and left.amount < account.low_float,
            )
            for left in await self._database.fetch(imports_queries.left_of_statements, business_id)
        ]

    async def statement(
        self,
        business_id: UUID,
        since: datetime,  # noqa: ARG002  # the known attempts are since then
        known: AsyncIterator[Sequence[Known]],
    ) -> AsyncIterator[Sequence[Entry]]:
        """What the bank has said of the known attempts. What left for one of them twice is an
        entry of its own; what it said of anything else is no attempt's."""
        async for page in known:
            references = [attempt.reference for attempt in page]
            payments = await self._database.fetch(queries.find_many, business_id, references)
            twice = await self._database.fetch(imports_queries.list_twice, business_id, references)
            by_reference = {payment.reference: payment for payment in payments}
            yield [
                *map(outcomes.entry, payments),
                *(outcomes.once_more(by_reference[str(each.reference)], each) for each in twice),
            ]

    async def check(self, account: Account) -> list[Finding]:
        """Whether files can be made by the account's settings and handed over, and euros priced
        now."""
        problems = bank_terms.problems(account.settings)
        if problems:
            return [Finding(name, " ".join(said)) for name, said in problems.items()]
        findings = await releasing.check(account, self._folder, self._networks)
        if "sepa" in _terms(account).schemes:
            findings.append(await self._check_rate(account))
        return findings

    async def close(self) -> None:
        """Nothing is held."""

    async def _check_rate(self, account: Account) -> Finding:
        try:
            pays, until = await self._pays(account, {"scheme": "sepa"}, A_PAYMENT)
        except RailError as error:
            return Finding("rate", str(error), harmless=True)
        rate = f"1 {pays['currency']} = {pays['rate']} USD until {until:%Y-%m-%d %H:%M} UTC"
        return Finding("rate", detail=rate)

    async def _add(self, business_id: UUID, asked: Sequence[Adding]) -> Sequence[Payment | None]:
        """The payment of each order and reference, made where there is none. None where its account
        was forgotten."""
        wanted = [_new_payment(order, reference) for order, reference in asked]

        async def work(connection: Connection) -> list[Payment]:
            await queries.insert_many(connection, business_id, wanted)
            references = [payment.reference for payment in wanted]
            return await queries.find_many(connection, business_id, references)

        payments = {each.reference: each for each in await self._database.write(work, keyed=True)}
        return [payments.get(reference) for _, reference in asked]

    async def _find(self, business_id: UUID, asked: Sequence[str]) -> Sequence[Payment | None]:
        found = await self._database.fetch(queries.find_many, business_id, asked)
        payments = {payment.reference: payment for payment in found}
        return [payments.get(reference) for reference in asked]

    async def _pays(
        self, account: Account, destination: Mapping[str, Any], cents: int
    ) -> tuple[dict[str, Any], datetime]:
        """What arrives, in the scheme's currency. Raises RailError."""
        scheme: Scheme = destination["scheme"]
        currency = CURRENCY[scheme]
        if currency == "USD":
            return {"currency": currency, "amount": cents}, datetime.max.replace(tzinfo=UTC)
        if self._converter is None:
            raise RailError(f"There is no rate of {currency}.")
        return await self._converter.pays(account, currency, cents)

    async def _terms_of(self, business_id: UUID) -> Terms | None:
        account = await self._accounts.find(business_id, self.name)
        return None if account is None else _terms(account)

    async def _enabled(self, request: Asked) -> Account:
        account = await self._accounts.find(request.business_id, self.name)
        if account is None or not account.enabled or request.provider != "bank":
            message = f"The provider {request.provider} is not available."
            raise Invalid({"provider": [message]})
        return account


def _countries(scheme: Scheme, payer: Payer) -> list[str]:
    if scheme == "ach":
        return ["US"]
    return sorted(iban.EEA if payer.address is None else iban.SEPA_COUNTRIES)


def _terms(account: Account) -> Terms:
    return bank_terms.read(account.settings)


def _outcome(payment: Payment | None, terms: Terms | None) -> Outcome:
    if payment is None:
        return Outcome("not_found")
    return outcomes.outcome(payment, terms, payment.read_at)


def _new_payment(order: ReadyOrder, reference: str) -> NewPayment:
    account_id = accounts.account_in(order.destination)
    if account_id is None:
        raise ValueError("the order names no bank account")
    pays = order.destination["pays"]
    return NewPayment(
        reference=reference,
        order_id=order.order_id,
        account_id=account_id,
        end_to_end_id=end_to_end_id(reference),
        currency=str(pays["currency"]),
        amount=int(pays["amount"]),
        cents=order.net_amount,
        name=str(order.destination["name"]),
    )


def _destination(request: Asked, account: Account) -> dict[str, Any]:
    """Raises Invalid where no account was kept for it, or it cannot be paid."""
    named = request.destination
    if "account" not in named:
        raise Invalid({"bank": ["The bank field is required."]})
    payer = _terms(account).payers.get(named["scheme"])
    needs_address = named["scheme"] == "sepa" and iban.needs_payer_address(str(named["country"]))
    if needs_address and payer is not None and payer.address is None:
        message = f"The bank.iban is of a country ({named['country']}) where this is not paid."
        raise Invalid({"bank.iban": [message]})
    return {name: named[name] for name in BANK_DESTINATION}


def _price(request: Asked, account: Account) -> Price:
    """What is asked for by the account's fee policy. Raises Invalid."""
    policy = account.fees
    if request.amount is not None:
        field = "amount"
        price = Price.of_amount(request.amount, policy.of_amount(request.amount))
        least = 1 + policy.of_net(1)
    else:
        field, least = "net_amount", 1
        net_amount = request.net_amount or 0
        price = Price.of_net(net_amount, policy.of_net(net_amount) if net_amount > 0 else 0)
    if price.net_amount < 1:
        raise Invalid({field: [f"The {field} must be at least {least}."]})
    most = min(MOST_CENTS, *MOST_AMOUNT.values())
    if account.max_amount is None and price.net_amount > most:
        raise Invalid({field: [f"The {field} may not be greater than {most}."]})
    return price
