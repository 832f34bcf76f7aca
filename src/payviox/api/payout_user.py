"""What a payout user may do with their hash: quote, withdraw, look at their withdrawals, cancel."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.api.authentication import require_payout_user
from payviox.api.docs.declarations import documented, listed
from payviox.api.idempotent import run_once
from payviox.api.schemas.orders import (
    EXAMPLE,
    OrderView,
    as_first_shown,
    example,
    own_order,
    remembered,
    user_view,
)
from payviox.api.schemas.withdrawals import (
    GiftCardDestination,
    PaypalDestination,
    QuoteRequest,
    WithdrawRequest,
    read_quote,
    read_quote_id,
    read_withdrawal,
)
from payviox.db.pool import Connection
from payviox.errors import (
    Conflict,
    FieldErrors,
    InsufficientBalance,
    NotFound,
    PayvioxError,
    ProviderUnavailable,
    WithdrawalsDisabled,
)
from payviox.idempotency.service import Done
from payviox.money import CURRENCY
from payviox.order_states import Status
from payviox.rails.orders import Provider, Quote, ReadyOrder
from payviox.web.context import Call, payout_user, read, services
from payviox.web.cursors import (
    Listed,
    Page,
    after_id,
    page_of,
    path_id,
    read_query,
    unknown_after,
)
from payviox.web.request_json import json_of
from payviox.withdrawals import listing, quotes
from payviox.withdrawals import requests as withdrawal_requests
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import (
    Order,
)


class QuoteView(msgspec.Struct):
    """What a withdrawal would cost, in US cents: amount = fees + net_amount. Good for one
    withdrawal until it expires."""

    quote_id: str
    provider: Provider
    amount: int
    fees: int
    net_amount: int
    expires_at: datetime
    currency: str = CURRENCY


class WithdrawalFilter(Page, kw_only=True):
    """Which withdrawals to list."""

    status: Status | None = None


_SEEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
_QUOTE = QuoteView("quo_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e72", "crypto", 5_000, 50, 4_950, _SEEN)


@post("/payout/quote", guards=[require_payout_user], status_code=200)
@documented(
    "Payout user",
    {200: _QUOTE},
    request=[
        QuoteRequest(provider="crypto", amount=5_000),
        QuoteRequest(provider="paypal", net_amount=2_500),
    ],
    errors=[WithdrawalsDisabled, ProviderUnavailable],
)
async def quote(request: Call) -> Response[Any]:
    """Quote a withdrawal.

    Say what to spend (`amount`) or what is to arrive (`net_amount`).
    """
    caller, process = payout_user(request), services(request)
    wanted = read_quote(caller.business_id, json_of(request))
    offer: tuple[str, Quote] | PayvioxError
    try:
        offer = await withdrawal_requests.quote(process.database, process.rails, caller, wanted)
    except (FieldErrors, ProviderUnavailable, WithdrawalsDisabled) as error:
        offer = error  # only told if this is not a replay

    async def effect(connection: Connection) -> str:
        if isinstance(offer, PayvioxError):
            raise offer
        quote_id = await quotes.keep(
            connection,
            caller.business_id,
            caller.user_id,
            wanted.provider,
            *offer,
        )
        return ids.show(ids.QUOTE, quote_id)

    async def render(connection: Connection, done: Done) -> QuoteView:
        quote_id = UUID(done.reference.removeprefix(f"{ids.QUOTE}_"))
        kept_quote = await quotes.get(connection, caller.business_id, caller.user_id, quote_id)
        return QuoteView(
            done.reference,
            kept_quote.provider,
            kept_quote.amount,
            kept_quote.fees,
            kept_quote.net_amount,
            kept_quote.expires_at,
        )

    return await run_once(request, caller.business_id, str(caller.user_id), effect, render)


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
    errors=[InsufficientBalance, WithdrawalsDisabled, Conflict, ProviderUnavailable],
)
async def withdraw(request: Call) -> Response[Any]:
    """Withdraw all or part of the balance.

    The money is set aside at once; the order is sent in the background, after review where the
    business's rules ask for one.
    """
    caller, process = payout_user(request), services(request)
    body = json_of(request)
    wanted = read_withdrawal(caller.business_id, body)
    quote_id = read_quote_id(body)
    ready: ReadyOrder | PayvioxError
    try:
        ready = await withdrawal_requests.prepare(
            process.database, process.rails, caller, wanted, quote_id
        )
    except (FieldErrors, ProviderUnavailable, WithdrawalsDisabled) as error:
        ready = error  # only told if this is not a replay

    async def effect(connection: Connection) -> dict[str, Any]:
        if isinstance(ready, PayvioxError):
            raise ready
        return remembered(
            await withdrawals.create(connection, caller.user_id, ready, quote_id=quote_id)
        )

    return await _answer_order(request, effect, status_code=201)


async def _answer_order(request: Call, effect: Any, *, status_code: int = 200) -> Response[Any]:
    caller = payout_user(request)

    async def render(connection: Connection, done: Done) -> OrderView:
        return user_view(await as_first_shown(connection, caller.business_id, done))

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
        return await listing.list_page(
            connection,
            caller.business_id,
            user_id=caller.user_id,
            status=wanted.status,
            after=after,
            limit=wanted.limit + 1,
        )

    rows = await read(request, fetch)
    return page_of(rows, wanted.limit, user_view)


@get("/payout/withdrawals/{id:str}", guards=[require_payout_user])
@documented("Payout user", {200: EXAMPLE})
async def get_withdrawal(request: Call) -> OrderView:
    """One of one's withdrawals."""
    return user_view(await own_order(request))


@post("/payout/withdrawals/{id:str}/cancel", guards=[require_payout_user], status_code=200)
@documented("Payout user", {200: example(OrderView, status="canceled")}, errors=[Conflict])
async def cancel_withdrawal(request: Call) -> Response[Any]:
    """Cancel a withdrawal that was not sent yet, or that nobody has claimed.

    What was not sent is back on the balance at once. What waits to be claimed (`unclaimed`) is
    still `sent` in the answer, `taking_back`, until the provider has given it back.
    """
    caller = payout_user(request)
    order_id = path_id(request, ids.ORDER)

    async def effect(connection: Connection) -> dict[str, Any]:
        return remembered(
            await withdrawals.cancel(
                connection, caller.business_id, order_id, caller.actor, user_id=caller.user_id
            )
        )

    return await _answer_order(request, effect)


ROUTES = [
    quote,
    withdraw,
    list_withdrawals,
    get_withdrawal,
    cancel_withdrawal,
]
