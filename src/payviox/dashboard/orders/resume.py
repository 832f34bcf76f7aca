"""`…/orders/resume`: orders that wait for one cause are tried at once, after somebody gave what
they waited for."""

from typing import Any

from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act, read, visit_of
from payviox.errors import NotFound
from payviox.rails import waiting as reasons
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import listing
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.listing import Sum

ROUTE = "/dashboard/{business:str}/orders/resume"


@get(ROUTE, include_in_schema=False)
async def ask_to_resume(request: Call) -> Response[Any]:
    """How many orders wait for it, over how much."""
    visit = await visit_of(request)
    cause = _cause(request.query_params.get("waiting", ""))
    found = await read(request, visit, listing.sum_waiting, visit.business.id, cause)
    return confirm(request, visit, _view(visit, cause, found, request.query_params.get("from")))


@post(ROUTE, include_in_schema=False, status_code=200, right="order.resume")
async def resume(request: Call) -> Response[Any]:
    """Have all of them tried or looked up now."""
    visit = await visit_of(request)
    form = await read_form(request)
    cause = _cause(form.get("waiting", ""))
    await act(
        request, visit.session, withdrawals.resume, visit.business.id, cause, visit.session.actor
    )
    return redirect(f"{_back(visit, form.get('from'), cause)}done=resumed")


def _cause(text: str) -> str:
    """Raises NotFound for what no order ever waits for."""
    if text not in reasons.ENDED_BY_OPERATOR:
        raise NotFound
    return text


def _view(visit: Visit, cause: str, found: Sum, order: str | None) -> ConfirmView:
    reason = reasons.waiting(cause)
    many = "+" if found.is_more else ""
    number = f"{found.number:,}{many}"
    return ConfirmView(
        heading="Resume",
        consequence=(
            "Those that were not sent are sent, the others are looked up at their rails. One that"
            " still lacks it waits on."
        ),
        facts=[
            Fact("They wait", reason.meaning),
            Fact("Orders", number),
            Fact("Together at least" if found.is_more else "Together", cents=found.amount),
            Fact("First", reason.advice),
        ],
        action=f"{visit.base}/orders/resume",
        button=f"Resume {number} {'order' if number == '1' else 'orders'}",
        back=_back(visit, order, cause).rstrip("?&"),
        keep="Let them wait",
        fields={"waiting": cause, "from": order or ""},
    )


def _back(visit: Visit, order: str | None, cause: str) -> str:
    """The order's page that led here, or the list; ready for one more parameter."""
    order_id = ids.parse(ids.ORDER, order or "")
    if order_id is not None:
        return f"{visit.base}/orders/{ids.show(ids.ORDER, order_id)}?"
    return f"{visit.base}/orders?status=all&waiting={cause}&"


ROUTES = [ask_to_resume, resume]
