"""The redemption page's routes, nothing else."""

from pathlib import Path

from litestar import Router

from payviox.redeem import errors, language, logo
from payviox.redeem.balance import show as balance
from payviox.redeem.enter import show as enter
from payviox.redeem.give_back import give
from payviox.redeem.history import list as history
from payviox.redeem.order import cancel, reveal
from payviox.redeem.order import show as order
from payviox.redeem.reminders import resume as resume_reminders
from payviox.redeem.reminders import stop as stop_reminders
from payviox.redeem.saved import show as saved
from payviox.redeem.withdraw import bank, crypto, gift_card, mail_code, paypal, review
from payviox.web.forms import refuse_foreign_forms

HOST_ROUTES = enter.HOST_ROUTES
TEMPLATES = Path(__file__).parent

ROUTER = Router(
    path="/",
    route_handlers=[
        *enter.ROUTES,
        *balance.ROUTES,
        *paypal.ROUTES,
        *crypto.ROUTES,
        *bank.ROUTES,
        *gift_card.ROUTES,
        *review.ROUTES,
        *mail_code.ROUTES,
        *order.ROUTES,
        *cancel.ROUTES,
        *reveal.ROUTES,
        *history.ROUTES,
        *language.ROUTES,
        *give.ROUTES,
        *saved.ROUTES,
        *resume_reminders.ROUTES,
        *logo.ROUTES,
    ],
    exception_handlers={Exception: errors.handle},
    guards=[refuse_foreign_forms],
    include_in_schema=False,
)

FOR_MAIL_PROGRAMS = Router(
    path="/",
    route_handlers=[*stop_reminders.ROUTES],
    exception_handlers={Exception: errors.handle},
    include_in_schema=False,
)
"""What mail programs send as well as pages of ours; what it may do, a token in its address says."""
