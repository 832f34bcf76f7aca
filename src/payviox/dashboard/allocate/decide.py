"""`…/allocate/<upl_id>/…`: what people decide about an upload."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from litestar import Response, post

from payviox import ids
from payviox.allocations.uploads import checking, confirming
from payviox.allocations.uploads import service as uploads
from payviox.allocations.uploads.model import (
    FIELDS,
    Choices,
    Field,
    Part,
    UploadChanged,
)
from payviox.dashboard.allocate.show import (
    UPLOAD,
    BadTime,
    check_page,
    choices_of,
    columns_page,
    find_upload,
    receipt_page,
)
from payviox.dashboard.allocate.upload import address_of, uploads_page
from payviox.dashboard.visits import act, act_once, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import (
    Conflict,
    IdempotencyMismatch,
    InsufficientPayoutBalance,
    Malformed,
    PayoutsDisabled,
)
from payviox.tables.cells import FileRefused
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect, zone_of

FARTHEST = timedelta(days=366)
REFUSALS = (Conflict, IdempotencyMismatch, InsufficientPayoutBalance, PayoutsDisabled)


@post(f"{UPLOAD}/columns", include_in_schema=False, status_code=200, right="allocation.create")
async def choose_columns(request: Call) -> Response[Any]:
    """Check the file by the columns that were chosen."""
    visit, upload = await find_upload(request)
    form = await read_form(request)
    chosen: dict[Field, int] = {
        field: int(form[field])
        for field in FIELDS
        if form.get(field, "").isascii() and form.get(field, "").isdecimal()
    }
    try:
        async with services(request).files.enter():
            await checking.choose_columns(
                services(request).database,
                visit.business.id,
                upload.id,
                chosen,
                visit.session.actor,
            )
    except FileRefused as error:
        still = await read(request, visit, uploads.find, visit.business.id, upload.id)
        if still is None:
            return await uploads_page(request, visit, str(error))
        return columns_page(request, visit, replace(upload, columns=chosen), str(error))
    return redirect(address_of(visit, upload.id))


@post(f"{UPLOAD}/start", include_in_schema=False, status_code=200, right="upload.start")
async def start(request: Call) -> Response[Any]:
    """Confirm it: what the page showed is paid, now or at the time that was chosen."""
    visit, upload = await find_upload(request)
    form = await read_form(request)
    choices, due = choices_of(form), form.get("due", "").strip()
    try:
        shown = Part(_number(form, "payments"), _number(form, "cents"))
        due_at = _moment(due, zone_of(request))

        async def effect(connection: Connection) -> Mapping[str, object]:
            is_started = await confirming.start(
                connection,
                visit.business.id,
                upload.id,
                choices=choices,
                shown=shown,
                due_at=due_at,
                actor=visit.session.actor,
            )
            return {"started": is_started}

        done = await act_once(request, visit, form, effect)
    except (*REFUSALS, BadTime) as error:
        refused = f"{str(error).removesuffix('.')}. Nothing was allocated."
        if isinstance(error, UploadChanged):
            await act(request, visit.session, confirming.refresh, visit.business.id, upload.id)
        upload = await read(request, visit, uploads.get, visit.business.id, upload.id)
        if upload.status != "checked":
            return await receipt_page(request, visit, upload, refused)
        return await check_page(request, visit, upload, choices, refused, due, error)
    what = "started" if done.reference["started"] else "asked"
    return redirect(f"{address_of(visit, upload.id)}?done={what}")


@post(f"{UPLOAD}/take-back", include_in_schema=False, status_code=200, right="approval.cancel")
async def take_back(request: Call) -> Response[Any]:
    """Take one's own confirmation back while it waits for another person's."""
    visit, upload = await find_upload(request)
    try:
        await act(
            request,
            visit.session,
            confirming.take_back,
            visit.business.id,
            upload.id,
            visit.session.actor,
        )
    except Conflict as error:
        upload = await read(request, visit, uploads.get, visit.business.id, upload.id)
        if upload.status != "checked":
            return await receipt_page(request, visit, upload, str(error))
        choices = choices_of({}, upload.asked)
        return await check_page(request, visit, upload, choices, str(error), error=error)
    return redirect(f"{address_of(visit, upload.id)}?done=taken-back")


@post(f"{UPLOAD}/discard", include_in_schema=False, status_code=200, right="upload.discard")
async def discard(request: Call) -> Response[Any]:
    """Forget what nobody has confirmed."""
    visit = await visit_of(request)
    upload_id: UUID = path_id(request, ids.UPLOAD, "upload")

    async def effect(connection: Connection) -> Mapping[str, object]:
        await confirming.discard(connection, visit.business.id, upload_id, visit.session.actor)
        return {}

    try:
        await act_once(request, visit, await read_form(request), effect)
    except Conflict as error:
        upload = await read(request, visit, uploads.get, visit.business.id, upload_id)
        if upload.status == "checking":
            return await check_page(request, visit, upload, Choices(), str(error), error=error)
        return await receipt_page(request, visit, upload, str(error))
    return redirect(f"{visit.base}/allocate/upload?done=discarded")


@post(f"{UPLOAD}/cancel", include_in_schema=False, status_code=200, right="upload.cancel")
async def cancel(request: Call) -> Response[Any]:
    """Leave unpaid what is not paid yet."""
    return await _decide(request, "canceled")


@post(f"{UPLOAD}/resume", include_in_schema=False, status_code=200, right="upload.resume")
async def resume(request: Call) -> Response[Any]:
    """Let it go on."""
    return await _decide(request, "resumed")


async def _decide(request: Call, what: str) -> Response[Any]:
    visit, upload = await find_upload(request)
    form = await read_form(request)
    decide = confirming.cancel if what == "canceled" else confirming.resume

    async def effect(connection: Connection) -> Mapping[str, object]:
        await decide(connection, visit.business.id, upload.id, visit.session.actor)
        return {}

    try:
        await act_once(request, visit, form, effect)
    except (Conflict, IdempotencyMismatch) as error:
        upload = await read(request, visit, uploads.get, visit.business.id, upload.id)
        return await receipt_page(request, visit, upload, str(error))
    return redirect(f"{address_of(visit, upload.id)}?done={what}")


def _number(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Malformed("The form could not be read")
    return int(text)


def _moment(text: str, zone: tzinfo) -> datetime | None:
    """A time in the reader's zone as the form's field sends it. Raises BadTime."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError as error:
        raise BadTime from error
    now = datetime.now(UTC)
    if not now < moment < now + FARTHEST:
        raise BadTime
    return moment


ROUTES = [choose_columns, start, take_back, discard, cancel, resume]
