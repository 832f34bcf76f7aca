"""`/redeem/reminders/resume`: whoever stopped reminders wants them again."""

from typing import Any

from litestar import Response, post

from payviox.redeem.visits import BALANCE, ROUTE, act, visit_of
from payviox.unclaimed import reminders
from payviox.web.context import Call
from payviox.web.pages import redirect


@post(f"{ROUTE}/reminders/resume", include_in_schema=False, status_code=200)
async def resume(request: Call) -> Response[Any]:
    """Remind them again."""
    visit = await visit_of(request)
    await act(request, visit, reminders.resume, visit.caller.business_id, visit.caller.user_id)
    return redirect(f"{BALANCE}?done=reminded")


ROUTES = [resume]
