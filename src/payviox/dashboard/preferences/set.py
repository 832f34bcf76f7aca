"""`/dashboard/preferences`: theme and keyboard shortcuts, kept in cookies of this browser."""

import re
from typing import Any

from litestar import Response, post
from litestar.datastructures import Cookie

from payviox.dashboard.visits import YEAR_S, session_of
from payviox.web.context import Call
from payviox.web.cookies import is_https
from payviox.web.forms import read_form
from payviox.web.pages import THEMES, redirect

CHOICES = {"theme": (*THEMES, "system"), "keys": ("on", "off")}
"""Each cookie with what it may hold."""
PAGE = re.compile(r"/dashboard/[A-Za-z0-9/_-]+", re.ASCII)


@post("/dashboard/preferences", include_in_schema=False, status_code=200, right="signed_in")
async def set_preferences(request: Call) -> Response[Any]:
    """Keep what was chosen, and go back to where that was."""
    await session_of(request)
    form = await read_form(request)
    back = form.get("back", "")
    answer = redirect(back if PAGE.fullmatch(back) else "/dashboard")
    for name, choices in CHOICES.items():
        if form.get(name) in choices:
            answer.cookies.append(
                Cookie(
                    name,
                    value=form[name],
                    path="/",
                    httponly=True,
                    samesite="lax",
                    secure=is_https(request),
                    max_age=YEAR_S,
                )
            )
    return answer


ROUTES = [set_preferences]
