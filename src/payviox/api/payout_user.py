"""What a payout user may do with their hash: see their balance and history, quote, withdraw, cancel,
and see the code of a gift card of theirs."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from msgspec import UNSET, UnsetType

from payviox import ids
from payviox.api.authentication import require_payout_user
from payviox.api.bodies import parse
from payviox.api.context import Call, payout_user, services
from payviox.api.documentation import documented
from payviox.api.idempotent import run_once
from payviox.api.order_views import (
    EXAMPLE,
    OrderView,
    as_first_shown,
    example,
    remembered,
    user_view,
)
from payviox.api.paging import (
    Listed,
    Page,
    after_id,
    listed,
    page_of,
    path_id,
    read_query,
    unknown_after,
)
from payviox.api.withdrawal_bodies import (
    GiftCardDestination,
    PaypalDestination,
    QuoteRequest,
    WithdrawRequest,
    read_quote,
    read_withdrawal,
)
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors, InsufficientBalance, NotFound
from payviox.giftcards import service as giftcards
from payviox.idempotency.service import Done, ShownOnce
from payviox.ledger import service as ledger
from payviox.money import CURRENCY
from payviox.rails.base import GiftCard, Provider
from payviox.withdrawals import history, quotes
from payviox.withdrawals import requests as withdrawal_requests
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.history import Movement, UnknownEntry
from payviox.withdrawals.model import Order, Status

ACTOR = "user"


class MethodView(msgspec.Struct):
    """A way to withdraw, with its limits in US cents."""

    provider: Provider
    enabled: bool
    min_amount: int
    max_amount: int


class OperationView(msgspec.Struct, kw_only=True):
    """One line of a payout user's history. An adjustment's amount may be negative."""

    id: str
    type: Literal["allocation", "revocation", "expiry", "adjustment", "withdrawal"]
    amount: Annotated[int, msgspec.Meta(description="US cents")]
    status: Status
    provider: Provider | UnsetType = UNSET
    created_at: datetime


class OperationsView(msgspec.Struct):
    """A payout user's own view."""

    email: str
    status: Literal["active"]
    balance: Annotated[int, msgspec.Meta(description="US cents")]
    methods: list[MethodView]
    operations: list[OperationView]
    has_more: bool
    currency: str = CURRENCY


class QuoteView(msgspec.Struct):
    """What a withdrawal would cost, in US cents: amount = fees + net_amount. Good for one withdrawal
    until it expires."""

    quote_id: str
    provider: Provider
    amount: int
    fees: int
    net_amount: int
    expires_at: datetime
    currency: str = CURRENCY


class GiftCardProduct(msgspec.Struct):
    """A gift card to buy. `price` in US cents; `face_value` in hundredths of the card's currency."""

    id: str
    name: str
    brand: str
    country: str
    currency: str
    face_value: int
    price: int
    available: bool


class Catalogue(msgspec.Struct):
    """Every gift card there is."""

    data: list[GiftCardProduct]


class RevealedView(msgspec.Struct, kw_only=True):
    """A gift card with its code. A replay of an idempotency key answers without code and PIN."""

    id: str
    brand: str
    country: str
    currency: str
    face_value: int
    code: str | UnsetType = UNSET
    pin: str | UnsetType = UNSET
    expires_on: date | UnsetType = UNSET


class WithdrawalFilter(Page, kw_only=True):
    """Which withdrawals to list."""

    status: Status | None = None


_SEEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
_VIEW = OperationsView(
    "ada@example.com",
    "active",
    2_500,
    [MethodView("paypal", True, 1, 100_000_000)],
    [
        OperationView(
            id="trf_7", type="allocation", amount=2_500, status="succeeded", created_at=_SEEN
        )
    ],
    has_more=False,
)
_QUOTE = QuoteView("quo_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e72", "crypto", 5_000, 50, 4_950, _SEEN)
_CARD = GiftCardProduct(
    "sandbox_card_25", "Sandbox $25", "Sandbox", "US", "USD", 2_500, 2_500, available=True
)
_REVEALED = RevealedView(
    id=EXAMPLE.id,
    brand="Sandbox",
    country="US",
    currency="USD",
    face_value=2_500,
    code="SANDBOX-0123456789ABCDEF",
)


@get("/payout/operations", guards=[require_payout_user])
@documented("Payout user", {200: _VIEW}, query=Page)
async def get_operations(request: Call) -> OperationsView:
    """Balance, what can be done, and history, newest first."""
    return await _operations(request)


@post("/payout/operations", guards=[require_payout_user], status_code=200)
@documented("Payout user", {200: _VIEW}, query=Page, idempotent=False)
async def post_operations(request: Call) -> OperationsView:
    """Balance, what can be done, and history, newest first.

    The same as with GET, for those who send the hash in a body.
    """
    parse(await request.body())
    return await _operations(request)


