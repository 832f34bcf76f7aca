"""Money that leaves the main balance and these books: what a deposit was mistyped by, and what the
business takes back."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.approvals.service import WaitingAct
from payviox.dashboard.balance.deposits import ROUTE as DEPOSITS
from payviox.dashboard.balance.show import ROUTE as BALANCE
from payviox.dashboard.balance.typed import TypedView, ask, read_typed, sent_text
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act_once, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, IdempotencyMismatch, InsufficientBalance, NotFound
from payviox.money import MAX_TREASURY, dollars
from payviox.treasury import deposits
from payviox.treasury import service as treasury
from payviox.treasury.deposits import Deposit
from payviox.treasury.service import Booked
from payviox.web.context import Call
from payviox.web.forms import read_form, sent_cents
from payviox.web.pages import redirect

WITHDRAW = f"{BALANCE}/withdraw"
CORRECT = f"{DEPOSITS}/{{deposit:str}}/correct"
Take = Callable[[Connection], Awaitable[Booked | WaitingAct]]


class AlreadyBooked(Conflict):
    message = "A withdrawal of funds with this reference and amount was booked already"


class Words(msgspec.Struct, frozen=True):
    """What a page says of what it takes."""

    heading: str
    lead: str
    consequence: str
    action: str
    back: str
    done: str


@get(WITHDRAW, include_in_schema=False)
async def ask_to_withdraw(request: Call) -> Response[Any]:
    """How much, under which reference and why; where that is said, whether."""
    visit = await visit_of(request)
    return await _ask(request, visit, _withdrawing(visit), None)


@post(WITHDRAW, include_in_schema=False, status_code=200, right="balance.withdraw_funds")
async def withdraw(request: Call) -> Response[Any]:
    """Take it out of the main balance."""
    visit = await visit_of(request)
    form = await read_form(request)
    cents = sent_cents(form, MAX_TREASURY)
    reference, reason = sent_text(form, "reference"), sent_text(form, "reason")

    async def take(connection: Connection) -> Booked | WaitingAct:
        made = await treasury.withdraw_funds(
            connection,
            visit.business.id,
            cents,
            reference,
            reason=reason,
            actor=visit.session.actor,
        )
        if isinstance(made, Booked) and made.already_booked:
            raise AlreadyBooked
        return made

    facts = [Fact("Reference", reference), Fact("Reason", reason)]
    return await _take(request, visit, form, _withdrawing(visit), facts, take)


@get(CORRECT, include_in_schema=False)
async def ask_to_correct(request: Call) -> Response[Any]:
    """How much of a deposit to take back and why; where that is said, whether."""
    visit = await visit_of(request)
    deposit = await _deposit(request, visit)
    return await _ask(request, visit, _correcting(visit, deposit), deposit)


@post(CORRECT, include_in_schema=False, status_code=200, right="balance.withdraw_funds")
async def correct(request: Call) -> Response[Any]:
    """Take it back."""
    visit = await visit_of(request)
    deposit = await _deposit(request, visit)
    form = await read_form(request)
    cents, reason = sent_cents(form, MAX_TREASURY), sent_text(form, "reason")

    async def take(connection: Connection) -> Booked | WaitingAct:
        return await deposits.correct(
            connection,
            visit.business.id,
            deposit.id,
            cents,
            reason=reason,
            actor=visit.session.actor,
        )

    facts = [*_about(deposit), Fact("Reason", reason)]
    return await _take(request, visit, form, _correcting(visit, deposit), facts, take)


async def _deposit(request: Call, visit: Visit) -> Deposit:
    """Raises NotFound."""
    number = ids.parse_number(ids.TRANSFER, str(request.path_params["deposit"]))
    if number is None:
        raise NotFound
    return await read(request, visit, deposits.get, visit.business.id, number)


def _withdrawing(visit: Visit) -> Words:
    return Words(
        heading="Withdraw funds",
        lead="Money that the business takes back. No bank is asked: send it yourself.",
        consequence="The money leaves the main balance and these books.",
        action=f"{visit.base}/balance/withdraw",
        back=f"{visit.base}/balance/deposits",
        done="withdrawn",
    )


def _correcting(visit: Visit, deposit: Deposit) -> Words:
    here = f"{visit.base}/balance/deposits"
    return Words(
        heading="Correct a deposit",
        lead="How much of it never arrived? A deposit is corrected once. Where more arrived than"
        " was booked, book the rest as a deposit of its own.",
        consequence="The money leaves the main balance and these books. The deposit stays in them,"
        " with its correction beside it.",
        action=f"{here}/{ids.show(ids.TRANSFER, str(deposit.id))}/correct",
        back=here,
        done="corrected",
    )


def _about(deposit: Deposit) -> list[Fact]:
    return [Fact("Deposit", deposit.reference), Fact("Deposited", cents=deposit.amount)]


async def _ask(request: Call, visit: Visit, words: Words, deposit: Deposit | None) -> Response[Any]:
    held = (await read(request, visit, treasury.balances, visit.business.id)).balance
    is_typed = "amount" in request.query_params
    most = held if deposit is None else min(held, deposit.amount)
    typed = read_typed(
        request.query_params, ["reference", "reason"] if deposit is None else ["reason"], most
    )
    facts = [] if deposit is None else _about(deposit)
    if not is_typed:
        typed.errors.clear()
    if deposit is not None and deposit.correction is not None:
        typed.errors["amount"] = [str(deposits.AlreadyCorrected())]
    elif is_typed and not held:
        typed.errors["amount"] = ["The main balance is empty. Move money back to it first."]
    if is_typed and not typed.errors:
        named = [Fact(name.capitalize(), text) for name, text in typed.texts.items()]
        view = _view(
            words,
            typed.cents,
            held,
            [*facts, *named],
            {str(name): text for name, text in typed.texts.items()},
        )
        return confirm(request, visit, view)
    return ask(
        request,
        visit,
        TypedView(
            heading=words.heading,
            lead=words.lead,
            facts=[*facts, Fact("Main balance now", cents=held)],
            action=words.action,
            button="Go on",
            back=words.back,
            texts=typed.texts,
            amount=typed.amount,
            errors=typed.errors,
        ),
    )


async def _take(
    request: Call,
    visit: Visit,
    form: Mapping[str, str],
    words: Words,
    facts: list[Fact],
    take: Take,
) -> Response[Any]:
    async def effect(connection: Connection) -> Mapping[str, object]:
        made = await take(connection)
        if isinstance(made, WaitingAct):
            return {"approval": str(made.id)}
        return {"transfer": made.transfer.id}

    try:
        done = await act_once(request, visit, form, effect)
    except (Conflict, IdempotencyMismatch, InsufficientBalance) as error:
        reason = str(error).removesuffix(".")
        if isinstance(error, InsufficientBalance):
            reason = "The main balance holds less. Move money back from the payout balance first"
        held = (await read(request, visit, treasury.balances, visit.business.id)).balance
        cents = sent_cents(form, MAX_TREASURY)
        fields = {name: form[name] for name in ("reference", "reason") if name in form}
        view = _view(words, cents, held, facts, fields, f"{reason}. Nothing was booked.")
        return confirm(request, visit, view, status=409)
    if "approval" in done.reference:
        return redirect(f"{visit.base}/approvals?done=asked")
    return redirect(f"{visit.base}/balance/deposits?done={words.done}")


def _view(
    words: Words,
    cents: int,
    held: int,
    facts: list[Fact],
    fields: Mapping[str, str],
    refused: str | None = None,
) -> ConfirmView:
    after = [] if refused else [Fact("Main balance after", cents=held - cents)]
    return ConfirmView(
        heading=words.heading,
        consequence=words.consequence,
        facts=[
            Fact("Amount", cents=cents),
            *facts,
            Fact("Main balance now", cents=held),
            *after,
        ],
        action=words.action,
        button=f"Take back {dollars(cents)}",
        back=words.back,
        keep="Take back nothing",
        cents=cents,
        fields=fields,
        is_danger=True,
        refused=refused,
    )


ROUTES = [ask_to_withdraw, withdraw, ask_to_correct, correct]
