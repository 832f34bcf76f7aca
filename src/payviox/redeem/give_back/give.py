"""`/redeem/give-back`: how much, then a confirmation, then it is done, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.allocations import service as allocations
from payviox.db.pool import Connection
from payviox.errors import InsufficientBalance
from payviox.idempotency import model as idempotency
from payviox.idempotency.model import Scope
from payviox.idempotency.service import once
from payviox.languages.catalogues import Language
from payviox.ledger import service as ledger
from payviox.money import MAX_ALLOCATION, InvalidAmount, OutOfRange, dollars
from payviox.redeem.amounts import to_cents
from payviox.redeem.visits import BALANCE, ROUTE, Visit, act, read, show, visit_of
from payviox.web.context import Call
from payviox.web.forms import key_of, new_key, read_form, sent_cents
from payviox.web.pages import redirect

PATH = f"{ROUTE}/give-back"


class AskView(msgspec.Struct, frozen=True):
    """How much is to be given back, as it was typed."""

    balance: int
    typed: str = ""
    errors: Mapping[str, list[str]] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfirmView:
    """What is about to be given back; `left` stays on the balance. Cents."""

    amount: int
    left: int
    key: str


@get(PATH, include_in_schema=False)
async def ask_amount(request: Call) -> Response[Any]:
    """The form."""
    visit = await visit_of(request)
    return show(request, visit, "give_back/ask.html", AskView(await _balance(request, visit)))


@post(PATH, include_in_schema=False, status_code=200)
async def ask_confirmation(request: Call) -> Response[Any]:
    """What would be done; nothing is yet."""
    visit = await visit_of(request)
    typed = (await read_form(request)).get("amount", "")
    balance = await _balance(request, visit)
    try:
        cents = to_cents(typed, visit.language)
    except OutOfRange:
        return _again(request, visit, AskView(balance, typed, _range(balance, visit.language)), 422)
    except InvalidAmount as error:
        return _again(request, visit, AskView(balance, typed, {"amount": [str(error)]}), 422)
    if cents > balance:
        return _again(request, visit, AskView(balance, typed, _range(balance, visit.language)), 422)
    view = ConfirmView(cents, balance - cents, new_key())
    return show(request, visit, "give_back/confirm.html", view)


@post(f"{PATH}/confirm", include_in_schema=False, status_code=200)
async def give_back(request: Call) -> Response[Any]:
    """Do it, once for each confirmation."""
    visit = await visit_of(request)
    form = await read_form(request)
    cents, caller = sent_cents(form, MAX_ALLOCATION), visit.caller

    async def effect(connection: Connection) -> dict[str, int]:
        await allocations.give_back(
            connection, caller.business_id, caller.user_id, cents, caller.actor
        )
        return {"given_back": cents}

    scope = Scope(str(caller.user_id), PATH, key_of(form), idempotency.digest(dict(form)))
    try:
        await act(request, visit, once(caller.business_id, scope, effect), keyed=True)
    except InsufficientBalance:
        balance = await _balance(request, visit)
        typed = dollars(cents).removeprefix("$")
        return _again(request, visit, AskView(balance, typed, _range(balance, visit.language)), 409)
    return redirect(f"{BALANCE}?done=given-back")


async def _balance(request: Call, visit: Visit) -> int:
    return await read(request, visit, ledger.user_balance, visit.business.id, visit.caller.user_id)


def _range(balance: int, language: Language) -> dict[str, list[str]]:
    said = language.gettext("Your balance is %(balance)s.", balance=language.money(balance))
    return {"amount": [said]}


def _again(request: Call, visit: Visit, view: AskView, status: int) -> Response[Any]:
    return show(request, visit, "give_back/ask.html", view, status=status)


ROUTES = [ask_amount, ask_confirmation, give_back]