async def _operations(request: Call) -> OperationsView:
    caller, found = payout_user(request), services(request)
    wanted = read_query(request, Page)
    after = _entry(wanted.after)
    at = (caller.business_id, caller.user_id)

    async def fetch(connection: Connection) -> tuple[Any, int, list[Movement]]:
        return (
            await businesses.get(connection, caller.business_id),
            await ledger.user_balance(connection, *at),
            await history.page(connection, *at, after=after, limit=wanted.limit + 1),
        )

    try:
        business, balance, rows = await found.database.fetch(fetch)
    except UnknownEntry as error:
        raise unknown_after() from error
    page = page_of(rows, wanted.limit, _operation)
    methods = [
        MethodView(m.provider, m.enabled, m.min_amount, m.max_amount)
        for m in found.rails.methods(business)
    ]
    return OperationsView(caller.email, "active", balance, methods, page.data, page.has_more)


def _entry(after: str | None) -> UUID | int | None:
    if after is None:
        return None
    found = ids.parse(ids.ORDER, after) or ids.parse_number(ids.TRANSFER, after)
    if found is None:
        raise unknown_after()
    return found


def _operation(row: Movement) -> OperationView:
    if row.order_id is not None and row.kind == "reserve":
        facts = {
            "id": ids.show(ids.ORDER, row.order_id),
            "type": "withdrawal",
            "amount": -row.amount,
            "status": row.status,
            "provider": row.provider,
        }
    else:
        amount = row.amount if row.kind == "adjustment" else abs(row.amount)
        facts = {
            "id": ids.show(ids.TRANSFER, str(row.id)),
            "type": row.kind,
            "amount": amount,
            "status": "succeeded",
        }
    return msgspec.convert(facts | {"created_at": row.created_at}, OperationView)


@post("/payout/quote", guards=[require_payout_user], status_code=200)
@documented(
    "Payout user",
    {200: _QUOTE},
    request=[
        QuoteRequest(provider="crypto", amount=5_000),
        QuoteRequest(provider="paypal", net_amount=2_500),
    ],
)
async def quote(request: Call) -> Response[Any]:
    """Quote a withdrawal.

    Say what to spend (`amount`) or what is to arrive (`net_amount`).
    """
    caller, found = payout_user(request), services(request)
    wanted = read_quote(await request.body())
    offer: withdrawal_requests.Quoted | FieldErrors
    try:
        offer = await withdrawal_requests.quote(found.database, found.rails, caller, wanted)
    except FieldErrors as error:
        offer = error  # only told if this is not a replay

    async def effect(connection: Connection) -> str:
        if isinstance(offer, FieldErrors):
            raise offer
        quote_id = await quotes.keep(
            connection,
            caller.business_id,
            caller.user_id,
            wanted.provider,
            offer.rail,
            offer.quote,
        )
        return ids.show(ids.QUOTE, quote_id)

    async def render(done: Done) -> QuoteView:
        quote_id = UUID(done.reference.removeprefix(f"{ids.QUOTE}_"))
        kept = await found.database.fetch(
            lambda connection: quotes.get(connection, caller.business_id, caller.user_id, quote_id)
        )
        return QuoteView(
            done.reference, kept.provider, kept.amount, kept.fees, kept.net_amount, kept.expires_at
        )

    return await run_once(request, caller.business_id, str(caller.user_id), effect, render)


@get("/payout/gift-cards", guards=[require_payout_user])
@documented("Payout user", {200: Catalogue([_CARD])})
async def list_gift_cards(request: Call) -> Catalogue:
    """The gift cards that can be bought."""
    caller, found = payout_user(request), services(request)

    async def fetch(connection: Connection) -> list[GiftCard]:
        business = await businesses.get(connection, caller.business_id)
        stock = await giftcards.catalogue(connection, caller.business_id)
        return [
            *(
                GiftCard(
                    p.shown_id,
                    p.name,
                    p.brand,
                    p.country,
                    p.currency,
                    p.face_value,
                    p.price,
                    p.available,
                )
                for p in stock
            ),
            *found.rails.gift_cards(business),
        ]

    cards = await found.database.fetch(fetch)
    return Catalogue([msgspec.convert(c, GiftCardProduct, from_attributes=True) for c in cards])


@post("/payout/withdraw", guards=[require_payout_user], status_code=201)
@documented(
    "Payout user",
    {201: EXAMPLE},
    request=[
        WithdrawRequest(
            provider="paypal", amount=2_500, paypal=PaypalDestination("ada@example.com")
        ),
        WithdrawRequest(
            provider="gift_card", amount=2_500, gift_card=GiftCardDestination("sandbox_card_25")
        ),
    ],
    errors=[InsufficientBalance, Conflict],
)
async def withdraw(request: Call) -> Response[Any]:
    """Withdraw all or part of the balance.

    The money is set aside at once; the order is sent in the background, after review where the
    business's rules ask for one.
    """
    caller, found = payout_user(request), services(request)
    wanted = read_withdrawal(await request.body())
    prepared: withdrawal_requests.Prepared | FieldErrors
    try:
        prepared = await withdrawal_requests.prepare(found.database, found.rails, caller, wanted)
    except FieldErrors as error:
        prepared = error  # only told if this is not a replay

    async def effect(connection: Connection) -> dict[str, Any]:
        if isinstance(prepared, FieldErrors):
            raise prepared
        return remembered(
            await withdrawals.create(
                connection,
                prepared.business,
                caller.user_id,
                prepared.rail,
                prepared.ready,
                quote_id=prepared.quote_id,
            )
        )

    return await _answer_order(request, effect, status_code=201)


