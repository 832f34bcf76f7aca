"""`…/approvals/<approval>`: one waiting act with all that it will do, for its second person."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import actors, ids
from payviox.actors import Actor
from payviox.agreements import service as agreements
from payviox.allocations import by_operators
from payviox.approvals import service as approvals
from payviox.approvals.service import WaitingAct
from payviox.auth import operators
from payviox.dashboard.approvals.acts import CONSEQUENCES, facts, title
from payviox.dashboard.confirmations import Fact
from payviox.dashboard.visits import Visit, act, prove, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, Forbidden, NotFound, PayvioxError
from payviox.money import dollars
from payviox.rights.roles import Right
from payviox.web.context import Call, address_of, services
from payviox.web.cursors import path_id
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/approvals/{approval:str}"
Decide = Callable[[Connection, UUID, UUID, Actor], Awaitable[WaitingAct]]


class ApprovalView(msgspec.Struct, frozen=True):
    """`may_approve` where this person may and is another than who started it; `import_at` where
    they approve it by importing the same file themselves."""

    waiting: WaitingAct
    heading: str
    facts: list[Fact]
    consequence: str
    button: str
    started_by: str
    ended_by: str | None
    is_mine: bool
    may_approve: bool
    may_cancel: bool
    import_at: str | None
    address: str
    back: str
    refused: str | None


@get(ROUTE, include_in_schema=False)
async def show_approval(request: Call) -> Response[Any]:
    """What will be done, and who started it."""
    return await _page(request, await visit_of(request))


@post(f"{ROUTE}/approve", include_in_schema=False, status_code=200, right="approval.sign")
async def approve(request: Call) -> Response[Any]:
    """Do it, as its second person."""
    visit = await visit_of(request)
    waiting = await read(request, visit, approvals.get, visit.business.id, _id(request))
    try:
        if waiting.act == "allocation.create":
            await prove(request, visit.session, "approval.sign")
            batcher = services(request).batcher
            with actors.at(address_of(request)):
                await by_operators.approve(batcher, visit.session, visit.business.id, waiting)
        else:
            await _decide(request, visit, agreements.approve)
    except PayvioxError as error:
        return await _refused(request, visit, error)
    return redirect(f"{visit.base}/approvals?done=approved")


@post(f"{ROUTE}/cancel", include_in_schema=False, status_code=200, right="approval.cancel")
async def cancel(request: Call) -> Response[Any]:
    """End it undone."""
    visit = await visit_of(request)
    try:
        await _decide(request, visit, approvals.cancel)
    except Conflict as error:
        return await _refused(request, visit, error)
    return redirect(f"{visit.base}/approvals?done=canceled")


async def _decide(request: Call, visit: Visit, decide: Decide) -> WaitingAct:
    return await act(
        request, visit.session, decide, visit.business.id, _id(request), visit.session.actor
    )


async def _refused(request: Call, visit: Visit, error: PayvioxError) -> Response[Any]:
    """Said on the page where it is about the act; what is about who asks is a page of its own."""
    if isinstance(error, Forbidden | NotFound) or error.status >= 500:
        raise error
    return await _page(request, visit, refused=f"{str(error).removesuffix('.')}.", status=409)


async def _page(
    request: Call, visit: Visit, *, refused: str | None = None, status: int = 200
) -> Response[Any]:
    waiting, emails = await read(request, visit, _found, visit.business.id, _id(request))
    right: Right = waiting.act  # type: ignore[assignment]  # as `ask` kept it
    is_open = waiting.status == "waiting"
    is_mine = waiting.started_by == visit.session.operator_id
    words = title(waiting.act)
    may_approve = is_open and not is_mine and visit.may(right)
    by_import = waiting.act == "bank_report.import"
    view = ApprovalView(
        waiting=waiting,
        heading=words,
        facts=facts(waiting),
        consequence=CONSEQUENCES.get(waiting.act, ""),
        button=f"Approve {dollars(waiting.amount)}" if waiting.amount else "Approve",
        started_by=emails.get(waiting.started_by, "somebody"),
        ended_by=emails.get(waiting.ended_by) if waiting.ended_by else None,
        is_mine=is_mine,
        may_approve=may_approve and not by_import,
        may_cancel=is_open and (is_mine or visit.may(right)),
        import_at=f"{visit.base}/bank-files/import" if may_approve and by_import else None,
        address=f"{visit.base}/approvals/{ids.show(ids.APPROVAL, waiting.id)}",
        back=f"{visit.base}/approvals",
        refused=refused,
    )
    return show(request, visit, "approvals/show.html", view, status=status)


async def _found(
    connection: Connection, business_id: UUID, waiting_id: UUID
) -> tuple[WaitingAct, dict[UUID, str]]:
    waiting = await approvals.get(connection, business_id, waiting_id)
    people = [each for each in (waiting.started_by, waiting.ended_by) if each]
    return waiting, await operators.emails(connection, people)


def _id(request: Call) -> UUID:
    return path_id(request, ids.APPROVAL, "approval")


ROUTES = [show_approval, approve, cancel]
