"""`/dashboard/<business>`: what needs somebody now, the balances, and how they came to be."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get
from markupsafe import Markup

from payviox import ids
from payviox.dashboard.businesses.pages import LAST
from payviox.dashboard.visits import YEAR_S, Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.money import dollars
from payviox.reconciliation import service as reconciliation
from payviox.reconciliation.model import Kept
from payviox.reporting import attention, daily_figures
from payviox.reporting.attention import Matter
from payviox.reporting.daily_figures import Figures, Period
from payviox.web import charts
from payviox.web.context import Call, services
from payviox.web.cookies import cookie_of

WITHOUT_FLOAT: Mapping[str, str] = {
    "sandbox": "none: it moves no money",
    "stock": "none: its cards are paid already",
}
"""What to say of rails that hold no money to pay out of."""
SPANS = {"day": (30, 1), "week": (26, 7)}
"""How many periods of how many days the charts show."""


class MatterView(msgspec.Struct, frozen=True):
    """One thing to see to, with the page where that is done."""

    number: int
    meaning: str
    next_step: str
    cents: int | None
    rail: str | None
    oldest: datetime | None
    address: str


class RailView(msgspec.Struct, frozen=True):
    """What a rail's account held when it was last compared, against what is on its way there now,
    in US cents; `held` is None where the rail did not say, or, as `why_none` says, has none."""

    rail: str
    in_transit: int
    held: int | None
    at: datetime | None
    why_none: str | None


class Chart(msgspec.Struct, frozen=True):
    """One of the charts; `figure` is what it says in one number."""

    title: str
    figure: int
    meaning: str
    picture: Markup


class HomeView(msgspec.Struct, frozen=True):
    """Amounts are US cents. `span` is day or week; `whole` is all periods as one."""

    figures: Figures
    matters: list[MatterView]
    payouts_enabled: bool
    rails: list[RailView]
    charts: list[Chart]
    whole: Period
    span: str
    here: str

    @property
    def is_corrected(self) -> bool:
        """Whether any period needs the column of corrections."""
        return any(period.corrections for period in self.figures.periods)


@get("/dashboard/{business:str}", include_in_schema=False)
async def show_home(request: Call) -> Response[Any]:
    """The first page of a business."""
    visit = await visit_of(request)
    by = request.query_params.get("by", "day")
    sends_mails = services(request).settings.smtp_url is not None
    span = by if by in SPANS else "day"
    view = await read(request, visit, _view, visit, span, sends_mails)
    answer = show(request, visit, "home/show.html", view)
    shown = ids.show(ids.BUSINESS, visit.business.id)
    answer.cookies.append(cookie_of(request, LAST, shown, max_age=YEAR_S))
    return answer


async def _view(connection: Connection, visit: Visit, span: str, sends_mails: bool) -> HomeView:
    business_id = visit.business.id
    periods, days = SPANS[span]
    figures = await daily_figures.figures(connection, business_id, periods=periods, days=days)
    matters = await attention.matters(connection, business_id, sends_mails=sends_mails)
    compared = await reconciliation.latest(connection, business_id)
    return HomeView(
        figures=figures,
        matters=[_matter(visit, each) for each in matters],
        payouts_enabled=visit.business.payouts_enabled,
        rails=_rails(figures, compared),
        charts=_charts(figures.periods),
        whole=daily_figures.whole(figures.periods),
        span=span,
        here=visit.base,
    )


def _rails(figures: Figures, compared: Sequence[Kept]) -> list[RailView]:
    reports = {each.rail: each for each in compared}
    return [
        RailView(
            rail,
            figures.in_transit_by_rail.get(rail, 0),
            reports[rail].report.get("float", {}).get("cents") if rail in reports else None,
            reports[rail].finished_at if rail in reports else None,
            WITHOUT_FLOAT.get(rail),
        )
        for rail in sorted({*figures.in_transit_by_rail, *reports})
    ]


def _charts(periods: Sequence[Period]) -> list[Chart]:
    allocated = [period.allocated for period in periods]
    withdrawn = [period.withdrawn for period in periods]
    in_transit = [period.in_transit for period in periods]
    unclaimed = [period.unclaimed for period in periods]
    return [
        _chart("Allocated", sum(allocated), "in all", charts.bars, allocated),
        _chart("Withdrawn", sum(withdrawn), "arrived in all", charts.bars, withdrawn),
        _chart("In transit", in_transit[-1], "at the end", charts.area, in_transit),
        _chart("Unclaimed", unclaimed[-1], "at the end", charts.area, unclaimed),
    ]


def _chart(
    title: str,
    figure: int,
    meaning: str,
    draw: Callable[[Sequence[int], str], Markup],
    values: Sequence[int],
) -> Chart:
    name = f"{title}: {dollars(figure)} {meaning}, at most {dollars(max(values))}"
    return Chart(title, figure, meaning, draw(values, name))


def _matter(visit: Visit, matter: Matter) -> MatterView:
    meaning = matter.advice.meaning
    return MatterView(
        number=matter.number,
        meaning=meaning[:1].upper() + meaning[1:],
        next_step=matter.advice.next_step,
        cents=matter.cents,
        rail=matter.rail,
        oldest=matter.oldest,
        address=visit.base + matter.page,
    )


ROUTES = [show_home]
