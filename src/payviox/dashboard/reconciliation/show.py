"""`…/reconciliation/<item>`: a suspense item with what the rail says, and how it may be
resolved."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.dashboard.reconciliation.list import age, named, shown_id
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.ledger.suspense import Cause, Item, Resolution
from payviox.reconciliation import resolve as resolving
from payviox.reconciliation.causes import CAUSES, RESOLUTIONS, Words
from payviox.web.context import Call
from payviox.web.cursors import path_id

ROUTE = "/dashboard/{business:str}/reconciliation/{item:str}"
DONE = {"resolved": "The item is resolved."}


class Told(msgspec.Struct, frozen=True):
    """A payment as the rail told of it; amounts are US cents. `words` are what else it said."""

    reference: str | None
    state: str | None
    amount: int | None
    cost: int | None
    at: str | None
    words: list[tuple[str, str]]


class ItemView(msgspec.Struct, frozen=True):
    """An item with its evidence. `offers` are the resolutions that are possible, with what each
    books; empty where it is resolved or this person may not."""

    item: Item
    title: str
    words: Words
    age: str
    order: str | None
    order_status: str | None
    booked: int | None
    told: list[Told]
    offers: dict[Resolution, str]
    address: str
    chosen: str = ""
    reason: str = ""
    done: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def show_item(request: Call) -> Response[Any]:
    """One item."""
    visit = await visit_of(request)
    item = await item_of(request, visit)
    done = DONE.get(request.query_params.get("done", ""))
    return item_page(request, visit, item, done=done)


async def item_of(request: Call, visit: Visit) -> Item:
    """The item that the address names. Raises NotFound."""
    item_id = path_id(request, ids.SUSPENSE_ITEM, "item")
    return await read(request, visit, resolving.get, visit.business.id, item_id)


def address_of(visit: Visit, item: Item) -> str:
    return f"{visit.base}/reconciliation/{shown_id(item)}"


def item_page(
    request: Call, visit: Visit, item: Item, *, status: int = 200, **more: Any
) -> Response[Any]:
    """The page, with what is wrong with the form beside its fields."""
    order = None if item.order_id is None else ids.show(ids.ORDER, item.order_id)
    view = ItemView(
        item=item,
        title=named(item.cause),
        words=CAUSES[cast("Cause", item.cause)],
        age=age(item.opened_at, item.resolved_at),
        order=order and f"{visit.base}/orders/{order}",
        order_status=item.evidence.get("order"),
        booked=item.evidence.get("booked"),
        told=[_told(entry) for entry in item.evidence.get("rail") or []],
        offers=offers(item) if item.is_open and visit.may("suspense.resolve") else {},
        address=address_of(visit, item),
        **more,
    )
    return show(request, visit, "reconciliation/show.html", view, status=status)


def offers(item: Item) -> dict[Resolution, str]:
    """How this item can be resolved: without money only as explained, and somebody is charged only
    where it is about an order."""
    if not item.amount:
        return {"explained": "there is no money in it, and nothing is booked"}
    return {
        resolution: words
        for resolution, words in RESOLUTIONS.items()
        if resolution != "charged" or item.order_id is not None
    }


def _told(entry: Mapping[str, Any]) -> Told:
    more = {"rail's id": entry.get("rail_order_id"), **(entry.get("evidence") or {})}
    return Told(
        reference=entry.get("reference"),
        state=entry.get("state"),
        amount=entry.get("amount"),
        cost=entry.get("cost"),
        at=entry.get("at"),
        words=[(name, str(value)) for name, value in more.items() if value is not None],
    )


ROUTES = [show_item]
