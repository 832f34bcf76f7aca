"""Showing a gift card's code: a deliberate act, and each one is recorded."""

from datetime import date
from typing import Any

import msgspec
import segno
from litestar import Response, post

from payviox.db.pool import Connection
from payviox.event_log import EventLogger
from payviox.giftcards import service as giftcards
from payviox.giftcards.service import NothingToReveal
from payviox.languages.catalogues import marked
from payviox.rails.protocol import RailError, RevealedCode
from payviox.redeem.order.show import PATH, order_page, own_order
from payviox.redeem.visits import Visit, act, show, visit_of
from payviox.web.context import Call, services
from payviox.withdrawals import whereabouts
from payviox.withdrawals.model import Order

logger = EventLogger(__name__)

LATER = marked("The code cannot be shown just now. Nothing is lost; try again in a moment.")


class CodeView(msgspec.Struct, frozen=True):
    """A gift card with what makes it worth its money. `picture` is a QR code."""

    order: Order
    card: str
    address: str
    code: str | None
    pin: str | None
    link: str | None
    expires_on: date | None
    picture: str | None


@post(f"{PATH}/reveal", include_in_schema=False, status_code=200)
async def reveal(request: Call) -> Response[Any]:
    """Show the code or the link of one's own gift card."""
    visit = await visit_of(request)
    order = await own_order(request, visit)
    if order.provider != "gift_card" or order.status != "succeeded":
        raise NothingToReveal
    try:
        shown, expires_on = await _reveal(request, visit, order)
    except RailError as error:
        logger.warning("gift card not revealed", rail=order.rail, problem=str(error))
        return order_page(request, visit, order, LATER, status=503)
    view = CodeView(
        order=order,
        card=whereabouts.card_name(order.destination),
        address=str(request.scope["path"]).removesuffix("/reveal"),
        code=shown.code,
        pin=shown.pin,
        link=shown.link if shown.link and shown.link.startswith("https://") else None,
        expires_on=expires_on,
        picture=_picture(shown.code) if shown.code else None,
    )
    return show(request, visit, "order/code.html", view)


async def _reveal(request: Call, visit: Visit, order: Order) -> tuple[RevealedCode, date | None]:
    process, caller = services(request), visit.caller
    rail = process.rails.revealing(order.rail)
    if rail is not None:
        shown = await rail.reveal(order.ready)
        await act(request, visit, giftcards.record_reveal, caller.business_id, order.id)
        return shown, None

    async def work(connection: Connection) -> tuple[RevealedCode, date | None]:
        card = await giftcards.reveal(
            connection, process.keyring, caller.business_id, caller.user_id, order.id
        )
        return RevealedCode(card.code, card.pin), card.expires_on

    return await act(request, visit, work)


def _picture(code: str) -> str | None:
    """The code to scan; None where it is longer than a picture holds."""
    try:
        drawn = segno.make(code, micro=False)
    except segno.DataOverflowError:
        return None
    return drawn.svg_data_uri(scale=5, border=3, light="#fff")


ROUTES = [reveal]
