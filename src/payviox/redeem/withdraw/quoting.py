"""What every form asks for alike: an amount, all of it or exactly what is to arrive, and a price
that is kept for the review."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from litestar import Response

from payviox import ids
from payviox.errors import FieldErrors, NotFound, ProviderUnavailable, WithdrawalsDisabled
from payviox.languages.catalogues import Language, marked
from payviox.ledger import service as ledger
from payviox.money import InvalidAmount, OutOfRange, dollars
from payviox.rails.orders import Provider, Request
from payviox.rails.protocol import Method
from payviox.redeem import words
from payviox.redeem.amounts import to_cents
from payviox.redeem.visits import ROUTE, Visit, act, read
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import quotes
from payviox.withdrawals import requests as withdrawal_requests

NO_PRICE = marked("A price cannot be had just now. Nothing was taken; try again in a moment.")


class NotOffered(NotFound):
    """This way to take money is not offered just now."""


class NoPrice(Exception):
    """Nobody can say what it would cost just now; the message is a sentence of the catalogues."""


@dataclass(frozen=True, slots=True)
class Money:
    """What can be taken this way: the balance and the limits, in cents."""

    method: Method
    balance: int

    @property
    def least(self) -> int:
        return self.method.min_amount

    @property
    def most(self) -> int:
        return min(self.balance, self.method.max_amount)


@dataclass(frozen=True, slots=True)
class FormView:
    """A form with what was typed and what is wrong with it."""

    money: Money
    typed: Mapping[str, str]
    errors: Mapping[str, list[str]] = field(default_factory=dict)
    refused: str | None = None

    @property
    def amount(self) -> str:
        """What was typed, else all of it."""
        return self.typed.get("amount", dollars(max(self.money.most, 0)).removeprefix("$"))

    @property
    def is_exact(self) -> bool:
        return self.typed.get("kind") == "exact"


async def money_of(request: Call, visit: Visit, provider: Provider) -> Money:
    """Raises NotOffered where the business does not offer it, or not any more."""
    for method in await services(request).offers.methods(visit.business):
        if method.provider == provider:
            balance = await read(
                request, visit, ledger.user_balance, visit.business.id, visit.caller.user_id
            )
            return Money(method, balance)
    raise NotOffered


def read_amount(form: Mapping[str, str], language: Language) -> tuple[int | None, int | None]:
    """The amount to spend, or that is to arrive, in cents. Raises FieldErrors."""
    try:
        cents = to_cents(form.get("amount", ""), language)
    except OutOfRange as error:
        raise FieldErrors({"amount": []}) from error
    except InvalidAmount as error:
        raise FieldErrors({"typed": [str(error)]}) from error
    return (None, cents) if form.get("kind") == "exact" else (cents, None)


async def keep_price(request: Call, visit: Visit, wanted: Request, balance: int) -> UUID:
    """Ask what it costs and keep the answer for the review. Raises FieldErrors, NoPrice, and
    TooManyQuotes."""
    process = services(request)
    try:
        rail, quote = await withdrawal_requests.quote(
            process.database, process.rails, visit.caller, wanted
        )
    except (ProviderUnavailable, WithdrawalsDisabled) as error:
        raise NoPrice(NO_PRICE) from error
    if quote.amount > balance:
        raise FieldErrors({"typed": [_too_much(quote.amount, balance, visit.language)]})
    return await act(
        request,
        visit,
        quotes.keep,
        visit.business.id,
        visit.caller.user_id,
        wanted.provider,
        rail,
        quote,
    )


def _too_much(amount: int, balance: int, language: Language) -> str:
    return language.gettext(
        "This takes %(amount)s. Your balance is %(balance)s.",
        amount=language.money(amount),
        balance=language.money(balance),
    )


def problems_of(error: FieldErrors, money: Money, language: Language) -> dict[str, list[str]]:
    """What to say beside each field."""
    if "typed" in error.fields:
        return {"amount": error.fields["typed"]}
    return words.problems(error, money.least, money.most, language)


def to_review(quote_id: UUID) -> Response[Any]:
    """Go on to the review of this price."""
    return redirect(f"{ROUTE}/review/{ids.show(ids.QUOTE, quote_id)}")


async def price(
    request: Call,
    visit: Visit,
    money: Money,
    wanted: Callable[[Mapping[str, str]], Request],
    again: Callable[[FormView, int], Awaitable[Response[Any]]],
) -> Response[Any]:
    """Ask for the price of what a form wants of this money, then its review; or the form `again`
    with a status and what is wrong with it."""
    form = await read_form(request)
    try:
        quote_id = await keep_price(request, visit, wanted(form), money.balance)
    except FieldErrors as error:
        return await again(FormView(money, form, problems_of(error, money, visit.language)), 422)
    except NoPrice as error:
        return await again(FormView(money, form, refused=visit.language.gettext(str(error))), 503)
    return to_review(quote_id)
