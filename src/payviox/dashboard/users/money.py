"""Adding to a payout user's balance, and taking back what they have not spent: how much, then
whether, then done, once."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from payviox import ids
from payviox.allocations import by_operators
from payviox.allocations import service as allocations
from payviox.approvals.service import WaitingAct
from payviox.dashboard.confirmations import AmountView, ConfirmView, Fact, ask_amount, confirm
from payviox.dashboard.users.show import ROUTE, address_of
from payviox.dashboard.visits import Visit, act_once, prove, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import (
    Conflict,
    IdempotencyMismatch,
    InsufficientBalance,
    InsufficientPayoutBalance,
    PayoutsDisabled,
)
from payviox.money import MAX_ALLOCATION, MAX_TREASURY, InvalidAmount, dollars, typed_cents
from payviox.payout_users import service as payout_users
from payviox.payout_users.model import PayoutUser
from payviox.treasury import service as treasury
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import key_of, read_form, sent_cents
from payviox.web.pages import redirect

REFUSALS = (Conflict, IdempotencyMismatch, InsufficientPayoutBalance, PayoutsDisabled)


@get(f"{ROUTE}/add-funds", include_in_schema=False)
async def ask_to_add(request: Call) -> Response[Any]:
    """How much to add; where that is said, whether."""
    visit, user = await _user(request)
    held = await read(request, visit, treasury.balances, visit.business.id)
    text = request.query_params.get("amount")
    facts = [Fact("Payout user", user.email), Fact("Payout balance", cents=held.payout_balance)]
    try:
        if text is not None:
            cents = typed_cents(text, MAX_ALLOCATION)
            _require(cents, held.payout_balance, "The payout balance holds")
            return confirm(request, visit, _adding(visit, user, cents))
        errors = {}
    except InvalidAmount as error:
        errors = {"amount": [str(error)]}
    view = AmountView(
        heading="Add funds",
        facts=facts,
        action=f"{address_of(visit, user.id)}/add-funds",
        button="Add funds",
        back=address_of(visit, user.id),
        hint="US dollars, such as 1,234.50",
        amount=text or "",
        errors=errors,
    )
    return ask_amount(request, visit, view, status=422 if errors else 200)


@post(f"{ROUTE}/add-funds", include_in_schema=False, status_code=200, right="allocation.create")
async def add(request: Call) -> Response[Any]:
    """Allocate to this person, through the queue that every allocation goes through."""
    visit, user = await _user(request)
    form = await read_form(request)
    cents = sent_cents(form, MAX_ALLOCATION)
    await prove(request, visit.session, "allocation.create", cents)
    try:
        await by_operators.allocate(
            services(request).batcher,
            visit.session,
            visit.business.id,
            user.email,
            cents,
            key_of(form),
        )
    except by_operators.NeedsSecondPerson:
        return await _ask_second(request, visit, user, cents, form)
    except REFUSALS as error:
        refused = f"{str(error).removesuffix('.')}. Nothing was added."
        return confirm(request, visit, _adding(visit, user, cents, refused), status=409)
    return redirect(f"{address_of(visit, user.id)}?done=added")


async def _ask_second(
    request: Call, visit: Visit, user: PayoutUser, cents: int, form: Mapping[str, str]
) -> Response[Any]:
    async def effect(connection: Connection) -> Mapping[str, object]:
        waiting = await by_operators.ask(
            connection, visit.session, visit.business.id, user.email, cents
        )
        return {"approval": str(waiting.id)}

    await act_once(request, visit, form, effect)
    return redirect(f"{visit.base}/approvals?done=asked")


@get(f"{ROUTE}/revoke", include_in_schema=False)
async def ask_to_revoke(request: Call) -> Response[Any]:
    """How much to take back, all of it unless said; then whether."""
    visit, user = await _user(request)
    text = request.query_params.get("amount")
    errors: dict[str, list[str]] = {}
    try:
        if text is not None:
            cents = typed_cents(text, max(user.balance, 1))
            return confirm(request, visit, _revoking(visit, user, cents))
    except InvalidAmount as error:
        errors = {"amount": [str(error)]}
    view = AmountView(
        heading="Revoke",
        facts=[Fact("Payout user", user.email), Fact("Unspent", cents=user.balance)],
        action=f"{address_of(visit, user.id)}/revoke",
        button="Revoke",
        back=address_of(visit, user.id),
        hint="US dollars. What is in transit or withdrawn cannot be taken back.",
        amount=dollars(user.balance).removeprefix("$") if text is None else text,
        errors=errors,
    )
    return ask_amount(request, visit, view, status=422 if errors else 200)


@post(f"{ROUTE}/revoke", include_in_schema=False, status_code=200, right="payout_user.revoke")
async def revoke(request: Call) -> Response[Any]:
    """Take unspent money back to the payout balance."""
    visit, user = await _user(request)
    form = await read_form(request)
    cents = sent_cents(form, MAX_TREASURY)

    async def effect(connection: Connection) -> Mapping[str, object]:
        moved = await allocations.revoke(
            connection, visit.business.id, user.id, cents, visit.session.actor
        )
        if isinstance(moved, WaitingAct):
            return {"approval": str(moved.id)}
        return {"transfer": moved.id}

    try:
        done = await act_once(request, visit, form, effect)
    except InsufficientBalance:
        refused = "They have spent some of it meanwhile. Nothing was taken back."
        return confirm(request, visit, _revoking(visit, user, cents, refused), status=409)
    except IdempotencyMismatch as error:
        return confirm(request, visit, _revoking(visit, user, cents, str(error)), status=409)
    if "approval" in done.reference:
        return redirect(f"{visit.base}/approvals?done=asked")
    return redirect(f"{address_of(visit, user.id)}?done=revoked")


async def _user(request: Call) -> tuple[Visit, PayoutUser]:
    visit = await visit_of(request)
    user_id: UUID = path_id(request, ids.USER, "user")
    return visit, await read(request, visit, payout_users.get, visit.business.id, user_id)


def _require(cents: int, held: int, what: str) -> None:
    if cents > held:
        raise InvalidAmount(f"{what} {dollars(held)} only.")


def _adding(visit: Visit, user: PayoutUser, cents: int, refused: str | None = None) -> ConfirmView:
    address = address_of(visit, user.id)
    return ConfirmView(
        heading="Add funds",
        consequence="They can withdraw it at once. Only what they have not spent can be revoked.",
        facts=[
            Fact("Payout user", user.email),
            Fact("Amount", cents=cents),
            Fact("Unspent now", cents=user.balance),
        ],
        action=f"{address}/add-funds",
        button=f"Add {dollars(cents)}",
        back=address,
        keep="Add nothing",
        cents=cents,
        refused=refused,
    )


def _revoking(
    visit: Visit, user: PayoutUser, cents: int, refused: str | None = None
) -> ConfirmView:
    address = address_of(visit, user.id)
    return ConfirmView(
        heading="Revoke",
        consequence="The money goes back to the payout balance. They can no longer withdraw it.",
        facts=[
            Fact("Payout user", user.email),
            Fact("Taken back", cents=cents),
            Fact("Unspent now", cents=user.balance),
        ],
        action=f"{address}/revoke",
        button=f"Revoke {dollars(cents)}",
        back=address,
        keep="Take nothing back",
        cents=cents,
        is_danger=True,
        refused=refused,
    )


ROUTES = [ask_to_add, add, ask_to_revoke, revoke]
