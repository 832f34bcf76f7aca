"""`/redeem/review/<quote>`: what will be done, for how much; then it is done, once. A price is good
for one order, and its id is the key of the form: pressed twice, in two tabs or after going back, it
leads to the same order."""

from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import (
    Conflict,
    FieldErrors,
    InsufficientBalance,
    NotFound,
    PayvioxError,
    ProviderUnavailable,
    TooManyAttempts,
    WithdrawalsDisabled,
)
from payviox.idempotency import model as idempotency
from payviox.idempotency.model import Scope
from payviox.idempotency.service import once, replay
from payviox.languages.catalogues import marked
from payviox.ledger import service as ledger
from payviox.rails.orders import BANK_DESTINATION, Request
from payviox.redeem import words
from payviox.redeem.visits import ROUTE, Visit, act, read, show, visit_of
from payviox.redeem.withdraw.quoting import NO_PRICE, NoPrice, keep_price
from payviox.web.context import Call, services
from payviox.web.cookies import cookie_name
from payviox.web.cursors import path_id
from payviox.web.pages import redirect
from payviox.withdrawals import codes, quotes, whereabouts
from payviox.withdrawals import requests as withdrawal_requests
from payviox.withdrawals import review as rules
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.codes import CodeNeeded
from payviox.withdrawals.model import KeptQuote

Then = Literal["confirm", "ask again", "change"]

PATH = f"{ROUTE}/review/{{quote:str}}"
DEVICE = "redeem-device"
"""The cookie of a browser in which a code was typed."""
NAMES = {
    "paypal": ("email",),
    "crypto": ("currency", "chain", "to_address"),
    "gift_card": ("product",),
    "bank": BANK_DESTINATION,
}
"""What of a price's destination was asked for; the rest is the rail's."""
TOO_LITTLE = marked("Your balance is smaller than this by now. Nothing was taken.")
GONE = marked("This cannot be had any more. Nothing was taken; choose something else.")
TOO_MANY_CODES = marked(
    "Too many codes were asked for. Nothing was taken; wait a quarter of an hour, then confirm."
)
EXPIRED = marked("This price has run out. Nothing was taken; ask for a new one.")


class ReviewView(msgspec.Struct, frozen=True):
    """What is about to happen. `back` leads to the form, `then` says what can be done here;
    `before` is the price that was shown before, where it was another; `is_reviewed` where the
    business's rules of now would have somebody look at it first."""

    quote: KeptQuote
    address: str
    destination: str
    network: str
    coin: str
    is_own_email: bool
    is_unused_address: bool
    is_reviewed: bool
    back: str
    then: Then
    refused: str | None = None
    before: KeptQuote | None = None


@get(PATH, include_in_schema=False)
async def show_review(request: Call) -> Response[Any]:
    """What will be done; where it was done already, the order."""
    visit = await visit_of(request)
    quote_id = path_id(request, ids.QUOTE, "quote")
    quote = await quote_of(request, visit, quote_id)
    made = await made_by(request, visit, quote_id)
    if made is not None:
        return redirect(made)
    return await _review(request, visit, quote, before=await _before(request, visit, quote))


@post(PATH, include_in_schema=False, status_code=200)
async def confirm(request: Call) -> Response[Any]:
    """Make the order, once."""
    visit = await visit_of(request)
    quote_id = path_id(request, ids.QUOTE, "quote")
    quote = await quote_of(request, visit, quote_id)
    made = await made_by(request, visit, quote_id)
    if made is not None:
        return redirect(made)
    return await finish(request, visit, quote)


@post(f"{PATH}/again", include_in_schema=False, status_code=200)
async def ask_again(request: Call) -> Response[Any]:
    """Ask for a new price of the same."""
    visit = await visit_of(request)
    quote = await quote_of(request, visit, path_id(request, ids.QUOTE, "quote"))
    balance = await read(
        request, visit, ledger.user_balance, visit.business.id, visit.caller.user_id
    )
    try:
        new = await keep_price(request, visit, _request(quote, visit, quote.amount), balance)
    except FieldErrors:
        return redirect(_back(quote))
    except NoPrice as error:
        return await _review(request, visit, quote, str(error), "ask again", status=503)
    return redirect(f"{address_of(new)}?before={ids.show(ids.QUOTE, quote.id)}")


async def finish(request: Call, visit: Visit, quote: KeptQuote) -> Response[Any]:
    """Make the order and go to it; or to where a code is typed, or say why there is none."""
    try:
        return redirect(await _make(request, visit, quote))
    except CodeNeeded:
        return await _send_code(request, visit, quote)
    except (Conflict, FieldErrors, InsufficientBalance) as error:
        made = await made_by(request, visit, quote.id)
        if made is not None:
            return redirect(made)
        return await _review(request, visit, quote, *_refusal(error), status=409)
    except (ProviderUnavailable, WithdrawalsDisabled):
        return await _review(request, visit, quote, NO_PRICE, status=503)


