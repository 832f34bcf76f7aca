"""`…/gift-cards/import`: cards added to the stock from the lines of a CSV file. What is good is
kept whatever is wrong with other lines; no code is ever shown again."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post

from payviox import actors
from payviox.dashboard.visits import Visit, act, show, visit_of
from payviox.db.pool import Connection
from payviox.giftcards import importing
from payviox.giftcards.csv_file import NoCardsError, read_cards
from payviox.giftcards.model import OUT_OF_STOCK, BadLine
from payviox.rights import service as rights
from payviox.web.context import Call, address_of, services
from payviox.web.forms import read_form
from payviox.withdrawals import service as withdrawals

ROUTE = "/dashboard/{business:str}/gift-cards"
SHOWN = 200
"""So many bad lines are named."""


@dataclass(frozen=True, slots=True)
class ImportView:
    """The form."""

    action: str
    back: str
    command: str
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedView:
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
    visit = await visit_of(request)
    return show(request, visit, "gift_cards/add.html", _form(visit))


@post(f"{ROUTE}/import", include_in_schema=False, status_code=200, right="gift_cards.import")
async def import_cards(request: Call) -> Response[Any]:
    """Add the cards. Sent again, it adds what is missing."""
    visit = await visit_of(request)
    text = (await read_form(request)).get("cards", "")
    found = services(request)
    business_id = visit.business.id
    await act(request, visit.session, _require, visit)

    async def on_added(connection: Connection) -> None:
        # Orders that were waiting for a card need not wait for their next try.
        await withdrawals.stop_waiting(connection, business_id, OUT_OF_STOCK)

    try:
        with actors.at(address_of(request)):
            sums = await importing.import_cards(
                found.database,
                found.keyring,
                business_id,
                read_cards(io.BytesIO(text.strip().encode())),
                visit.session.actor,
                lambda _: None,
                on_added,
            )
    except NoCardsError as error:
        view = _form(visit, refused=str(error))
        return show(request, visit, "gift_cards/add.html", view, status=422)
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


def _form(visit: Visit, refused: str | None = None) -> ImportView:
    here = f"{visit.base}/gift-cards"
    business = visit.base.rpartition("/")[2]
    command = f"payviox giftcards import FILE.csv --business {business}"
    return ImportView(f"{here}/import", here, command, refused)


ROUTES = [ask_to_import, import_cards]
