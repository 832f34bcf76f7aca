"""`…/balance/taxes`: what was paid to whom in a year, as files for an accountant; the business's
thresholds, and what it notes of people's tax state."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast, get_args
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import FieldErrors, NotFound
from payviox.money import MAX_TREASURY, InvalidAmount, decimal, typed_cents
from payviox.payout_users import service as payout_users
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.taxes import service as taxes
from payviox.taxes.model import STATES, Paid, Person, State, Threshold
from payviox.web import sheets
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/balance/taxes"
PAGE = 1_000
SHOWN_YEARS = 5
FILES = ("taxes.csv", "taxes.xlsx")
HEADER = (
    "payout user",
    "email",
    "provider",
    "orders",
    "paid",
    "returned",
    "total",
    "total of all providers",
    "fees kept",
    "tax state",
    "note",
)
DONE = {"noted": "The tax state is noted.", "saved": "The threshold is saved."}


class List(msgspec.Struct, frozen=True):
    """A threshold's list of the chosen year; everybody has no threshold."""

    threshold: Threshold | None
    files: list[tuple[str, str]]


class TaxesView(msgspec.Struct, frozen=True):
    """`typed` is what was sent and refused."""

    here: str
    back: str
    year: int
    years: list[int]
    lists: list[List]
    states: Mapping[str, str]
    may_note: bool
    may_set: bool
    done: str | None
    typed: Mapping[str, str]
    errors: dict[str, list[str]]


@get(ROUTE, include_in_schema=False)
async def show_taxes(request: Call) -> Response[Any]:
    """This year's lists, unless another year is asked for."""
    return await _page(request, await visit_of(request))


@get(f"{ROUTE}/{{file:str}}", include_in_schema=False)
async def download(request: Call) -> Response[Any]:
    """Who was paid so many cents or more in a year, a row a provider; the file's name says both."""
    visit = await visit_of(request)
    name = str(request.path_params["file"])
    if name not in FILES:
        raise NotFound
    year, text = _year(request), request.query_params.get("at_least", "")
    at_least = int(text) if text.isascii() and text.isdecimal() and len(text) < 14 else 1
    first = await read(request, visit, _people, visit.business.id, year, at_least, None)
    about = f"taxes-{year}" + (f"-from-{decimal(at_least)}" if at_least > 1 else "")
    rows = _rows(request, visit, year, at_least, first)
    return sheets.answer(name.replace("taxes", about), HEADER, rows)


@post(f"{ROUTE}/note", include_in_schema=False, status_code=200, right="tax.note")
async def note(request: Call) -> Response[Any]:
    """Note somebody's tax state."""
    visit, form = await visit_of(request), await read_form(request)

    async def work(connection: Connection) -> None:
        state = form.get("state", "")
        if state not in get_args(State):
            raise FieldErrors({"state": ["Choose a state."]})
        user_id = await _user_with(connection, visit.business.id, form.get("email", ""))
        actor = visit.session.actor
        await taxes.note(
            connection,
            visit.business.id,
            user_id,
            cast("State", state),
            form.get("note", "").strip(),
            actor,
        )

    try:
        await act(request, visit.session, work)
    except FieldErrors as error:
        return await _page(request, visit, form, error.fields)
    return redirect(f"{visit.base}/balance/taxes?done=noted")


@post(f"{ROUTE}/threshold", include_in_schema=False, status_code=200, right="tax.set_threshold")
async def set_threshold(request: Call) -> Response[Any]:
    """Keep a threshold; without an amount it is removed."""
    visit, form = await visit_of(request), await read_form(request)
    text, actor = form.get("amount", "").strip(), visit.session.actor
    try:
        amount = typed_cents(text, MAX_TREASURY) if text else None
        business_id, name = visit.business.id, form.get("name", "")
        await act(request, visit.session, taxes.set_threshold, business_id, name, amount, actor)
    except InvalidAmount as error:
        return await _page(request, visit, form, {"amount": [str(error)]})
    except FieldErrors as error:
        return await _page(request, visit, form, error.fields)
    return redirect(f"{visit.base}/balance/taxes?done=saved")


async def _page(
    request: Call,
    visit: Visit,
    typed: Mapping[str, str] | None = None,
    errors: dict[str, list[str]] | None = None,
) -> Response[Any]:
    year, here = _year(request), f"{visit.base}/balance/taxes"
    kept = await read(request, visit, taxes.list_thresholds, visit.business.id)
    this_year = datetime.now(UTC).year
    view = TaxesView(
        here=here,
        back=f"{visit.base}/balance",
        year=year,
        years=[this_year - ago for ago in range(SHOWN_YEARS)],
        lists=[List(each, _files(here, year, each)) for each in (None, *kept)],
        states={str(state): meaning for state, meaning in STATES.items()},
        may_note=visit.may("tax.note"),
        may_set=visit.may("tax.set_threshold"),
        done=DONE.get(request.query_params.get("done", "")),
        typed=typed or {},
        errors=errors or {},
    )
    return show(request, visit, "balance/taxes.html", view, status=422 if errors else 200)


async def _user_with(connection: Connection, business_id: UUID, text: str) -> UUID:
    try:
        email = canonical(text)
    except InvalidEmail as error:
        raise FieldErrors({"email": [error.in_full]}) from error
    users = await payout_users.list_page(
        connection, business_id, email=email, status=None, after=None, limit=1
    )
    if not users:
        raise FieldErrors({"email": ["No payout user has this address."]})
    return users[0].id


async def _people(
    connection: Connection, business_id: UUID, year: int, at_least: int, after: UUID | None
) -> list[Person]:
    return await taxes.list_page(
        connection, business_id, year, at_least=at_least, after=after, limit=PAGE
    )


async def _rows(
    request: Call, visit: Visit, year: int, at_least: int, people: list[Person]
) -> AsyncIterator[Sequence[Sequence[object]]]:
    while True:
        yield [_cells(person, row) for person in people for row in person.rows]
        if len(people) < PAGE:
            return
        last = people[-1].user_id
        people = await read(request, visit, _people, visit.business.id, year, at_least, last)


def _cells(person: Person, row: Paid) -> list[object]:
    return [
        ids.show(ids.USER, person.user_id),
        person.email,
        row.provider,
        row.orders,
        *(
            Decimal(decimal(cents))
            for cents in (row.paid, row.returned, row.total, person.total, row.fees)
        ),
        person.state,
        person.note,
    ]


def _files(here: str, year: int, threshold: Threshold | None) -> list[tuple[str, str]]:
    asked = urlencode({"year": year, "at_least": threshold.amount if threshold else 1})
    return [(name, f"{here}/{name}?{asked}") for name in FILES]


def _year(request: Call) -> int:
    """The year that is asked for; this one where none is. Raises NotFound for one that is none or
    has not begun: nobody takes another year's file for it."""
    text, this_year = request.query_params.get("year", ""), datetime.now(UTC).year
    if not text:
        return this_year
    year = int(text) if text.isascii() and text.isdecimal() and len(text) == 4 else 0
    if not taxes.FIRST_YEAR <= year <= this_year:
        raise NotFound
    return year


ROUTES = [show_taxes, download, note, set_threshold]
