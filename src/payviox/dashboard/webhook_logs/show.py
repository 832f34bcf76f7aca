"""`…/webhooks/logs/<event>`: one delivery, attempt by attempt, and sending it again."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.dashboard.webhook_logs.list import ROUTE as LIST
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.webhooks import log, outbox
from payviox.webhooks.log import Entry
from payviox.webhooks.model import Newer
from payviox.webhooks.outbox import SwitchedOff
from payviox.webhooks.sender import EXCERPT_BYTES

ROUTE = f"{LIST}/{{event:str}}"
DONE = {"retried": "It is being sent again. Each attempt is shown below."}


class DeliveryView(msgspec.Struct, frozen=True):
    """An event with everything that was tried to tell of it. `newer` is what was delivered about
    the same order since."""

    entry: Entry
    shown_id: str
    state: str
    order: str | None
    order_address: str | None
    body_bytes: int
    kept_bytes: int
    newer: Newer | None
    retry: str | None
    back: str
    done: str | None = None
    refused: str | None = None


@get(ROUTE, include_in_schema=False)
async def show_delivery(request: Call) -> Response[Any]:
    """One event of the log."""
    visit = await visit_of(request)
    return await _page(request, visit, done=DONE.get(request.query_params.get("done", "")))


@post(f"{ROUTE}/retry", include_in_schema=False, status_code=200, right="webhook.send")
async def retry(request: Call) -> Response[Any]:
    """Send it again; asks first where something newer about the order was delivered since."""
    visit = await visit_of(request)
    event_id = path_id(request, ids.EVENT, "event")
    form = await read_form(request)
    entry, newer = await read(request, visit, _entry, visit.business.id, event_id)
    here = f"{visit.base}/webhooks/logs/{ids.show(ids.EVENT, event_id)}"
    if newer is not None and form.get("anyway") != "yes":
        return confirm(request, visit, _question(here, entry, newer))
    try:
        await act(
            request,
            visit.session,
            outbox.redeliver,
            visit.business.id,
            event_id,
            visit.session.actor,
        )
    except Conflict as error:
        refused = "The webhook has no URL. Save one first."
        if isinstance(error, SwitchedOff):
            refused = "The webhook is switched off. Switch it on first."
        return await _page(request, visit, refused=refused, status=409)
    return redirect(f"{here}?done=retried")


async def _page(request: Call, visit: Visit, *, status: int = 200, **more: Any) -> Response[Any]:
    event_id = path_id(request, ids.EVENT, "event")
    entry, newer = await read(request, visit, _entry, visit.business.id, event_id)
    shown = ids.show(ids.EVENT, event_id)
    logs = f"{visit.base}/webhooks/logs"
    order_id = entry.event.order_id
    order = None if order_id is None else ids.show(ids.ORDER, order_id)
    state = entry.delivery.status if entry.delivery else "not sent"
    can_retry = visit.may("webhook.send") and state != "pending"
    view = DeliveryView(
        entry=entry,
        shown_id=shown,
        state=state,
        order=order,
        order_address=order and f"{visit.base}/orders/{order}",
        body_bytes=len(entry.event.body.encode()),
        kept_bytes=EXCERPT_BYTES,
        newer=newer,
        retry=f"{logs}/{shown}/retry" if can_retry else None,
        back=logs,
        **more,
    )
    return show(request, visit, "webhook_logs/show.html", view, status=status)


async def _entry(
    connection: Connection, business_id: UUID, event_id: UUID
) -> tuple[Entry, Newer | None]:
    entry = await log.get(connection, business_id, event_id)
    return entry, await log.newer_of(connection, business_id, event_id)


def _question(here: str, entry: Entry, newer: Newer) -> ConfirmView:
    return ConfirmView(
        heading="Send an event that is out of date?",
        consequence="Something newer about the same order was delivered since. A receiver that"
        " takes the last webhook for the truth goes back in time.",
        facts=[
            Fact("Event", entry.event.type),
            Fact("Happened", f"{entry.event.created_at:%Y-%m-%d %H:%M:%S} UTC"),
            Fact("Delivered since", newer.type),
            Fact("Which happened", f"{newer.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ],
        action=f"{here}/retry",
        button=f"Send {entry.event.type} all the same",
        back=here,
        keep="Send nothing",
        fields={"anyway": "yes"},
        is_danger=True,
    )


ROUTES = [show_delivery, retry]