def _refusal(error: PayvioxError) -> tuple[str, Then]:
    """Why no order was made, and what can be done."""
    if isinstance(error, InsufficientBalance):
        return TOO_LITTLE, "change"
    return (EXPIRED, "ask again") if isinstance(error, Conflict) else (GONE, "change")


async def _send_code(request: Call, visit: Visit, quote: KeptQuote) -> Response[Any]:
    try:
        await act(request, visit, codes.send, services(request).keyring, visit.caller, quote.id)
    except TooManyAttempts:
        return await _review(request, visit, quote, TOO_MANY_CODES, status=429)
    return redirect(f"{address_of(quote.id)}/code")


def address_of(quote_id: UUID) -> str:
    """The review of a price."""
    return f"{ROUTE}/review/{ids.show(ids.QUOTE, quote_id)}"


async def quote_of(request: Call, visit: Visit, quote_id: UUID) -> KeptQuote:
    """The recipient's own price. Raises NotFound."""
    return await read(request, visit, quotes.get, visit.business.id, visit.caller.user_id, quote_id)


async def _before(request: Call, visit: Visit, quote: KeptQuote) -> KeptQuote | None:
    """The price that this one took the place of, where it was another."""
    earlier_id = ids.parse(ids.QUOTE, request.query_params.get("before", ""))
    if earlier_id is None:
        return None
    try:
        earlier = await quote_of(request, visit, earlier_id)
    except NotFound:
        return None
    return None if _terms(earlier) == _terms(quote) else earlier


def _terms(quote: KeptQuote) -> tuple[object, ...]:
    """What somebody gets by a price, also in another currency, and what it costs."""
    pays = quote.destination.get("pays", {})
    return quote.net_amount, quote.fees, pays.get("currency"), pays.get("amount")


def _scope(visit: Visit, quote_id: UUID) -> Scope:
    shown = ids.show(ids.QUOTE, quote_id)
    caller = str(visit.caller.user_id)
    return Scope(caller, f"{ROUTE}/review", f"form:{shown}", idempotency.digest({}))


async def made_by(request: Call, visit: Visit, quote_id: UUID) -> str | None:
    """Where the order is that was made by this review; None where none was."""
    earlier = await read(request, visit, replay, visit.business.id, _scope(visit, quote_id))
    return None if earlier is None else f"{ROUTE}/withdrawals/{earlier['order']}"


async def _make(request: Call, visit: Visit, quote: KeptQuote) -> str:
    process = services(request)
    ready = await withdrawal_requests.prepare(
        process.database, process.rails, visit.caller, _request(quote, visit), quote.id
    )

    device = request.cookies.get(cookie_name(request, DEVICE))

    async def effect(connection: Connection) -> dict[str, str]:
        order = await withdrawals.create(
            connection, visit.caller.user_id, ready, quote_id=quote.id, device=device
        )
        return {"order": ids.show(ids.ORDER, order.id)}

    work = once(visit.business.id, _scope(visit, quote.id), effect)
    done = await act(request, visit, work, keyed=True)
    return f"{ROUTE}/withdrawals/{done.reference['order']}"


def _request(quote: KeptQuote, visit: Visit, amount: int | None = None) -> Request:
    destination = {name: quote.destination[name] for name in NAMES[quote.provider]}
    return Request(visit.business.id, quote.provider, destination, amount)


def _back(quote: KeptQuote) -> str:
    form = f"{ROUTE}/withdraw/{quote.provider.replace('_', '-')}"
    return f"{form}?quote={ids.show(ids.QUOTE, quote.id)}" if quote.provider == "bank" else form


async def _review(
    request: Call,
    visit: Visit,
    quote: KeptQuote,
    refused: str | None = None,
    then: Then = "confirm",
    *,
    before: KeptQuote | None = None,
    status: int = 200,
) -> Response[Any]:
    if quote.expired and then == "confirm":
        refused, then = refused or EXPIRED, "ask again"
    destination = quote.destination
    where = {
        "paypal": destination.get("email", ""),
        "crypto": words.grouped(str(destination.get("to_address", ""))),
        "gift_card": whereabouts.card_name(destination) if "brand" in destination else "",
        "bank": str(destination.get("masked", "")),
    }[quote.provider]
    reasons = await read(request, visit, rules.reasons, visit.business, visit.caller.user_id, quote)
    view = ReviewView(
        quote=quote,
        address=address_of(quote.id),
        destination=where,
        network=whereabouts.network(str(destination.get("chain", ""))),
        coin=str(destination.get("currency", "")),
        is_own_email=where == visit.caller.email,
        is_unused_address=destination.get("terms", {}).get("unused", False),
        is_reviewed=bool(reasons),
        back=_back(quote),
        then=then,
        refused=refused and visit.language.gettext(refused),
        before=before,
    )
    return show(request, visit, "withdraw/review.html", view, status=status)


ROUTES = [show_review, confirm, ask_again]
