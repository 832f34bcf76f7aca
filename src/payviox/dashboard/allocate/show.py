"""`…/allocate/<upl_id>`: an upload from its columns over its check to its receipt."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.actors import Actor
from payviox.allocations.uploads import service as uploads
from payviox.allocations.uploads.model import (
    FIELDS,
    KEPT_FOR,
    RECENT_DAYS,
    Asked,
    Choices,
    Field,
    Plan,
    Upload,
    UploadRow,
)
from payviox.auth import operators
from payviox.dashboard.allocate.one_person import ROUTE
from payviox.dashboard.allocate.upload import address_of
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.errors import (
    Malformed,
)
from payviox.rights import service as rights
from payviox.treasury import service as treasury
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.forms import new_key
from payviox.web.pages import zone_of

UPLOAD = f"{ROUTE}/{{upload:str}}"
SAMPLE = 10
"""Rows that a page shows of those that cannot be paid, or may have been."""
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
        return columns_page(request, visit, upload)
    if upload.status in ("checking", "checked"):
        choices = choices_of(request.query_params, upload.asked)
        return await check_page(request, visit, upload, choices)
    return await receipt_page(request, visit, upload)


async def find_upload(request: Call) -> tuple[Visit, Upload]:
    """Who is looking at which upload. Raises NotFound."""
    visit = await visit_of(request)
    upload_id: UUID = path_id(request, ids.UPLOAD, "upload")
    return visit, await read(request, visit, uploads.get, visit.business.id, upload_id)


def columns_page(
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


async def check_page(
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


async def receipt_page(
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


def choices_of(form: Mapping[str, str], asked: Asked | None = None) -> Choices:
    """What was ticked; where nobody did, what the first person confirmed, or as it is by itself."""
    if "chosen" not in form:
        return Choices() if asked is None else asked.choices
    return Choices("repeats" in form, "earlier" in form, "recent" in form)


ROUTES = [show_upload]
