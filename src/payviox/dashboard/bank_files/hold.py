"""`…/bank-files/after-restore`: files that are held since the database was restored go on."""

from typing import Any

from litestar import Response, get, post

from payviox.bank import holds
from payviox.dashboard.bank_files.list import ROUTE
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act, read, visit_of
from payviox.errors import Conflict
from payviox.web.context import Call
from payviox.web.pages import redirect

PATH = f"{ROUTE}/after-restore"


@get(PATH, include_in_schema=False)
async def ask_to_go_on(request: Call) -> Response[Any]:
    """Whether everything that the bank has said since the backup is imported."""
    return await _page(request, await visit_of(request))


@post(PATH, include_in_schema=False, status_code=200, right="bank_file.end_hold")
async def go_on(request: Call) -> Response[Any]:
    """Let files be cut and released again."""
    visit = await visit_of(request)
    try:
        await act(request, visit.session, holds.end, visit.business.id, visit.session.actor)
    except Conflict as error:
        return await _page(request, visit, str(error))
    return redirect(f"{visit.base}/bank-files?done=goes_on")


async def _page(request: Call, visit: Visit, refused: str | None = None) -> Response[Any]:
    since = await read(request, visit, holds.since, visit.business.id)
    here = f"{visit.base}/bank-files"
    view = ConfirmView(
        heading="Files after a restore",
        consequence="The database is as old as its backup: payments may have left since that it"
        " knows as waiting. Import everything that the bank has said since then first; what it"
        " names is not paid again. From then on files are cut and released as before.",
        facts=[Fact("Held since", "no more" if since is None else f"{since:%Y-%m-%d %H:%M} UTC")],
        action=f"{here}/after-restore",
        button="All of it is imported: go on",
        back=here,
        keep="Leave them held",
        is_danger=True,
        refused=refused,
    )
    return confirm(request, visit, view, status=409 if refused else 200)


ROUTES = [ask_to_go_on, go_on]
