"""`…/balance/deposit`: money that was paid in, booked once for each reference."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post

from payviox.approvals.service import WaitingAct
from payviox.dashboard.balance.show import ROUTE as BALANCE
from payviox.dashboard.balance.typed import TypedView, ask, read_typed, sent_text
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act_once, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, IdempotencyMismatch
from payviox.money import MAX_TREASURY, dollars
from payviox.treasury import service as treasury
from payviox.treasury.service import Balances
from payviox.web.context import Call
from payviox.web.forms import read_form, sent_cents
from payviox.web.pages import redirect

ROUTE = f"{BALANCE}/deposit"


class AlreadyBooked(Conflict):
    message = "A deposit with this reference and amount was booked already"


@get(ROUTE, include_in_schema=False)
async def ask_to_deposit(request: Call) -> Response[Any]:
    """How much came and under which reference; where that is said, whether to book it."""
    visit = await visit_of(request)
    held = await read(request, visit, treasury.balances, visit.business.id)
    is_typed = "amount" in request.query_params
    typed = read_typed(request.query_params, ["reference"])
    if is_typed and not typed.errors:
        return confirm(request, visit, _view(visit, held, typed.cents, typed.texts["reference"]))
    view = TypedView(
        heading="Book a deposit",
        lead="Money that has arrived with whoever runs this installation. No bank is asked.",
        facts=[Fact("Main balance now", cents=held.balance)],
        action=f"{visit.base}/balance/deposit",
        button="Go on",
        back=f"{visit.base}/balance/deposits",
        texts=typed.texts,
        amount=typed.amount,
        errors=typed.errors if is_typed else {},
    )
    return ask(request, visit, view)


@post(ROUTE, include_in_schema=False, status_code=200, right="balance.deposit")
async def deposit(request: Call) -> Response[Any]:
    """Book it."""
    visit = await visit_of(request)
    form = await read_form(request)
    cents, reference = sent_cents(form, MAX_TREASURY), sent_text(form, "reference")

    async def effect(connection: Connection) -> Mapping[str, object]:
        booked = await treasury.deposit(
            connection, visit.business.id, cents, reference, visit.session.actor
        )
        if isinstance(booked, WaitingAct):
            return {"approval": str(booked.id)}
        if booked.already_booked:
            raise AlreadyBooked
        return {"transfer": booked.transfer.id}

    try:
        done = await act_once(request, visit, form, effect)
    except (Conflict, IdempotencyMismatch) as error:
        held = await read(request, visit, treasury.balances, visit.business.id)
        refused = f"{str(error).removesuffix('.')}. Nothing was booked."
        return confirm(request, visit, _view(visit, held, cents, reference, refused), status=409)
    if "approval" in done.reference:
        return redirect(f"{visit.base}/approvals?done=asked")
    return redirect(f"{visit.base}/balance/deposits?done=deposited")


def _view(
    visit: Visit, held: Balances, cents: int, reference: str, refused: str | None = None
) -> ConfirmView:
    facts = [
        Fact("Amount", cents=cents),
        Fact("Reference", reference),
        Fact("Main balance now", cents=held.balance),
    ]
    if refused is None:
        facts.append(Fact("Main balance after", cents=held.balance + cents))
    return ConfirmView(
        heading="Book a deposit",
        consequence="It can be funded and allocated at once. Book only what has arrived.",
        facts=facts,
        action=f"{visit.base}/balance/deposit",
        button=f"Book {dollars(cents)}",
        back=f"{visit.base}/balance/deposits",
        keep="Book nothing",
        cents=cents,
        fields={"reference": reference},
        refused=refused,
    )


ROUTES = [ask_to_deposit, deposit]
