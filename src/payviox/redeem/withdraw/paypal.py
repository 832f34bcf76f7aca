"""`/redeem/withdraw/paypal`: to which PayPal account, and how much."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from litestar import Response, get, post

from payviox.rails.orders import Request
from payviox.redeem.saved.show import chosen
from payviox.redeem.visits import BALANCE, ROUTE, Visit, show, visit_of
from payviox.redeem.withdraw.quoting import (
    FormView,
    money_of,
    price,
    read_amount,
)
from payviox.web.context import Call
from payviox.web.pages import redirect

PATH = f"{ROUTE}/withdraw/paypal"


@get(PATH, include_in_schema=False)
async def ask_paypal(request: Call) -> Response[Any]:
    """The form, with the whole balance and the recipient's own address; the balance says what it
    lacks."""
    visit = await visit_of(request)
    money = await money_of(request, visit, "paypal")
    if money.most < money.least:
        return redirect(BALANCE)
    email = (await chosen(request, visit, "paypal")).get("email", visit.caller.email)
    return await _form(request, visit, FormView(money, {"email": email}))


@post(PATH, include_in_schema=False, status_code=200)
async def price_paypal(request: Call) -> Response[Any]:
    """Ask for a price; then the review."""
    visit = await visit_of(request)
    money = await money_of(request, visit, "paypal")
    wanted = partial(_request, visit)
    again = partial(_form, request, visit)
    return await price(request, visit, money, wanted, again)


def _request(visit: Visit, form: Mapping[str, str]) -> Request:
    amount, net_amount = read_amount(form, visit.language)
    destination = {"email": form.get("email", "").strip()}
    return Request(visit.business.id, "paypal", destination, amount, net_amount)


async def _form(request: Call, visit: Visit, view: FormView, status: int = 200) -> Response[Any]:
    return show(request, visit, "withdraw/paypal.html", view, status=status)


ROUTES = [ask_paypal, price_paypal]
