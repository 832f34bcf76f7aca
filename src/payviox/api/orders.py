"""What a business may do with payout orders: look, approve, reject, cancel."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented, listed
from payviox.api.idempotent import run_once
from payviox.api.schemas.orders import (
    BUSINESS_EXAMPLE,
    BusinessOrderView,
    as_first_shown,
    business_view,
    example,
    remembered,
)
from payviox.auth.keys import BusinessCaller
from payviox.db.pool import Connection
from payviox.errors import Conflict, KeyDailyLimit, KeyLimit, NotFound
from payviox.idempotency.service import Done
from payviox.order_states import Status
from payviox.rails.orders import Provider
from payviox.web.context import Call, business, read
from payviox.web.cursors import (
    Listed,
    Page,
    after_id,
    filter_id,
    page_of,
    path_id,
    read_query,
    unknown_after,
)
from payviox.web.request_json import read_json
from payviox.withdrawals import listing
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import (
    Order,
)


class OrderFilter(Page, kw_only=True):
    """Which orders to list."""

    status: Status | None = None
    provider: Provider | None = None
    user: Annotated[str | None, msgspec.Meta(description="A payout user's id")] = None


class RejectRequest(msgspec.Struct):
    """Why, in a sentence for the payout user; it goes into the `payout.rejected` webhook."""

    note: Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")] | None = None


@get("/payout/orders", guards=[require_business])
@documented("Payout orders", {200: listed(BUSINESS_EXAMPLE)}, query=OrderFilter)
async def list_orders(request: Call) -> Listed[BusinessOrderView]:
    """List payout orders, newest first."""
    caller = business(request)
    wanted = read_query(request, OrderFilter)
    after = after_id(wanted, ids.ORDER)
    user_id = filter_id(wanted.user, ids.USER, "user")

    async def fetch(connection: Connection) -> list[Order]:
        if after is not None:
            try:
                await withdrawals.get(connection, caller.business_id, after)
            except NotFound as error:
                raise unknown_after() from error
        return await listing.list_page(
            connection,
            caller.business_id,
            user_id=user_id,
            status=wanted.status,
            provider=wanted.provider,
            after=after,
            limit=wanted.limit + 1,
        )

    rows = await read(request, fetch)
    return page_of(rows, wanted.limit, business_view)


@get("/payout/orders/{id:str}", guards=[require_business])
@documented("Payout orders", {200: BUSINESS_EXAMPLE})
async def get_order(request: Call) -> BusinessOrderView:
    """One payout order."""
    caller = business(request)
    order_id = path_id(request, ids.ORDER)
    order = await read(request, withdrawals.get, caller.business_id, order_id)
    return business_view(order)


@post("/payout/orders/{id:str}/approve", guards=[require_business], status_code=200)
@documented("Payout orders", {200: BUSINESS_EXAMPLE}, errors=[Conflict, KeyLimit, KeyDailyLimit])
async def approve_order(request: Call) -> Response[Any]:
    """Approve an order that is in review.

    It is sent for exactly the amount and the destination that it has now. The amount counts against
    a restricted key's limits.
    """
    return await _decide(
        request,
        lambda connection, order_id, caller: withdrawals.approve(
            connection, caller.business_id, order_id, caller.actor, caller
        ),
    )


@post("/payout/orders/{id:str}/reject", guards=[require_business], status_code=200)
@documented(
    "Payout orders",
    {200: example(BusinessOrderView, status="rejected", reason="Please confirm your address.")},
    request=RejectRequest("Please confirm your address."),
    errors=[Conflict],
)
async def reject_order(request: Call) -> Response[Any]:
    """Reject an order that is in review or queued.

    The money goes back to the payout user, and the note into the webhook.
    """
    note = read_json(request, RejectRequest).note
    return await _decide(
        request,
        lambda connection, order_id, caller: withdrawals.reject(
            connection, caller.business_id, order_id, caller.actor, note or None
        ),
    )


@post("/payout/orders/{id:str}/cancel", guards=[require_business], status_code=200)
@documented(
    "Payout orders", {200: example(BusinessOrderView, status="canceled")}, errors=[Conflict]
)
async def cancel_order(request: Call) -> Response[Any]:
    """Cancel an order that was not sent yet, or that nobody has claimed.

    What was not sent goes back to the payout user at once. What waits to be claimed (`unclaimed`)
    is still `sent` in the answer, `taking_back`, until the provider has given it back.
    """
    return await _decide(
        request,
        lambda connection, order_id, caller: withdrawals.cancel(
            connection, caller.business_id, order_id, caller.actor
        ),
    )


async def _decide(
    request: Call, decide: Callable[[Connection, UUID, BusinessCaller], Awaitable[Order]]
) -> Response[Any]:
    caller = business(request)
    order_id = path_id(request, ids.ORDER)

    async def effect(connection: Connection) -> dict[str, Any]:
        return remembered(await decide(connection, order_id, caller))

    async def render(connection: Connection, done: Done) -> BusinessOrderView:
        return business_view(await as_first_shown(connection, caller.business_id, done))

    return await run_once(request, caller.business_id, "business", effect, render)


ROUTES = [list_orders, get_order, approve_order, reject_order, cancel_order]
