"""The page with sample money, as the dashboard previews it: what a payout user of this business
would see, in a frame of ours. Nothing in it acts."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar import Response

from payviox.auth.redemption import RecipientSession
from payviox.auth.users import UserCaller
from payviox.businesses.model import Business
from payviox.errors import NotFound
from payviox.languages.catalogues import Language
from payviox.rails.orders import Price, Provider
from payviox.rails.protocol import Method
from payviox.redeem.balance.show import BalanceView, Line
from payviox.redeem.enter.show import EnterView
from payviox.redeem.visits import Visit, page, sender_of, speak
from payviox.reporting.redemption import Way
from payviox.web.context import Call

EMAIL = "ada@example.com"
BALANCE = 2_500
PRICES: Mapping[Provider, Price | None] = {
    "gift_card": None,
    "paypal": Price.of_amount(BALANCE, 50),
    "bank": Price.of_amount(BALANCE, 0),
    "crypto": None,
}
LEAST, MOST = 100, 100_000
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self';"
    " sandbox allow-same-origin"
}
"""It has our own style and font, and no script, form or way out."""
SCRIPT = re.compile(r"<script\b[^>]*></script>")
UNSCRIPTED = re.compile(r" data-(?:paste|choose)>")
"""Begins what scripts hide."""


def show(request: Call, business: Business, language: Language, name: str) -> Response[Any]:
    """The sample of this name: *entrance*, as a link opens it, or *balance*. Raises NotFound."""
    sample = SAMPLES.get(name)
    if sample is None:
        raise NotFound
    template, view, visit = sample(business, language)
    speak(request, language)
    answer = page(request, template, view, visit=visit)
    answer.headers.update(HEADERS)
    answer.content = _still(str(answer.content))
    return answer


def _still(html: str) -> str:
    """The page without scripts, as they leave it; its links ask for a window, which the frame does
    not open."""
    html = html.replace("<head>", '<head><base target="_blank">', 1)
    return UNSCRIPTED.sub(" hidden>", SCRIPT.sub("", html))


def _entrance(business: Business, _: Language) -> tuple[str, object, Visit | None]:
    return "enter/show.html", EnterView(sender=sender_of(business)), None


def _balance(business: Business, language: Language) -> tuple[str, object, Visit | None]:
    visit = _visit(business, language)
    view = BalanceView(
        balance=BALANCE,
        email=EMAIL,
        sender=visit.sender.name,
        ways=[
            Way(provider, LEAST, MOST, 0, Method(provider, True, LEAST, MOST), whole)
            for provider, whole in PRICES.items()
            if provider not in business.methods_off
        ],
        lines=[Line("allocation", BALANCE, datetime.now(UTC))],
        done="",
        expires=None,
        is_reminded=True,
    )
    return "balance/show.html", view, visit


def _visit(business: Business, language: Language) -> Visit:
    caller = UserCaller(business.id, UUID(int=0), EMAIL, b"")
    return Visit(RecipientSession(caller, b""), business, language)


SAMPLES: Mapping[str, Callable[[Business, Language], tuple[str, object, Visit | None]]] = {
    "entrance": _entrance,
    "balance": _balance,
}
