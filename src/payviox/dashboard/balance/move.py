"""Money between the main and the payout balance: asked with its amount, then done, once."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox.actors import Actor
from payviox.approvals.service import WaitingAct
from payviox.dashboard.balance.show import ROUTE, balance_page
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act_once, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import IdempotencyMismatch, InsufficientBalance
from payviox.ledger.model import Transfer
from payviox.money import MAX_TREASURY, InvalidAmount, dollars, typed_cents
from payviox.treasury import service as treasury
from payviox.treasury.service import Balances
from payviox.web.context import Call
from payviox.web.forms import read_form, sent_cents
from payviox.web.pages import redirect

Way = Literal["fund", "defund"]
Move = Callable[[Connection, UUID, int, Actor], Awaitable[Transfer | WaitingAct]]


class Words(msgspec.Struct, frozen=True):
    """What a move is called. `sign` is what it does to the payout balance."""

    heading: str
    consequence: str
    source: str
    sign: int


WORDS: Mapping[Way, Words] = {
    "fund": Words(
        "Fund",
        "The money leaves the main balance and can be allocated to people.",
        "main balance",
        1,
    ),
    "defund": Words(
        "Move back",
        "The money leaves the payout balance. What is left of it can still be allocated.",
        "payout balance",
        -1,
    ),
}


@get(f"{ROUTE}/fund", include_in_schema=False)
async def ask_to_fund(request: Call) -> Response[Any]:
    """Whether to move this much to the payout balance."""
    return await _ask(request, "fund")


@get(f"{ROUTE}/defund", include_in_schema=False)
async def ask_to_defund(request: Call) -> Response[Any]:
    """Whether to move this much back to the main balance."""
    return await _ask(request, "defund")


@post(f"{ROUTE}/fund", include_in_schema=False, status_code=200, right="balance.fund")
async def fund(request: Call) -> Response[Any]:
    """Move money to the payout balance."""
    return await _move(request, "fund")


@post(f"{ROUTE}/defund", include_in_schema=False, status_code=200, right="balance.defund")
async def defund(request: Call) -> Response[Any]:
    """Move money back to the main balance."""
    return await _move(request, "defund")


async def _ask(request: Call, way: Way) -> Response[Any]:
    visit = await visit_of(request)
    text = request.query_params.get("amount")
    if text is None:
        return redirect(f"{visit.base}/balance")
    try:
        cents = typed_cents(text, MAX_TREASURY)
        held = await read(request, visit, treasury.balances, visit.business.id)
        there = held.balance if way == "fund" else held.payout_balance
        if cents > there:
            raise InvalidAmount(f"The {WORDS[way].source} holds {dollars(there)}.")  # noqa: TRY301  # said alike
    except InvalidAmount as error:
        errors = {"amount": [str(error)]}
        return await balance_page(request, visit, amount=text, errors=errors)
    return confirm(request, visit, _view(visit, way, cents, held))


async def _move(request: Call, way: Way) -> Response[Any]:
    visit = await visit_of(request)
    form = await read_form(request)
    cents = sent_cents(form, MAX_TREASURY)
    move: Move = treasury.fund if way == "fund" else treasury.defund

    async def effect(connection: Connection) -> Mapping[str, object]:
        moved = await move(connection, visit.business.id, cents, visit.session.actor)
        if isinstance(moved, WaitingAct):
            return {"approval": str(moved.id)}
        return {"transfer": moved.id}

    try:
        done = await act_once(request, visit, form, effect)
    except (InsufficientBalance, IdempotencyMismatch) as error:
        refused = str(error)
        if isinstance(error, InsufficientBalance):
            refused = f"The {WORDS[way].source} holds less by now. Nothing was moved."
        held = await read(request, visit, treasury.balances, visit.business.id)
        return confirm(request, visit, _view(visit, way, cents, held, refused), status=409)
    if "approval" in done.reference:
        return redirect(f"{visit.base}/approvals?done=asked")
    return redirect(f"{visit.base}/balance?done={way}ed")


def _view(
    visit: Visit, way: Way, cents: int, held: Balances, refused: str | None = None
) -> ConfirmView:
    words = WORDS[way]
    facts = [
        Fact("Amount", cents=cents),
        Fact("Payout balance now", cents=held.payout_balance),
        Fact("Main balance now", cents=held.balance),
    ]
    if refused is None:
        facts += [
            Fact("Payout balance after", cents=held.payout_balance + words.sign * cents),
            Fact("Main balance after", cents=held.balance - words.sign * cents),
        ]
    address = f"{visit.base}/balance"
    return ConfirmView(
        heading=words.heading,
        consequence=words.consequence,
        facts=facts,
        action=f"{address}/{way}",
        button=f"{words.heading} {dollars(cents)}",
        back=address,
        keep="Move nothing",
        cents=cents,
        refused=refused,
    )


ROUTES = [ask_to_fund, ask_to_defund, fund, defund]
