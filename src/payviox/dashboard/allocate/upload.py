"""`…/allocate/upload`: a file is chosen and checked; and the uploads so far."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.allocations.uploads import checking
from payviox.allocations.uploads import service as uploads
from payviox.allocations.uploads.model import MAX_FILE, Status, Upload
from payviox.dashboard.allocate.one_person import ROUTE
from payviox.dashboard.files import read_file
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.tables.cells import MAX_ROWS, FileRefused
from payviox.web.context import Call, services
from payviox.web.pages import redirect
from payviox.web.request_body import MAX_UPLOAD

UPLOAD_ROUTE = f"{ROUTE}/upload"
DISCARDED = "The file is discarded. Nothing was allocated."
PAGE = 25


class UploadLine(msgspec.Struct, frozen=True):
    """An upload in the list. Without `payments` nobody has confirmed it."""

    address: str
    file_name: str
    status: Status
    payments: int
    amount: int
    paid: int
    created_at: datetime


class UploadsView(msgspec.Struct, frozen=True):
    here: str
    may_allocate: bool
    rows: Sequence[UploadLine]
    first: str | None
    older: str | None
    done: str | None = None
    max_rows: int = MAX_ROWS
    max_megabytes: int = MAX_FILE // 1_000_000
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


@get(UPLOAD_ROUTE, include_in_schema=False)
async def list_uploads(request: Call) -> Response[Any]:
    """The form for a file, and the uploads so far, newest first."""
    return await uploads_page(request, await visit_of(request))


@post(
    UPLOAD_ROUTE,
    include_in_schema=False,
    status_code=200,
    request_max_body_size=MAX_UPLOAD,
    right="allocation.create",
)
async def check_file(request: Call) -> Response[Any]:
    """Check a file; its page says what was found."""
    visit = await visit_of(request)
    try:
        name, content = await read_file(request, MAX_FILE)
        async with services(request).files.enter():
            upload_id = await act(
                request,
                visit.session,
                checking.receive,
                visit.business.id,
                name,
                content,
                visit.session.actor,
            )
            await checking.check(services(request).database, visit.business.id, upload_id, content)
    except FileRefused as error:
        return await uploads_page(request, visit, str(error))
    return redirect(address_of(visit, upload_id))


async def uploads_page(request: Call, visit: Visit, refused: str | None = None) -> Response[Any]:
    """The page, with why a file was refused beside its field."""
    after = ids.parse(ids.UPLOAD, request.query_params.get("after", ""))
    rows = await read(request, visit, uploads.list_page, visit.business.id, after, PAGE + 1)
    here = f"{visit.base}/allocate/upload"
    view = UploadsView(
        here=here,
        may_allocate=visit.may("allocation.create"),
        rows=[_line(visit, upload) for upload in rows[:PAGE]],
        first=here if after is not None else None,
        older=(
            f"{here}?after={ids.show(ids.UPLOAD, rows[PAGE - 1].id)}" if len(rows) > PAGE else None
        ),
        done=DISCARDED if request.query_params.get("done") == "discarded" else None,
        errors={"file": [refused]} if refused else {},
    )
    return show(request, visit, "allocate/upload.html", view, status=422 if refused else 200)


def address_of(visit: Visit, upload_id: Any) -> str:
    return f"{visit.base}/allocate/{ids.show(ids.UPLOAD, upload_id)}"


def _line(visit: Visit, upload: Upload) -> UploadLine:
    return UploadLine(
        address=address_of(visit, upload.id),
        file_name=upload.file_name,
        status=upload.status,
        payments=upload.payments,
        amount=upload.amount,
        paid=upload.paid,
        created_at=upload.created_at,
    )


ROUTES = [list_uploads, check_file]
