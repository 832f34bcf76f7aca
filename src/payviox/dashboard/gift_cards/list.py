"""`…/gift-cards`: how many cards of each product there are, and whether they are held after a
restore. No code is ever shown here."""

from dataclasses import dataclass
from typing import Any

from litestar import Response, get

from payviox import ids
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.giftcards import holds
from payviox.giftcards import service as giftcards
from payviox.giftcards.model import SHORTEST_LIFE_DAYS, Stock
from payviox.web.context import Call


@dataclass(frozen=True, slots=True)
class StockView:
    """`price` and `face_value` of a row are hundredths: of a dollar, and of the card's currency."""

    rows: list[Stock]
    is_held: bool
    low: int
    business: str
    shortest_life_days: int = SHORTEST_LIFE_DAYS


@get("/dashboard/{business:str}/gift-cards", include_in_schema=False)
async def list_stock(request: Call) -> Response[Any]:
    """The stock by product."""
    visit = await visit_of(request)
    view = await read(request, visit, _view, visit)
    return show(request, visit, "gift_cards/list.html", view)


async def _view(connection: Connection, visit: Visit) -> StockView:
    rows = await giftcards.stock(connection, visit.business.id)
    return StockView(
        rows=rows,
        is_held=await holds.is_held(connection, visit.business.id),
        low=sum(row.low for row in rows),
        business=ids.show(ids.BUSINESS, visit.business.id),
    )


ROUTES = [list_stock]
