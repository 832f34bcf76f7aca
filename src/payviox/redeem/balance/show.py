"""`/redeem/balance`: how much there is, who sent it, and the ways to take it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.db.pool import Connection
from payviox.languages.catalogues import Language
from payviox.ledger import service as ledger
from payviox.redeem.visits import BALANCE, ROUTE, read, show, visit_of
from payviox.reporting.redemption import Way
from payviox.unclaimed import expiry, reminders
from payviox.unclaimed.expiry import Announced
from payviox.web.context import Call, services
from payviox.withdrawals import history, whereabouts
from payviox.withdrawals.history import Movement
from payviox.withdrawals.whereabouts import RecipientWords

LATEST = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the history; `amount` is signed US cents. An order's line has its state, where it
    went (masked) and what its payout user reads of it."""

    kind: str
    amount: int
    created_at: datetime
    status: str | None = None
    address: str | None = None
    to: str | None = None
    words: RecipientWords | None = None


class BalanceView(msgspec.Struct, frozen=True):
    """`balance` is US cents. `canceled` and the like say what was just done; `expires` what goes
    back to the sender, and when; `is_reminded` is False for whoever asked for no reminders."""

    balance: int
    email: str
    sender: str
    ways: list[Way]
    lines: list[Line]
    done: str
    expires: Announced | None
    is_reminded: bool


@get(BALANCE, include_in_schema=False)
async def show_balance(request: Call) -> Response[Any]:
    """The page that everything starts from."""
    visit = await visit_of(request)
    at = (visit.caller.business_id, visit.caller.user_id)

    async def fetch(
        connection: Connection,
    ) -> tuple[int, list[Movement], Announced | None, bool]:
        return (
            await ledger.user_balance(connection, *at),
            await history.page(connection, *at, limit=LATEST),
            await expiry.find_announced(connection, *at),
            await reminders.are_stopped(connection, *at),
        )

    balance, movements, announced, has_stopped = await read(request, visit, fetch)
    view = BalanceView(
        balance=balance,
        email=visit.caller.email,
        sender=visit.sender.name,
        ways=await services(request).offers.ways(visit.business, balance),
        lines=[line_of(movement, visit.language) for movement in movements],
        done=request.query_params.get("done", ""),
        expires=announced,
        is_reminded=not has_stopped,
    )
    return show(request, visit, "balance/show.html", view)


def line_of(movement: Movement, language: Language) -> Line:
    is_given_back = movement.kind == "revocation" and movement.is_own
    kind = "given_back" if is_given_back else movement.kind
    line = Line(kind, movement.amount, movement.created_at)
    order_id, status, provider = movement.order_id, movement.status, movement.provider
    if movement.kind != "reserve" or order_id is None or status is None or provider is None:
        return line
    return replace(
        line,
        status=status,
        address=f"{ROUTE}/withdrawals/{ids.show(ids.ORDER, order_id)}",
        to=whereabouts.masked(provider, movement.destination or {}),
        words=whereabouts.words(
            status, provider, movement.waiting, movement.failure, movement.note
        ).said(language),
    )


ROUTES = [show_balance]
