"""`/dashboard/<business>`: what needs somebody now, and the balances."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Response, get

from payviox import ids
from payviox.dashboard.businesses.pages import LAST
from payviox.dashboard.visits import YEAR_S, Visit, cookie_of, read, show, visit_of
from payviox.db.pool import Connection
from payviox.reporting import attention, business_summary
from payviox.reporting.attention import Matter
from payviox.web.context import Call

LEADS = {
    "review": "/orders?status=review",
    "unknown": "/orders?status=unknown",
    "unexplained": "/reconciliation",
    "upload_stopped": "/allocate/upload",
    "low_stock": "/gift-cards",
}
"""The page where each cause is seen to, where there is one already."""


@dataclass(frozen=True, slots=True)
class MatterView:
    """One thing to see to, with the page where that is done."""

    number: int
    meaning: str
    next_step: str
    cents: int | None
    rail: str | None
    oldest: datetime | None
    address: str | None


@dataclass(frozen=True, slots=True)
class HomeView:
    """Amounts are US cents. `in_transit` is what is on its way, of all rails."""

    payout_balance: int
    balance: int
    unspent: int
    payout_users: int
    in_transit: int
    matters: list[MatterView]
    payouts_enabled: bool


@get("/dashboard/{business:str}", include_in_schema=False)
async def show_home(request: Call) -> Response[Any]:
    """The first page of a business."""
    visit = await visit_of(request)
    view = await read(request, visit, _view, visit)
    answer = show(request, visit, "home/show.html", view)
    shown = ids.show(ids.BUSINESS, visit.business.id)
    answer.cookies.append(cookie_of(request, LAST, shown, max_age=YEAR_S))
    return answer


async def _view(connection: Connection, visit: Visit) -> HomeView:
    details = await business_summary.details(connection, visit.business.id)
    matters = await attention.matters(connection, visit.business.id)
    return HomeView(
        payout_balance=details.summary.payout_balance,
        balance=details.summary.balance,
        unspent=details.accounts.single["users"],
        payout_users=details.payout_users,
        in_transit=sum(details.accounts.by_rail["in_transit"].values()),
        matters=[_matter(visit, each) for each in matters],
        payouts_enabled=visit.business.payouts_enabled,
    )


def _matter(visit: Visit, matter: Matter) -> MatterView:
    tail = LEADS.get(matter.cause)
    return MatterView(
        number=matter.number,
        meaning=matter.advice.meaning,
        next_step=matter.advice.next_step,
        cents=matter.cents,
        rail=matter.rail,
        oldest=matter.oldest,
        address=visit.base + tail if tail else None,
    )


ROUTES = [show_home]
