"""`…/balance/deposits`: money that was paid in, newest first, each with its correction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.actors import Actor
from payviox.auth import operators
from payviox.dashboard import lists
from payviox.dashboard.balance.show import ROUTE as BALANCE
from payviox.dashboard.lists import PAGE, Pager
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.rights.service import operator_of
from payviox.treasury import deposits
from payviox.treasury.deposits import Deposit
from payviox.web.context import Call

ROUTE = f"{BALANCE}/deposits"
DONE = {
    "deposited": "The deposit is in the main balance.",
    "withdrawn": "The money has left the main balance.",
    "corrected": "The deposit is corrected.",
}


class DepositLine(msgspec.Struct, frozen=True):
    """One line of the table, amounts in US cents. `correct` is where it is corrected, where that is
    offered."""

    id: str
    reference: str
    amount: int
    who: str
    at: datetime
    taken_back: int | None
    remaining: int
    reason: str
    corrected_by: str
    corrected_at: datetime | None
    correct: str | None


class DepositsView(msgspec.Struct, frozen=True):
    here: str
    balance: str
    may_deposit: bool
    may_withdraw: bool
    rows: Sequence[DepositLine]
    pager: Pager
    done: str | None


@get(ROUTE, include_in_schema=False)
async def list_deposits(request: Call) -> Response[Any]:
    """A page of deposits."""
    visit = await visit_of(request)
    after = ids.parse_number(ids.TRANSFER, request.query_params.get("after", ""))
    made, people = await read(request, visit, _page, visit.business.id, after)
    here = f"{visit.base}/balance/deposits"
    lines = [_line(visit, here, deposit, people) for deposit in made]
    rows, pager = lists.page_of(lines, here, "", after=after)
    view = DepositsView(
        here=here,
        balance=f"{visit.base}/balance",
        may_deposit=visit.may("balance.deposit"),
        may_withdraw=visit.may("balance.withdraw_funds"),
        rows=rows,
        pager=pager,
        done=DONE.get(request.query_params.get("done", "")),
    )
    return show(request, visit, "balance/deposits.html", view)


async def _page(
    connection: Connection, business_id: UUID, after: int | None
) -> tuple[list[Deposit], dict[UUID, str]]:
    """Deposits, and the addresses of the operators among those who made or corrected them."""
    rows = await deposits.list_page(connection, business_id, after=after, limit=PAGE + 1)
    actors = [row.actor for row in rows] + [row.correction.actor for row in rows if row.correction]
    acted = {operator_of(actor) for actor in actors}
    return rows, await operators.emails(connection, [each for each in acted if each is not None])


def _line(visit: Visit, here: str, deposit: Deposit, people: dict[UUID, str]) -> DepositLine:
    correction = deposit.correction
    may_correct = correction is None and visit.may("balance.withdraw_funds")
    return DepositLine(
        id=_shown(deposit),
        reference=deposit.reference,
        amount=deposit.amount,
        who=_who(deposit.actor, people),
        at=deposit.made_at,
        taken_back=correction.amount if correction else None,
        remaining=deposit.remaining,
        reason=correction.reason if correction else "",
        corrected_by=_who(correction.actor, people) if correction else "",
        corrected_at=correction.made_at if correction else None,
        correct=f"{here}/{_shown(deposit)}/correct" if may_correct else None,
    )


def _shown(deposit: Deposit) -> str:
    return ids.show(ids.TRANSFER, str(deposit.id))


def _who(actor: Actor, people: dict[UUID, str]) -> str:
    operator_id = operator_of(actor)
    return actor if operator_id is None else people.get(operator_id, actor)


ROUTES = [list_deposits]
