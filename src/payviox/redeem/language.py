"""`/redeem/language`: speak another language, here, in mails and when somebody comes back. Before
they are let in, the choice stands in the address alone: nothing is kept of who only looks."""

import re
from typing import Any

from litestar import Response, post

from payviox.auth import redemption
from payviox.errors import Malformed
from payviox.languages import catalogues
from payviox.redeem import framing
from payviox.redeem.visits import BALANCE, LANGUAGE_COOKIE, ROUTE, act, visit_of
from payviox.web.context import Call
from payviox.web.cookies import cookie_of
from payviox.web.forms import read_form
from payviox.web.pages import redirect

YEAR_S = 365 * 24 * 3600
OURS = re.compile(rf"{ROUTE}/[a-z0-9_/-]+(?:\?[A-Za-z0-9_=&-]*)?", re.ASCII)


@post(f"{ROUTE}/language", include_in_schema=False, status_code=200)
async def choose_language(request: Call) -> Response[Any]:
    """Keep the choice, then the page on which it was made."""
    visit = await visit_of(request)
    form = await read_form(request)
    language = catalogues.get(form.get("lang"))
    if language is None:
        raise Malformed("The form could not be read")
    await act(request, visit, redemption.choose_language, visit.session, language.code)
    following = form.get("next", "")
    answer = redirect(following if OURS.fullmatch(following) else BALANCE)
    remember(request, answer, language.code)
    return answer


def remember(request: Call, answer: Response[Any], language: str) -> None:
    """Have the browser say it when it comes again; in a frame the session knows it alone."""
    if not framing.is_framed(request):
        answer.cookies.append(cookie_of(request, LANGUAGE_COOKIE, language, max_age=YEAR_S))


ROUTES = [choose_language]
