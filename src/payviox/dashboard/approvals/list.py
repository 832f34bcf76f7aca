"""`…/approvals`: what waits for a second person, the oldest first."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.allocations.uploads.model import Upload
from payviox.auth import operators
from payviox.dashboard.approvals.acts import facts, title
from payviox.dashboard.confirmations import Fact
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.reporting import second_signatures
from payviox.reporting.second_signatures import SignedOrder, WaitingAct
from payviox.rights import service as rights
from payviox.web.context import Call

DONE = {
    "asked": "It waits for a second person.",
    "approved": "It is approved and done.",
    "canceled": "It is canceled. Nothing was done.",
}


class Waiting(msgspec.Struct, frozen=True):
    """One line: an act, or an order that one person has signed. `names_facts` where the facts say
    nothing without their labels."""

    address: str
    what: str
    facts: list[Fact]
    who: str
    is_mine: bool
    at: datetime
    names_facts: bool = False


class ApprovalsView(msgspec.Struct, frozen=True):
    rows: list[Waiting]
    is_all: bool
    threshold: int | None
    settings: str
    done: str | None


@get("/dashboard/{business:str}/approvals", include_in_schema=False)
async def list_approvals(request: Call) -> Response[Any]:
    """Everything that one person started or signed, and another one has to."""
    visit = await visit_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    rows, is_all = await read(request, visit, _rows, visit)
    threshold = visit.business.second_person_amount
    view = ApprovalsView(rows, is_all, threshold, f"{visit.base}/settings", done)
    return show(request, visit, "approvals/list.html", view)


async def _rows(connection: Connection, visit: Visit) -> tuple[list[Waiting], bool]:
    found = await second_signatures.waiting(connection, visit.business.id)
    starters = {each.started_by for each in found.acts} | {each.signed_by for each in found.orders}
    askers = {upload.id: _asker(upload) for upload in found.uploads}
    starters |= set(askers.values())
    emails = await operators.emails(connection, list(starters))
    rows = [_act(visit, each, emails) for each in found.acts]
    rows += [_order(visit, each, emails) for each in found.orders]
    rows += [_upload(visit, each, askers[each.id], emails) for each in found.uploads]
    return sorted(rows, key=lambda row: row.at), found.is_all


def _act(visit: Visit, waiting: WaitingAct, emails: dict[Any, str]) -> Waiting:
    return Waiting(
        address=f"{visit.base}/approvals/{ids.show(ids.APPROVAL, waiting.id)}",
        what=title(waiting.act),
        facts=facts(waiting),
        who=emails.get(waiting.started_by, "somebody"),
        is_mine=waiting.started_by == visit.session.operator_id,
        at=waiting.created_at,
        names_facts=waiting.act == "business.set",
    )


def _asker(upload: Upload) -> UUID:
    """The operator who confirmed an upload first."""
    operator_id = rights.operator_of(upload.asked.by) if upload.asked is not None else None
    if operator_id is None:
        raise ValueError(f"nobody confirmed upload {upload.id}")
    return operator_id


def _upload(visit: Visit, upload: Upload, asker: UUID, emails: dict[Any, str]) -> Waiting:
    return Waiting(
        address=f"{visit.base}/allocate/{ids.show(ids.UPLOAD, upload.id)}",
        what=title("upload.start"),
        facts=[Fact("File", upload.file_name)],
        who=emails.get(asker, "somebody"),
        is_mine=asker == visit.session.operator_id,
        at=upload.created_at,
    )


def _order(visit: Visit, order: SignedOrder, emails: dict[Any, str]) -> Waiting:
    return Waiting(
        address=f"{visit.base}/orders/{ids.show(ids.ORDER, order.id)}",
        what=title(order.act),
        facts=[Fact("Amount", cents=order.amount), Fact("Payout user", order.email)],
        who=emails.get(order.signed_by, "somebody"),
        is_mine=order.signed_by == visit.session.operator_id,
        at=order.signed_at,
    )


ROUTES = [list_approvals]
