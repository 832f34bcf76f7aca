"""`…/gift-cards/<product>/void`: all cards of a product that nobody has got, out of the stock for
good."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.gift_cards.add import ROUTE
from payviox.dashboard.visits import Visit, act_once, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.giftcards import service as giftcards
from payviox.giftcards.model import Stock
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect


@get(f"{ROUTE}/{{product:str}}/void", include_in_schema=False)
async def ask_to_void(request: Call) -> Response[Any]:
    """Whether to void a product's cards."""
    visit = await visit_of(request)
    product_id = path_id(request, ids.PRODUCT, "product")
    found = await read(request, visit, _stock_of, visit.business.id, product_id)
    return confirm(request, visit, _question(visit, found))


@post(
    f"{ROUTE}/{{product:str}}/void",
    include_in_schema=False,
    status_code=200,
    right="gift_cards.void",
)
async def void(request: Call) -> Response[Any]:
    """Void them."""
    visit = await visit_of(request)
    product_id = path_id(request, ids.PRODUCT, "product")
    form = await read_form(request)

    async def effect(connection: Connection) -> dict[str, int]:
        count = await giftcards.void_product(
            connection, visit.business.id, product_id, visit.session.actor
        )
        return {"voided": count}

    await act_once(request, visit, form, effect)
    return redirect(f"{visit.base}/gift-cards?done=voided")


async def _stock_of(connection: Connection, business_id: UUID, product_id: UUID) -> Stock:
    for each in await giftcards.stock(connection, business_id, most=giftcards.MANY):
        if each.product_id == product_id:
            return each
    raise NotFound


def _question(visit: Visit, stock: Stock) -> ConfirmView:
    left = stock.available + stock.expired
    number = f"{left:,}" if left < giftcards.MANY else f"more than {giftcards.MANY - 1:,}"
    here = f"{visit.base}/gift-cards"
    return ConfirmView(
        heading="Void gift cards",
        consequence="They are taken out of the stock for good and never delivered. Cards that"
        " somebody has got, or that an order holds, stay as they are.",
        facts=[
            Fact("Product", stock.name),
            Fact("Brand", f"{stock.brand}, {stock.country}"),
            Fact("Cards that nobody has got", number),
            Fact("Price of each", cents=stock.price),
        ],
        action=f"{here}/{ids.show(ids.PRODUCT, stock.product_id)}/void",
        button=f"Void {number} cards",
        back=here,
        keep="Keep the cards",
        is_danger=True,
    )


ROUTES = [ask_to_void, void]
