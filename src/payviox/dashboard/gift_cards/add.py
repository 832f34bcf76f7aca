"""`…/gift-cards/import`: cards added to the stock from pasted lines or from a file. What is good is
kept whatever is wrong with other lines; no code is ever shown again."""

import io
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import actors, ids
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.db.pool import Connection
from payviox.giftcards import file_imports, importing
from payviox.giftcards.csv_file import NoCardsError, read_cards
from payviox.giftcards.files import MAX_FILE, MAX_LINES
from payviox.giftcards.model import OUT_OF_STOCK, BadLine, FileImport
from payviox.rights import service as rights
from payviox.web.context import Call, address_of, services
from payviox.web.forms import read_form
from payviox.withdrawals import service as withdrawals

ROUTE = "/dashboard/{business:str}/gift-cards"
SHOWN = 200
"""So many bad lines are named."""
LATEST = 5
"""So many files are listed."""


class ImportView(msgspec.Struct, frozen=True):
    """The forms, and the latest files with their addresses."""

    action: str
    file_action: str
    back: str
    command: str
    files: Sequence[tuple[str, FileImport]]
    refused: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    max_lines: int = MAX_LINES
    max_megabytes: int = MAX_FILE // 1_000_000


class ImportedView(msgspec.Struct, frozen=True):
    """What became of the lines."""

    imported: int
    duplicates: int
    bad: Sequence[BadLine]
    more_bad: int
    again: str
    back: str


@get(f"{ROUTE}/import", include_in_schema=False)
async def ask_to_import(request: Call) -> Response[Any]:
    """The form."""
    return await import_page(request, await visit_of(request))


@post(f"{ROUTE}/import", include_in_schema=False, status_code=200, right="gift_cards.import")
async def import_cards(request: Call) -> Response[Any]:
    """Add the cards. Sent again, it adds what is missing."""
    visit = await visit_of(request)
    text = (await read_form(request)).get("cards", "")
    found = services(request)
    business_id = visit.business.id
    await act(request, visit.session, _require, visit)
    try:
        with actors.at(address_of(request)):
            sums = await importing.import_cards(
                found.database,
                found.keyring,
                business_id,
                read_cards(io.BytesIO(text.strip().encode())),
                visit.session.actor,
                importing.say_nothing,
                wake_orders(business_id),
            )
    except NoCardsError as error:
        return await import_page(request, visit, refused=str(error))
    view_of = ImportedView(
        imported=sums.imported,
        duplicates=sums.duplicates,
        bad=sums.bad[:SHOWN],
        more_bad=max(len(sums.bad) - SHOWN, 0),
        again=f"{visit.base}/gift-cards/import",
        back=f"{visit.base}/gift-cards",
    )
    return show(request, visit, "gift_cards/added.html", view_of)


async def _require(connection: Connection, visit: Visit) -> None:
    await rights.require(connection, visit.business.id, visit.session.actor, "gift_cards.import")


async def import_page(
    request: Call, visit: Visit, *, refused: str | None = None, file_refused: str | None = None
) -> Response[Any]:
    """The forms, with what is wrong with one of them."""
    here = f"{visit.base}/gift-cards"
    business = visit.base.rpartition("/")[2]
    files = await read(request, visit, file_imports.list_latest, visit.business.id, LATEST)
    view = ImportView(
        action=f"{here}/import",
        file_action=f"{here}/import/file",
        back=here,
        command=f"payviox giftcards import FILE.csv --business {business}",
        files=[(f"{here}/imports/{ids.show(ids.CARD_IMPORT, each.id)}", each) for each in files],
        refused=refused,
        errors={"file": [file_refused]} if file_refused else {},
    )
    status = 422 if refused or file_refused else 200
    return show(request, visit, "gift_cards/add.html", view, status=status)


def wake_orders(business_id: UUID) -> Callable[[Connection], Awaitable[None]]:
    """What follows when cards are added: orders that wait for one need not wait for their next
    try."""

    async def wake(connection: Connection) -> None:
        await withdrawals.stop_waiting(connection, business_id, OUT_OF_STOCK)

    return wake


ROUTES = [ask_to_import, import_cards]
