"""`…/gift-cards/after-restore`: which cards left since the backup that was restored, and letting
the others go."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.gift_cards.add import ROUTE
from payviox.dashboard.visits import Visit, act, act_once, read, show, visit_of
from payviox.db.pool import Connection
from payviox.giftcards import holds
from payviox.giftcards.holds import Left, NotHeld
from payviox.giftcards.model import DoubtfulCard, DoubtfulOrder
from payviox.maintenance import after_restore as maintenance
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import redirect

HERE = f"{ROUTE}/after-restore"
SHOWN = 100


class OrderLine(msgspec.Struct, frozen=True):
    order: DoubtfulOrder
    shown_id: str
    address: str


class RestoreView(msgspec.Struct, frozen=True):
    """What is doubtful, the first of it; `left` is what became of the codes just given."""

    here: str
    back: str
    is_held: bool
    cards: Sequence[DoubtfulCard]
    orders: Sequence[OrderLine]
    shown: int
    may_void: bool
    may_release: bool
    left: Left | None = None


@get(HERE, include_in_schema=False)
async def show_doubtful(request: Call) -> Response[Any]:
    """The cards and orders of which the database does not know what became."""
    return await _page(request, await visit_of(request))


@post(HERE, include_in_schema=False, status_code=200, right="gift_cards.void")
async def void_left(request: Call) -> Response[Any]:
    """Take the cards of these codes out of the stock."""
    visit = await visit_of(request)
    codes = (await read_form(request)).get("codes", "").splitlines()
    keyring = services(request).keyring

    async def work(connection: Connection) -> Left:
        return await holds.void_left_codes(
            connection, keyring, visit.business.id, codes, visit.session.actor
        )

    try:
        left = await act(request, visit.session, work)
    except NotHeld:
        return await _page(request, visit, status=409)
    return await _page(request, visit, left=left)


@get(f"{HERE}/release", include_in_schema=False)
async def ask_to_release(request: Call) -> Response[Any]:
    """Whether all that left are void."""
    visit = await visit_of(request)
    here = f"{visit.base}/gift-cards/after-restore"
    view = ConfirmView(
        heading="Release the stock",
        consequence="All cards that are not void are delivered again. One that left since the"
        " backup and is not void now reaches a second person, and its money is lost.",
        facts=[Fact("Are all cards that left void, and their orders settled?", "Say so yourself.")],
        action=f"{here}/release",
        button="All that left are void: release the stock",
        back=here,
        keep="Keep it held",
        is_danger=True,
    )
    return confirm(request, visit, view)


@post(f"{HERE}/release", include_in_schema=False, status_code=200, right="gift_cards.release")
async def release(request: Call) -> Response[Any]:
    """Let the others go."""
    visit = await visit_of(request)

    async def effect(connection: Connection) -> dict[str, int]:
        actor = visit.session.actor
        resumed = await maintenance.release_stock(connection, visit.business.id, actor)
        return {"orders_resumed": resumed}

    try:
        await act_once(request, visit, await read_form(request), effect)
    except NotHeld:
        return await _page(request, visit, status=409)
    return redirect(f"{visit.base}/gift-cards?done=released")


async def _page(
    request: Call, visit: Visit, *, left: Left | None = None, status: int = 200
) -> Response[Any]:
    view = await read(request, visit, _view, visit, left)
    return show(request, visit, "gift_cards/after_restore.html", view, status=status)


async def _view(connection: Connection, visit: Visit, left: Left | None) -> RestoreView:
    business_id = visit.business.id
    is_held = await holds.is_held(connection, business_id)
    cards = await holds.list_doubtful_cards(connection, business_id, UUID(int=0))
    orders = await holds.list_doubtful_orders(connection, business_id)
    lines = [(order, ids.show(ids.ORDER, order.id)) for order in orders[:SHOWN]]
    return RestoreView(
        here=f"{visit.base}/gift-cards/after-restore",
        back=f"{visit.base}/gift-cards",
        is_held=is_held,
        cards=cards[:SHOWN] if is_held else (),
        orders=[OrderLine(order, shown, f"{visit.base}/orders/{shown}") for order, shown in lines]
        if is_held
        else (),
        shown=SHOWN,
        may_void=visit.may("gift_cards.void"),
        may_release=visit.may("gift_cards.release"),
        left=left,
    )


ROUTES = [show_doubtful, void_left, ask_to_release, release]
