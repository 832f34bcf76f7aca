"""`/redeem/saved`: destinations to use again, and letting the balance go to one by itself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.destinations import service as destinations
from payviox.destinations.model import Automatic, SavedDestination
from payviox.destinations.service import TooManyDestinations
from payviox.errors import NotFound
from payviox.languages.catalogues import marked
from payviox.money import MAX_ALLOCATION, InvalidAmount, OutOfRange, decimal
from payviox.redeem.amounts import to_cents
from payviox.redeem.order import show as order
from payviox.redeem.visits import ROUTE, Visit, act, read, show, visit_of
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import whereabouts

PATH = f"{ROUTE}/saved"
DONE = ("saved", "removed", "automatic", "off")
TOO_MANY = marked("No more destinations can be saved. Remove one first.")


class Place(msgspec.Struct, frozen=True):
    """A saved destination; `is_new` until money may go there by itself."""

    id: str
    name: str
    use: str
    usable_at: datetime
    is_new: bool
    is_chosen: bool


class SavedView(msgspec.Struct, frozen=True):
    here: str
    places: list[Place]
    automatic: Automatic | None
    typed: str
    done: str = ""
    errors: Mapping[str, list[str]] = msgspec.field(default_factory=dict)


@get(PATH, include_in_schema=False)
async def show_saved(request: Call) -> Response[Any]:
    """What is saved, and what goes out by itself."""
    visit = await visit_of(request)
    return await _page(request, visit, done=request.query_params.get("done", ""))


@post(f"{order.PATH}/save", include_in_schema=False, status_code=200)
async def save_destination(request: Call) -> Response[Any]:
    """Keep where a withdrawal went."""
    visit = await visit_of(request)
    order_id = path_id(request, ids.ORDER, "order")
    try:
        await act(request, visit, destinations.save, visit.caller, order_id)
    except TooManyDestinations:
        made = await order.own_order(request, visit)
        return order.order_page(request, visit, made, TOO_MANY, status=409)
    return redirect(f"{PATH}?done=saved")


@post(f"{PATH}/{{destination:str}}/remove", include_in_schema=False, status_code=200)
async def remove_destination(request: Call) -> Response[Any]:
    """Forget a destination."""
    visit = await visit_of(request)
    destination_id = path_id(request, ids.DESTINATION, "destination")
    await act(request, visit, destinations.remove, visit.caller, destination_id)
    return redirect(f"{PATH}?done=removed")


@post(f"{PATH}/automatic", include_in_schema=False, status_code=200)
async def set_automatic(request: Call) -> Response[Any]:
    """Let the balance go to one of them by itself."""
    visit = await visit_of(request)
    form = await read_form(request)
    destination_id = ids.parse(ids.DESTINATION, form.get("destination", ""))
    typed, errors = form.get("above", ""), {}
    try:
        above = to_cents(typed, visit.language)
    except OutOfRange:
        most = visit.language.money(MAX_ALLOCATION)
        problem = visit.language.gettext("Type an amount of up to %(most)s.", most=most)
        errors["above"] = [problem]
    except InvalidAmount as error:
        errors["above"] = [str(error)]
    if destination_id is None:
        errors["destination"] = [visit.language.gettext("Choose where the money goes.")]
    if errors or destination_id is None:
        return await _page(request, visit, typed=typed, errors=errors, status=422)
    await act(request, visit, destinations.set_automatic, visit.caller, destination_id, above)
    return redirect(f"{PATH}?done=automatic")


@post(f"{PATH}/automatic/off", include_in_schema=False, status_code=200)
async def switch_off(request: Call) -> Response[Any]:
    """Let nothing go out by itself."""
    visit = await visit_of(request)
    await act(request, visit, destinations.switch_off, visit.caller)
    return redirect(f"{PATH}?done=off")


async def chosen(request: Call, visit: Visit, provider: str) -> Mapping[str, Any]:
    """The destination that a form is opened with, by its id; empty for none."""
    return await saved_as(request, visit, provider, request.query_params.get("saved", ""))


async def saved_as(request: Call, visit: Visit, provider: str, shown: str) -> Mapping[str, Any]:
    """The destination of this id, as `dst_…`; empty for none."""
    destination_id = ids.parse(ids.DESTINATION, shown)
    if destination_id is None:
        return {}
    try:
        saved = await read(request, visit, destinations.get, visit.caller, destination_id)
    except NotFound:
        return {}
    return saved.destination if saved.provider == provider else {}


async def _page(
    request: Call,
    visit: Visit,
    *,
    typed: str | None = None,
    done: str = "",
    errors: Mapping[str, list[str]] | None = None,
    status: int = 200,
) -> Response[Any]:
    at = (visit.caller.business_id, visit.caller.user_id)
    automatic = await read(request, visit, destinations.find_automatic, *at)
    saved = await read(request, visit, destinations.list_saved, *at)
    kept = "" if automatic is None else decimal(automatic.above)
    chosen_id = None if automatic is None else automatic.destination_id
    view = SavedView(
        here=PATH,
        places=[_place(each, chosen_id) for each in saved],
        automatic=automatic,
        typed=kept if typed is None else typed,
        done=done if done in DONE else "",
        errors=errors or {},
    )
    return show(request, visit, "saved/show.html", view, status=status)


def _place(saved: SavedDestination, chosen_id: UUID | None) -> Place:
    shown = ids.show(ids.DESTINATION, saved.id)
    name = str(saved.destination.get("email", ""))
    if saved.provider == "crypto":
        address = whereabouts.masked(saved.provider, saved.destination)
        network = whereabouts.network(str(saved.destination["chain"]))
        name = f"{address} ({saved.destination['currency']}, {network})"
    if saved.provider == "bank":
        name = f"{saved.destination['masked']} ({saved.destination['name']})"
    return Place(
        id=shown,
        name=name,
        use=f"{ROUTE}/withdraw/{saved.provider}?saved={shown}",
        usable_at=saved.usable_at,
        is_new=saved.usable_at > datetime.now(UTC),
        is_chosen=saved.id == chosen_id,
    )


ROUTES = [show_saved, save_destination, remove_destination, set_automatic, switch_off]
