"""`/redeem/withdraw/bank`: to which bank account, by which scheme, and how much."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.errors import FieldErrors, NotFound
from payviox.languages import catalogues
from payviox.rails.orders import Request
from payviox.redeem.saved.show import saved_as
from payviox.redeem.visits import BALANCE, ROUTE, Visit, read, show, visit_of
from payviox.redeem.withdraw.quoting import FormView, money_of, price, read_amount
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import quotes

PATH = f"{ROUTE}/withdraw/bank"
FIELDS = {
    "sepa": ("name", "iban"),
    "ach": ("name", "routing_number", "account_number", "account_type", "holder"),
}
"""What is typed of an account, by its scheme."""


class Account(msgspec.Struct, frozen=True):
    """What the form is about: a scheme of those that are offered, or a `kept` destination with the
    field and the id that name it."""

    scheme: str
    schemes: tuple[str, ...]
    kept: Mapping[str, Any] = {}
    kept_by: str = ""
    kept_id: str = ""


@get(PATH, include_in_schema=False)
async def ask_account(request: Call) -> Response[Any]:
    """The form, with the whole balance, which says itself what it lacks."""
    visit = await visit_of(request)
    money = await money_of(request, visit, "bank")
    if money.most < money.least:
        return redirect(BALANCE)
    return await _form(request, visit, request.query_params, FormView(money, {}))


@post(PATH, include_in_schema=False, status_code=200)
async def price_transfer(request: Call) -> Response[Any]:
    """Ask for a price; then the review."""
    visit = await visit_of(request)
    money = await money_of(request, visit, "bank")
    form = await read_form(request)
    kept = (await _kept(request, visit, form))[0]
    again = partial(_form, request, visit, form)
    return await price(request, visit, money, partial(_request, visit, kept), again)


def _request(visit: Visit, kept: Mapping[str, Any], form: Mapping[str, str]) -> Request:
    amount, net_amount = read_amount(form, visit.language)
    return Request(visit.business.id, "bank", kept or _typed(form), amount, net_amount)


def _typed(form: Mapping[str, str]) -> dict[str, Any]:
    """The account as the wire names it. Raises FieldErrors."""
    scheme = form.get("scheme", "")
    if scheme not in FIELDS:
        raise FieldErrors({"bank.scheme": []})
    typed = {name: form.get(name, "").strip() for name in FIELDS[scheme]}
    missing = [name for name, text in typed.items() if not text]
    if missing:
        raise FieldErrors({f"bank.{name}": [] for name in missing})
    return {"scheme": scheme, **typed}


async def _kept(
    request: Call, visit: Visit, fields: Mapping[str, str]
) -> tuple[Mapping[str, Any], str, str]:
    """The account of the recipient's own that these fields name, with the field and the id; empty
    where they name none."""
    saved = fields.get("saved", "")
    destination = await saved_as(request, visit, "bank", saved)
    if destination:
        return destination, "saved", saved
    quote = fields.get("quote", "")
    quote_id = ids.parse(ids.QUOTE, quote)
    if quote_id is None:
        return {}, "", ""
    at = (visit.business.id, visit.caller.user_id, quote_id)
    try:
        earlier = await read(request, visit, quotes.get, *at)
    except NotFound:
        return {}, "", ""
    is_kept = earlier.provider == "bank" and "account" in earlier.destination
    return (earlier.destination, "quote", quote) if is_kept else ({}, "", "")


async def _form(
    request: Call, visit: Visit, fields: Mapping[str, str], view: FormView, status: int = 200
) -> Response[Any]:
    offered: Mapping[str, list[str]] = view.money.method.options.get("schemes", {})
    schemes = tuple(scheme for scheme in FIELDS if scheme in offered)
    scheme = fields.get("scheme", "")
    if scheme not in schemes:
        region = catalogues.region(request.headers.get("accept-language", ""))
        near = [each for each in schemes if region in offered[each]]
        scheme = (near or schemes or ("sepa",))[0]
    account = Account(scheme, schemes, *await _kept(request, visit, fields))
    return show(request, visit, "withdraw/bank.html", view, status=status, account=account)


ROUTES = [ask_account, price_transfer]
