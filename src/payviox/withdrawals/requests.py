"""From what a payout user asks for to an order that may be made: the rail is chosen, quotes and
validates, outside any transaction. Nothing is written here but what a rail keeps of a destination.
Amounts are US cents."""

from dataclasses import replace
from uuid import UUID

from payviox import ids
from payviox.auth.users import UserCaller
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Database
from payviox.errors import FieldErrors, NotFound, ProviderUnavailable, WithdrawalsDisabled
from payviox.event_log import EventLogger
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.rails.orders import Invalid, Quote, ReadyOrder, Request
from payviox.rails.protocol import Rail, RailError
from payviox.withdrawals import quotes
from payviox.withdrawals.routing import Rails, Served

logger = EventLogger(__name__)


async def quote(
    database: Database, rails: Rails, caller: UserCaller, request: Request
) -> tuple[str, Quote]:
    """Which rail would serve it, and what it would cost. Raises WithdrawalsDisabled, FieldErrors,
    and ProviderUnavailable."""
    business = await _business(database, caller)
    request = await _kept(rails, business, caller, _canonical(request))
    served = await rails.serve(business, request.provider, request.destination)
    return served.rail.name, await ask(served, request)


async def ask(served: Served, request: Request) -> Quote:
    """What it would cost at this rail, within its limits. Raises FieldErrors and
    ProviderUnavailable."""
    if request.amount is not None:  # first: a rail knows its own limits alone
        served.check(request.amount)
    try:
        quote = await served.rail.quote(request)
    except Invalid as error:
        raise FieldErrors(error.fields) from error
    except RailError as error:
        raise _unavailable(served.rail, error) from error
    served.check(quote.amount)
    return quote


async def prepare(
    database: Database,
    rails: Rails,
    caller: UserCaller,
    request: Request,
    quote_id: UUID | None,
) -> ReadyOrder:
    """A valid order that may be made, priced by the named quote or by the rail as of now. Raises
    WithdrawalsDisabled, FieldErrors, and ProviderUnavailable."""
    business = await _business(database, caller)
    request = await _kept(rails, business, caller, _canonical(request))
    served = await rails.serve(business, request.provider, request.destination)
    rail = served.rail
    if quote_id is None:
        priced = await ask(served, request)
    else:
        priced = await _kept_quote(database, caller, rail, request, quote_id)
        served.check(priced.amount)
    try:
        ready = await rail.validate(ids.new(), priced, request, caller.email)
    except Invalid as error:
        raise FieldErrors(error.fields) from error
    except RailError as error:
        raise _unavailable(rail, error) from error
    if quote_id is not None and priced.destination not in ({}, ready.destination):
        raise _other_quote("destination")
    return ready


async def _business(database: Database, caller: UserCaller) -> Business:
    business = await database.fetch(businesses.get, caller.business_id)
    if not business.withdrawals_enabled:
        raise WithdrawalsDisabled
    return business


def _canonical(request: Request) -> Request:
    """The request with its email address in the one spelling that is kept. Raises FieldErrors."""
    if request.provider != "paypal" or not request.destination:
        return request
    try:
        email = canonical(request.destination["email"])
    except InvalidEmail as error:
        raise FieldErrors({"paypal.email": [str(error)]}) from error
    return replace(request, destination={**request.destination, "email": email})


async def _kept(rails: Rails, business: Business, caller: UserCaller, request: Request) -> Request:
    """The request with a destination that may stand in a quote and an order: what must not is kept
    elsewhere, by a write of its own, from here on. Raises FieldErrors."""
    try:
        destination = await rails.keep(
            business, caller.user_id, request.provider, request.destination
        )
    except Invalid as error:
        raise FieldErrors(error.fields) from error
    return replace(request, destination=destination)


def _unavailable(rail: Rail, error: RailError) -> ProviderUnavailable:
    logger.warning("rail cannot be asked", rail=rail.name, problem=str(error))
    return ProviderUnavailable()


async def _kept_quote(
    database: Database, caller: UserCaller, rail: Rail, request: Request, quote_id: UUID
) -> Quote:
    """The payout user's own quote, for just this; whether it is still good is settled under the
    lock that makes the order."""
    try:
        quote = await database.fetch(quotes.get, caller.business_id, caller.user_id, quote_id)
    except NotFound as error:
        raise FieldErrors({"quote_id": ["There is no such quote."]}) from error
    if (quote.provider, quote.rail) != (request.provider, rail.name):
        raise _other_quote("provider")
    if request.amount not in (None, quote.amount):
        raise _other_quote("amount")
    if request.net_amount not in (None, quote.net_amount):
        raise _other_quote("net_amount")
    return quote


def _other_quote(name: str) -> FieldErrors:
    return FieldErrors({"quote_id": [f"The quote was made for another {name}."]})
