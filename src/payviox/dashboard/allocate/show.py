"""`…/allocate/<upl_id>`: an upload from its columns over its check to its receipt, and what people
decide about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.actors import Actor
from payviox.allocations.uploads import checking, confirming
from payviox.allocations.uploads import service as uploads
from payviox.allocations.uploads.model import (
    FIELDS,
    KEPT_FOR,
    RECENT_DAYS,
    Asked,
    Choices,
    Field,
    Part,
    Plan,
    Upload,
    UploadChanged,
    UploadRow,
)
from payviox.auth import operators
from payviox.dashboard.allocate.one_person import ROUTE
from payviox.dashboard.allocate.upload import address_of, uploads_page
from payviox.dashboard.visits import Visit, act, act_once, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import (
    Conflict,
    IdempotencyMismatch,
    InsufficientPayoutBalance,
    Malformed,
    PayoutsDisabled,
)
from payviox.rights import service as rights
from payviox.tables.cells import FileRefused
from payviox.treasury import service as treasury
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import new_key, read_form
from payviox.web.pages import redirect, zone_of

UPLOAD = f"{ROUTE}/{{upload:str}}"
SAMPLE = 10
"""Rows that a page shows of those that cannot be paid, or may have been."""
FARTHEST = timedelta(days=366)
REFUSALS = (Conflict, IdempotencyMismatch, InsufficientPayoutBalance, PayoutsDisabled)
DONE = {
    "started": "Confirmed. It goes on by itself: this page may be closed.",
    "asked": "You have confirmed it. It waits for a second person.",
    "resumed": "It goes on.",
    "canceled": "Canceled. What was not paid stays unpaid.",
    "taken-back": "You have taken your confirmation back. Nothing is paid.",
}


class BadTime(Malformed):
    """A time that is none, has passed or is too far off."""

    status = 422
    message = "Choose a time to come, within a year, or none."


class ColumnsView(msgspec.Struct, frozen=True):
    """Which column holds what is to be said; `columns` is what the header suggests."""

    upload: Upload
    here: str
    may_allocate: bool
    may_discard: bool
    fields: Sequence[tuple[Field, str]]
    columns: Mapping[Field, int]
    refused: str | None = None
    key: str = msgspec.field(default_factory=new_key)


class CheckView(msgspec.Struct, frozen=True):
    """What the check found. `left` is the payout balance afterwards, in US cents. What nobody has
    confirmed is kept until `kept_until`."""

    upload: Upload
    here: str
    plan: Plan
    choices: Choices
    payout_balance: int
    left: int
    payouts_enabled: bool
    same_file: Upload | None
    same_address: str
    bad: Sequence[UploadRow]
    doubtful: Sequence[UploadRow]
    columns: Sequence[tuple[str, str]]
    may_allocate: bool
    may_discard: bool
    kept_until: datetime
    due: str = ""
    asked_by: str | None = None
    is_mine: bool = False
    done: str | None = None
    refused: str | None = None
    days: int = RECENT_DAYS
    key: str = msgspec.field(default_factory=new_key)


class ReceiptView(msgspec.Struct, frozen=True):
    """What became of an upload, or becomes of it now: then it is fetched again."""

    upload: Upload
    here: str
    plan: Plan
    is_going_on: bool
    offers: Sequence[str]
    created_by: str
    started_by: str | None
    done: str | None
    refused: str | None = None
    key: str = msgspec.field(default_factory=new_key)


@get(UPLOAD, include_in_schema=False)
async def show_upload(request: Call) -> Response[Any]:
    """The page of an upload, as far as it has come."""
    visit, upload = await find_upload(request)
    if upload.status == "unmapped":
        return _columns_page(request, visit, upload)
    if upload.status in ("checking", "checked"):
        choices = _choices(request.query_params, upload.asked)
        return await _check_page(request, visit, upload, choices)
    return await _receipt_page(request, visit, upload)


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
        return _columns_page(request, visit, replace(upload, columns=chosen), str(error))
    return redirect(address_of(visit, upload.id))


@post(f"{UPLOAD}/start", include_in_schema=False, status_code=200, right="upload.start")
async def start(request: Call) -> Response[Any]:
    """Confirm it: what the page showed is paid, now or at the time that was chosen."""
    visit, upload = await find_upload(request)
    form = await read_form(request)
    choices, due = _choices(form), form.get("due", "").strip()
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
            return await _receipt_page(request, visit, upload, refused)
        return await _check_page(request, visit, upload, choices, refused, due, error)
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
            return await _receipt_page(request, visit, upload, str(error))
        choices = _choices({}, upload.asked)
        return await _check_page(request, visit, upload, choices, str(error), error=error)
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
            return await _check_page(request, visit, upload, Choices(), str(error), error=error)
        return await _receipt_page(request, visit, upload, str(error))
    return redirect(f"{visit.base}/allocate/upload?done=discarded")


@post(f"{UPLOAD}/cancel", include_in_schema=False, status_code=200, right="upload.cancel")
async def cancel(request: Call) -> Response[Any]:
    """Leave unpaid what is not paid yet."""
    return await _decide(request, "canceled")


@post(f"{UPLOAD}/resume", include_in_schema=False, status_code=200, right="upload.resume")
async def resume(request: Call) -> Response[Any]:
    """Let it go on."""
    return await _decide(request, "resumed")


async def find_upload(request: Call) -> tuple[Visit, Upload]:
    """Who is looking at which upload. Raises NotFound."""
    visit = await visit_of(request)
    upload_id: UUID = path_id(request, ids.UPLOAD, "upload")
    return visit, await read(request, visit, uploads.get, visit.business.id, upload_id)


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
        return await _receipt_page(request, visit, upload, str(error))
    return redirect(f"{address_of(visit, upload.id)}?done={what}")


def _columns_page(
    request: Call, visit: Visit, upload: Upload, refused: str | None = None
) -> Response[Any]:
    view = ColumnsView(
        upload=upload,
        here=address_of(visit, upload.id),
        may_allocate=visit.may("allocation.create"),
        may_discard=visit.may("upload.discard"),
        fields=[(field, field.capitalize()) for field in FIELDS],
        columns={**(upload.columns or {})},
        refused=refused,
    )
    status = 422 if refused else 200
    return show(request, visit, "allocate/columns.html", view, status=status)


async def _check_page(
    request: Call,
    visit: Visit,
    upload: Upload,
    choices: Choices,
    refused: str | None = None,
    due: str = "",
    error: Exception | None = None,
) -> Response[Any]:
    business_id = visit.business.id
    plan = await read(request, visit, uploads.plan, business_id, upload.id, choices)
    held = await read(request, visit, treasury.balances, business_id)
    same = await read(request, visit, uploads.find_same_file, business_id, upload)
    bad = await read(request, visit, uploads.list_bad, business_id, upload.id, SAMPLE)
    doubtful = await read(request, visit, uploads.list_doubtful, business_id, upload.id, SAMPLE)
    columns = upload.columns or {}
    asked_by = None
    if upload.asked is not None:
        asked_by = await _who(request, visit, upload.asked.by)
        if not due and upload.asked.due_at is not None:
            due = f"{upload.asked.due_at.astimezone(zone_of(request)):%Y-%m-%dT%H:%M}"
    view = CheckView(
        upload=upload,
        here=address_of(visit, upload.id),
        plan=plan,
        choices=choices,
        payout_balance=held.payout_balance,
        left=held.payout_balance - plan.chosen.amount,
        payouts_enabled=visit.business.payouts_enabled,
        same_file=same,
        same_address=address_of(visit, same.id) if same is not None else "",
        bad=bad,
        doubtful=doubtful,
        columns=[
            (field.capitalize(), upload.header[columns[field]])
            for field in FIELDS
            if field in columns
        ],
        may_allocate=visit.may("upload.start"),
        may_discard=visit.may("upload.discard"),
        kept_until=upload.created_at + KEPT_FOR,
        due=due,
        asked_by=asked_by,
        is_mine=upload.asked is not None and upload.asked.by == visit.session.actor,
        done=None if refused else DONE.get(request.query_params.get("done", "")),
        refused=refused,
    )
    status = 200 if error is None else 422 if isinstance(error, BadTime) else 409
    return show(request, visit, "allocate/check.html", view, status=status)


async def _receipt_page(
    request: Call, visit: Visit, upload: Upload, refused: str | None = None
) -> Response[Any]:
    plan = await read(request, visit, uploads.plan, visit.business.id, upload.id, Choices())
    offers = []
    if upload.status in ("scheduled", "paying", "stopped") and visit.may("upload.cancel"):
        offers.append("cancel")
    if upload.status == "stopped" and visit.may("upload.resume"):
        offers.append("resume")
    view = ReceiptView(
        upload=upload,
        here=address_of(visit, upload.id),
        plan=plan,
        is_going_on=upload.status == "paying",
        offers=offers,
        created_by=await _who(request, visit, upload.created_by),
        started_by=await _who(request, visit, upload.started_by) if upload.started_by else None,
        done=None if refused else DONE.get(request.query_params.get("done", "")),
        refused=refused,
    )
    return show(request, visit, "allocate/receipt.html", view, status=409 if refused else 200)


async def _who(request: Call, visit: Visit, actor: str) -> str:
    """The address of an operator; anybody else as the books name them."""
    operator_id = rights.operator_of(Actor(actor))
    if operator_id is None:
        return actor
    return (await read(request, visit, operators.emails, [operator_id])).get(operator_id, actor)


def _choices(form: Mapping[str, str], asked: Asked | None = None) -> Choices:
    """What was ticked; where nobody did, what the first person confirmed, or as it is by itself."""
    if "chosen" not in form:
        return Choices() if asked is None else asked.choices
    return Choices("repeats" in form, "earlier" in form, "recent" in form)


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


ROUTES = [show_upload, choose_columns, start, take_back, discard, cancel, resume]