async def _answer_order(request: Call, effect: Any, *, status_code: int = 200) -> Response[Any]:
    caller = payout_user(request)

    async def render(done: Done) -> OrderView:
        return user_view(await as_first_shown(request, caller.business_id, done))

    return await run_once(
        request, caller.business_id, str(caller.user_id), effect, render, status_code=status_code
    )


@get("/payout/withdrawals", guards=[require_payout_user])
@documented("Payout user", {200: listed(EXAMPLE)}, query=WithdrawalFilter)
async def list_withdrawals(request: Call) -> Listed[OrderView]:
    """List one's withdrawals, newest first."""
    caller = payout_user(request)
    wanted = read_query(request, WithdrawalFilter)
    after = after_id(wanted, ids.ORDER)

    async def fetch(connection: Connection) -> list[Order]:
        if after is not None:
            try:
                await withdrawals.get(connection, caller.business_id, after, user_id=caller.user_id)
            except NotFound as error:
                raise unknown_after() from error
        return await withdrawals.list_page(
            connection,
            caller.business_id,
            user_id=caller.user_id,
            status=wanted.status,
            after=after,
            limit=wanted.limit + 1,
        )

    rows = await services(request).database.fetch(fetch)
    return page_of(rows, wanted.limit, user_view)


@get("/payout/withdrawals/{id:str}", guards=[require_payout_user])
@documented("Payout user", {200: EXAMPLE})
async def get_withdrawal(request: Call) -> OrderView:
    """One of one's withdrawals."""
    return user_view(await _own_order(request, path_id(request, ids.ORDER)))


@post("/payout/withdrawals/{id:str}/cancel", guards=[require_payout_user], status_code=200)
@documented("Payout user", {200: example(OrderView, status="canceled")}, errors=[Conflict])
async def cancel_withdrawal(request: Call) -> Response[Any]:
    """Cancel a withdrawal that was not sent yet.

    The money is back on the balance at once.
    """
    caller = payout_user(request)
    order_id = path_id(request, ids.ORDER)

    async def effect(connection: Connection) -> dict[str, Any]:
        return remembered(
            await withdrawals.cancel(
                connection, caller.business_id, order_id, ACTOR, user_id=caller.user_id
            )
        )

    return await _answer_order(request, effect)


@post("/payout/withdrawals/{id:str}/reveal", guards=[require_payout_user], status_code=200)
@documented("Payout user", {200: _REVEALED}, errors=[giftcards.NothingToReveal])
async def reveal_gift_card(request: Call) -> Response[Any]:
    """Show the code of a gift card that one has bought.

    Every reveal is recorded.
    """
    caller, found = payout_user(request), services(request)
    order_id = path_id(request, ids.ORDER)
    order = await _own_order(request, order_id)
    rail = found.rails.revealing(order.rail)

    async def effect(connection: Connection) -> ShownOnce:
        if order.provider != "gift_card" or order.status != "succeeded":
            raise giftcards.NothingToReveal
        if rail is None:
            card = await giftcards.reveal(
                connection, found.keyring, caller.business_id, caller.user_id, order_id
            )
            expires_on = card.expires_on and card.expires_on.isoformat()
            return ShownOnce({"expires_on": expires_on}, (card.code, card.pin))
        await giftcards.record_reveal(connection, caller.business_id, order_id)
        revealed = rail.reveal(order_id)
        return ShownOnce({"expires_on": None}, (revealed.code, revealed.pin))

    def render(done: Done) -> RevealedView:
        code, pin = done.shown_once or (None, None)
        expires_on = done.reference["expires_on"]
        facts = {name: order.destination[name] for name in ("brand", "country", "currency")}
        return RevealedView(
            id=ids.show(ids.ORDER, order_id),
            **facts,
            face_value=order.destination["face_value"],
            code=code or UNSET,
            pin=pin or UNSET,
            expires_on=date.fromisoformat(expires_on) if expires_on else UNSET,
        )

    return await run_once(request, caller.business_id, str(caller.user_id), effect, render)


async def _own_order(request: Call, order_id: UUID) -> Order:
    caller = payout_user(request)
    return await services(request).database.fetch(
        lambda connection: withdrawals.get(
            connection, caller.business_id, order_id, user_id=caller.user_id
        )
    )


ROUTES = [
    get_operations,
    post_operations,
    quote,
    list_gift_cards,
    withdraw,
    list_withdrawals,
    get_withdrawal,
    cancel_withdrawal,
    reveal_gift_card,
]
