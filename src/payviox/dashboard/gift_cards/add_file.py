"""`…/gift-cards/import/file` and `…/gift-cards/imports/<gci_id>`: a file of cards sent, imported
while its page follows, and the lines of it that were bad."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask

from payviox import actors, ids
from payviox.dashboard.files import read_file
from payviox.dashboard.gift_cards.add import ROUTE, import_page, wake_orders
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.errors import Busy
from payviox.giftcards import file_imports
from payviox.giftcards.files import MAX_FILE
from payviox.giftcards.model import BadLine, FileImport
from payviox.tables.cells import FileRefused
from payviox.web import sheets
from payviox.web.context import Call, address_of, services
from payviox.web.cursors import path_id
from payviox.web.pages import redirect
from payviox.web.request_body import MAX_UPLOAD

IMPORT = f"{ROUTE}/imports/{{card_import:str}}"
SHOWN = 100
"""So many bad lines are named on the page."""
PAGE = 1_000


class FileImportView(msgspec.Struct, frozen=True):
    """How far an import is, or how it went."""

    entry: FileImport
    here: str
    is_going_on: bool
    bad: Sequence[BadLine]
    problems: str
    again: str
    back: str


@post(
    f"{ROUTE}/import/file",
    include_in_schema=False,
    status_code=200,
    request_max_body_size=MAX_UPLOAD,
    right="gift_cards.import",
)
async def import_file(request: Call) -> Response[Any]:
    """Take a file; it is imported after the answer, as long as this process lives."""
    visit = await visit_of(request)
    async with AsyncExitStack() as held:
        try:
            name, content = await read_file(request, MAX_FILE)
            await held.enter_async_context(services(request).files.enter())
            import_id = await act(
                request,
                visit.session,
                file_imports.receive,
                visit.business.id,
                name,
                content,
                visit.session.actor,
            )
        except (FileRefused, Busy) as error:
            return await import_page(request, visit, file_refused=str(error))
        answer = redirect(_address(visit, import_id))
        answer.background = BackgroundTask(_run, request, visit, import_id, content, held.pop_all())
        return answer


async def _run(
    request: Call, visit: Visit, import_id: UUID, content: bytes, held: AsyncExitStack
) -> None:
    process = services(request)
    async with held:
        with actors.at(address_of(request)):
            await file_imports.run(
                process.database,
                process.keyring,
                visit.business.id,
                import_id,
                content,
                visit.session.actor,
                wake_orders(visit.business.id),
            )


@get(IMPORT, include_in_schema=False)
async def show_import(request: Call) -> Response[Any]:
    """How far it is, or how it went."""
    visit, entry = await _import(request)
    bad = await read(
        request, visit, file_imports.list_problems, visit.business.id, entry.id, 0, SHOWN
    )
    here = _address(visit, entry.id)
    view = FileImportView(
        entry=entry,
        here=here,
        is_going_on=entry.status in ("reading", "importing"),
        bad=bad,
        problems=f"{here}/problems.{entry.kind}",
        again=f"{visit.base}/gift-cards/import",
        back=f"{visit.base}/gift-cards",
    )
    return show(request, visit, "gift_cards/file_import.html", view)


@get([f"{IMPORT}/problems.csv", f"{IMPORT}/problems.xlsx"], include_in_schema=False)
async def download_problems(request: Call) -> Response[Any]:
    """The lines that were bad, each with why; not what they hold, which may be a code."""
    visit, entry = await _import(request)

    async def rows() -> AsyncIterator[Sequence[Sequence[object]]]:
        after = 0
        while True:
            page = await read(
                request,
                visit,
                file_imports.list_problems,
                visit.business.id,
                entry.id,
                after,
                PAGE,
            )
            yield [[each.line, each.reason] for each in page]
            if len(page) < PAGE:
                return
            after = page[-1].line

    name = str(request.scope["path"]).rpartition("/")[2]
    return sheets.answer(name, ["Line", "Why it was not imported"], rows())


async def _import(request: Call) -> tuple[Visit, FileImport]:
    """Raises NotFound."""
    visit = await visit_of(request)
    import_id = path_id(request, ids.CARD_IMPORT, "card_import")
    return visit, await read(request, visit, file_imports.get, visit.business.id, import_id)


def _address(visit: Visit, import_id: UUID) -> str:
    return f"{visit.base}/gift-cards/imports/{ids.show(ids.CARD_IMPORT, import_id)}"


ROUTES = [import_file, show_import, download_problems]
