"""Resolving a suspense item: what is booked is said first, then done, once."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from litestar import Response, get, post

from payviox.approvals.service import WaitingAct
from payviox.dashboard.accounts import account_words
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.reconciliation.list import named, shown_id
from payviox.dashboard.reconciliation.show import (
    ROUTE,
    address_of,
    item_of,
    item_page,
    offers,
)
from payviox.dashboard.visits import Visit, act_once, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, IdempotencyMismatch
from payviox.ledger import suspense
from payviox.ledger.model import AccountName
from payviox.ledger.suspense import Item, Resolution
from payviox.money import dollars
from payviox.reconciliation import resolve as resolving
from payviox.text import printable
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import service as withdrawals


@get(f"{ROUTE}/resolve", include_in_schema=False)
async def ask_to_resolve(request: Call) -> Response[Any]:
    """Whether to book this."""
    visit = await visit_of(request)
    item = await item_of(request, visit)
    if not item.is_open:
        return redirect(address_of(visit, item))
    wrong = _wrong(request, visit, item, request.query_params)
    return wrong or await _ask(request, visit, item, request.query_params)


@post(f"{ROUTE}/resolve", include_in_schema=False, status_code=200, right="suspense.resolve")
async def resolve(request: Call) -> Response[Any]:
    """Book what was found out about an item; this ends it."""
    visit = await visit_of(request)
    form = await read_form(request)
    item = await item_of(request, visit)
    wrong = _wrong(request, visit, item, form)
    if wrong is not None:
        return wrong
    resolution, reason = _resolution(form), form.get("reason", "")

    async def effect(connection: Connection) -> Mapping[str, object]:
        resolved = await resolving.resolve(
            connection,
            visit.business.id,
            item.id,
            resolution,
            reason=reason,
            actor=visit.session.actor,
        )
        if isinstance(resolved, WaitingAct):
            return {"approval": str(resolved.id)}
        return {"item": shown_id(resolved)}

    try:
        done = await act_once(request, visit, form, effect)
    except (Conflict, IdempotencyMismatch) as error:
        refused = f"{str(error).removesuffix('.')}. Nothing was booked."
        return await _ask(request, visit, item, form, refused=refused)
    if "approval" in done.reference:
        return redirect(f"{visit.base}/approvals?done=asked")
    return redirect(f"{address_of(visit, item)}?done=resolved")


def _resolution(form: Mapping[str, str]) -> Resolution:
    return cast("Resolution", form["resolution"])


def _wrong(
    request: Call, visit: Visit, item: Item, form: Mapping[str, str]
) -> Response[Any] | None:
    """The item's page with what is wrong with its form, if anything is."""
    errors: dict[str, list[str]] = {}
    if form.get("resolution") not in offers(item):
        errors["resolution"] = ["Choose how it is booked."]
    try:
        printable(form.get("reason", ""))
    except ValueError as error:
        errors["reason"] = [f"The reason {error}."]
    if not errors:
        return None
    return item_page(
        request,
        visit,
        item,
        status=422,
        chosen=form.get("resolution", ""),
        reason=form.get("reason", ""),
        errors=errors,
    )


async def _ask(
    request: Call,
    visit: Visit,
    item: Item,
    form: Mapping[str, str],
    *,
    refused: str | None = None,
) -> Response[Any]:
    """What is booked, in words, and for whom."""
    resolution, reason = _resolution(form), form["reason"]
    facts = [
        Fact("Item", f"{named(item.cause)} at {item.rail}"),
        Fact("About", item.subject),
        Fact("Amount", cents=abs(item.amount)),
    ]
    user_id: UUID | None = None
    if resolution == "charged" and item.order_id is not None:
        order = await read(request, visit, withdrawals.get, visit.business.id, item.order_id)
        user_id = order.payout_user_id
        facts.append(Fact("Payout user", order.email))
    if item.amount:
        source, target = suspense.resolving_accounts(item, resolution, user_id)
        facts += [
            Fact("From the account", _account(source)),
            Fact("To the account", _account(target)),
        ]
    facts.append(Fact("Reason", reason))
    view = ConfirmView(
        heading="Resolve",
        consequence=f"{_consequence(item, resolution)}. This cannot be taken back.",
        facts=facts,
        action=f"{address_of(visit, item)}/resolve",
        button=f"Book {dollars(abs(item.amount))} as {resolution.replace('_', ' ')}"
        if item.amount
        else "Close the item",
        back=address_of(visit, item),
        keep="Book nothing",
        fields={"resolution": resolution, "reason": reason},
        is_danger=True,
        refused=refused,
    )
    return confirm(request, visit, view, status=409 if refused else 200)


def _consequence(item: Item, resolution: Resolution) -> str:
    words = offers(item)[resolution]
    return words[0].upper() + words[1:]


def _account(account: AccountName) -> str:
    return account_words(account.kind, account.rail)


ROUTES = [ask_to_resolve, resolve]
