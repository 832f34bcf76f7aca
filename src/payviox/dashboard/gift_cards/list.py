"""`…/gift-cards`: how many cards of each product there are, and whether they are held after a
restore. No code is ever shown here."""

from typing import Any

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.giftcards import holds
from payviox.giftcards import service as giftcards
from payviox.giftcards.model import SHORTEST_LIFE_DAYS, Stock
from payviox.web.context import Call

DONE = {
    "voided": "The cards are out of the stock.",
    "released": "The stock is released; orders that waited for it are tried now.",
}


class StockLine(msgspec.Struct, frozen=True):
    """A product; numbers that are many are not counted to their end. `void` is where its cards are
    voided, for those who may."""

    stock: Stock
    numbers: dict[str, str]
    void: str | None


class StockView(msgspec.Struct, frozen=True):
    """`price` and `face_value` of a row are hundredths: of a dollar, and of the card's currency."""

    rows: list[StockLine]
    is_held: bool
    low: int
    add: str | None
    after_restore: str
    done: str | None
    shortest_life_days: int = SHORTEST_LIFE_DAYS


@get("/dashboard/{business:str}/gift-cards", include_in_schema=False)
async def list_stock(request: Call) -> Response[Any]:
    """The stock by product."""
    visit = await visit_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    view = await read(request, visit, _view, visit, done)
    return show(request, visit, "gift_cards/list.html", view)


async def _view(connection: Connection, visit: Visit, done: str | None) -> StockView:
    rows = await giftcards.stock(connection, visit.business.id, most=giftcards.MANY)
    here = f"{visit.base}/gift-cards"
    return StockView(
        rows=[_line(visit, here, row) for row in rows],
        is_held=await holds.is_held(connection, visit.business.id),
        low=sum(row.low for row in rows),
        add=f"{here}/import" if visit.may("gift_cards.import") else None,
        after_restore=f"{here}/after-restore",
        done=done,
    )


def _line(visit: Visit, here: str, stock: Stock) -> StockLine:
    numbers = {
        name: _number(getattr(stock, name))
        for name in ("available", "reserved", "delivered", "expired", "void")
    }
    can_void = visit.may("gift_cards.void") and (stock.available or stock.expired)
    product = ids.show(ids.PRODUCT, stock.product_id)
    return StockLine(stock, numbers, f"{here}/{product}/void" if can_void else None)


def _number(count: int) -> str:
    return str(count) if count < giftcards.MANY else f"{giftcards.MANY - 1:,}+"


ROUTES = [list_stock]
