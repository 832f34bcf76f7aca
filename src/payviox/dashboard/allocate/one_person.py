"""`…/allocate`: to one person. How much and to whom, then whether, then done once and their link
shown."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.allocations import by_operators
from payviox.allocations.uploads import service as uploads
from payviox.auth.redemption import redeem_address
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act_once, prove, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import (
    Conflict,
    FieldErrors,
    IdempotencyMismatch,
    InsufficientPayoutBalance,
    PayoutsDisabled,
)
from payviox.money import MAX_ALLOCATION, InvalidAmount, dollars, typed_cents
from payviox.payout_users import service as payout_users
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.payout_users.model import PayoutUser
from payviox.sites import hosts
from payviox.text import printable
from payviox.treasury import service as treasury
from payviox.web.context import Call, services
from payviox.web.forms import key_of, new_key, read_form, sent_cents
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/allocate"
MAX_REFERENCE = 255
MAILED = "goes to this address, with their link"
NOT_MAILED = "none: the next page shows their link, to pass on"
REFUSALS = (Conflict, IdempotencyMismatch, InsufficientPayoutBalance, PayoutsDisabled)


class OnePersonView(msgspec.Struct, frozen=True):
    """The form, with what was typed and what is wrong with it."""

    here: str
    payout_balance: int
    may_allocate: bool
    email: str = ""
    amount: str = ""
    reference: str = ""
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    key: str = msgspec.field(default_factory=new_key)


class AllocatedView(msgspec.Struct, frozen=True):
    """What was allocated; without `link` where the form was sent before and has shown it.
    `is_mailed` where the business's mails bring them a link too."""

    email: str
    amount: int
    user: str
    link: str | None
    is_mailed: bool
    back: str


@get(ROUTE, include_in_schema=False)
async def ask(request: Call) -> Response[Any]:
    """Whom to pay, and how much."""
    return await _form(request, await visit_of(request))


@get(f"{ROUTE}/confirm", include_in_schema=False)
async def ask_to_allocate(request: Call) -> Response[Any]:
    """Whether to pay this person."""
    visit = await visit_of(request)
    typed = {name: request.query_params.get(name, "") for name in ("email", "amount", "reference")}
    held = await read(request, visit, treasury.balances, visit.business.id)
    try:
        email, cents, reference = _typed(typed, held.payout_balance)
    except FieldErrors as error:
        return await _form(request, visit, typed, error.fields)
    return confirm(request, visit, await _view(request, visit, email, cents, reference))


@post(ROUTE, include_in_schema=False, status_code=200, right="allocation.create")
async def allocate(request: Call) -> Response[Any]:
    """Pay them, through the queue that every allocation goes through."""
    visit = await visit_of(request)
    form = await read_form(request)
    cents = sent_cents(form, MAX_ALLOCATION)
    try:
        email = canonical(form.get("email", ""))
        reference = _reference(form.get("reference", ""))
    except (InvalidEmail, ValueError) as error:
        raise FieldErrors({"email": [str(error)]}) from error
    await prove(request, visit.session, "allocation.create", cents)
    try:
        outcome = await by_operators.allocate(
            services(request).batcher,
            visit.session,
            visit.business.id,
            email,
            cents,
            key_of(form),
            reference,
        )
    except by_operators.NeedsSecondPerson:
        return await _ask_second(request, visit, form, email, cents, reference)
    except REFUSALS as error:
        refused = f"{str(error).removesuffix('.')}. Nothing was allocated."
        view = await _view(request, visit, email, cents, reference, refused)
        return confirm(request, visit, view, status=409)
    main = services(request).settings.public_url
    site = await read(request, visit, hosts.address, visit.business.id, main)
    allocated = AllocatedView(
        email,
        cents,
        f"{visit.base}/users/{ids.show(ids.USER, outcome.user_id)}",
        None if outcome.replayed else redeem_address(site, outcome.hash),
        visit.business.notify,
        f"{visit.base}/allocate",
    )
    return show(request, visit, "allocate/allocated.html", allocated)


async def _ask_second(
    request: Call,
    visit: Visit,
    form: Mapping[str, str],
    email: str,
    cents: int,
    reference: str | None,
) -> Response[Any]:
    async def effect(connection: Connection) -> Mapping[str, object]:
        waiting = await by_operators.ask(
            connection, visit.session, visit.business.id, email, cents, reference
        )
        return {"approval": str(waiting.id)}

    await act_once(request, visit, form, effect)
    return redirect(f"{visit.base}/approvals?done=asked")


def _typed(typed: dict[str, str], held: int) -> tuple[str, int, str | None]:
    """Raises FieldErrors with everything that is wrong."""
    errors: dict[str, list[str]] = {}
    email, cents, reference = "", 0, None
    try:
        email = canonical(typed["email"])
    except InvalidEmail as error:
        errors["email"] = [error.in_full]
    try:
        cents = typed_cents(typed["amount"], MAX_ALLOCATION)
        if cents > held:
            raise InvalidAmount(f"The payout balance holds {dollars(held)} only.")  # noqa: TRY301  # said alike
    except InvalidAmount as error:
        errors["amount"] = [str(error)]
    try:
        reference = _reference(typed["reference"])
    except ValueError as error:
        errors["reference"] = [f"The reference {error}."]
    if errors:
        raise FieldErrors(errors)
    return email, cents, reference


def _reference(text: str) -> str | None:
    """Raises ValueError."""
    return printable(text, MAX_REFERENCE) if text.strip(" ") else None


async def _form(
    request: Call,
    visit: Visit,
    typed: dict[str, str] | None = None,
    errors: dict[str, list[str]] | None = None,
) -> Response[Any]:
    held = await read(request, visit, treasury.balances, visit.business.id)
    view = OnePersonView(
        here=f"{visit.base}/allocate",
        payout_balance=held.payout_balance,
        may_allocate=visit.may("allocation.create"),
        errors=errors or {},
        **(typed or {}),
    )
    status = 422 if errors else 200
    return show(request, visit, "allocate/one_person.html", view, status=status)


async def _find(request: Call, visit: Visit, email: str) -> PayoutUser | None:
    found = await read(
        request,
        visit,
        lambda connection: payout_users.list_page(
            connection, visit.business.id, email=email, status=None, after=None, limit=1
        ),
    )
    return found[0] if found else None


async def _view(
    request: Call,
    visit: Visit,
    email: str,
    cents: int,
    reference: str | None,
    refused: str | None = None,
) -> ConfirmView:
    user = await _find(request, visit, email)
    facts = [Fact("Person", email), Fact("Amount", cents=cents)]
    if reference is not None:
        facts.append(Fact("Reference", reference))
    if user is None:
        facts.append(Fact("Payout user", "new: they are made with this"))
    else:
        facts.append(Fact("Unspent now", cents=user.balance))
        last = await read(request, visit, uploads.find_recent, visit.business.id, user.id, cents)
        if last is not None:
            facts.append(Fact("Got the same amount", f"{last:%Y-%m-%d %H:%M} UTC"))
    facts.append(Fact("Mail", MAILED if visit.business.notify else NOT_MAILED))
    fields = {"email": email} if reference is None else {"email": email, "reference": reference}
    address = f"{visit.base}/allocate"
    return ConfirmView(
        heading="Allocate",
        consequence="They can withdraw it at once. Only what they have not spent can be revoked.",
        facts=facts,
        action=address,
        button=f"Allocate {dollars(cents)}",
        back=address,
        keep="Allocate nothing",
        cents=cents,
        fields=fields,
        refused=refused,
    )


ROUTES = [ask, ask_to_allocate, allocate]
