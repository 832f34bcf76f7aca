"""`…/settings`: the switches and the rules that a business may set."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.businesses.rules import RULES
from payviox.dashboard.settings.rule_fields import (
    OF_EXPIRY,
    RuleField,
    change,
    changes_of,
    check,
    fields_of,
    typed_of,
)
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.errors import FieldErrors
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import review
from payviox.withdrawals.review import Preview

ROUTE = "/dashboard/{business:str}/settings"
NAMES = tuple(name for name in RULES if name not in OF_EXPIRY)
SWITCHES = {
    "payouts": ("payouts_enabled", "Payouts are enabled.", "Payouts are disabled."),
    "withdrawals": ("withdrawals_enabled", "Withdrawals are enabled.", "Withdrawals are disabled."),
}
DONE = {
    "created": "The business is made, live and test. Payouts are off until you enable them.",
    "rules": "The rules are saved.",
} | {
    f"{name}-{state}": words[1 if state == "on" else 2]
    for name, words in SWITCHES.items()
    for state in ("on", "off")
}


class ExampleView(msgspec.Struct, frozen=True):
    """An order that the rules would have caught."""

    address: str
    email: str
    amount: int
    status: str
    why: str
    created_at: datetime


class SettingsView(msgspec.Struct, frozen=True):
    here: str
    payouts_enabled: bool
    withdrawals_enabled: bool
    fields: list[RuleField]
    may_change: bool
    done: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    preview: Preview | None = None
    examples: list[ExampleView] = msgspec.field(default_factory=list)


@get(ROUTE, include_in_schema=False)
async def show_settings(request: Call) -> Response[Any]:
    """The switches and rules as they are."""
    visit = await visit_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    return _page(request, visit, typed_of(visit.business), done=done)


@post(
    f"{ROUTE}/{{switch:str}}/{{turned:str}}",
    include_in_schema=False,
    status_code=200,
    right="business.set",
)
async def turn(request: Call) -> Response[Any]:
    """Turn a switch."""
    visit = await visit_of(request)
    done = f"{request.path_params['switch']}-{request.path_params['turned']}"
    if done not in DONE:
        return redirect(f"{visit.base}/settings")
    column, *_ = SWITCHES[str(request.path_params["switch"])]
    changes: dict[str, object] = {column: done.endswith("-on")}
    await change(request, visit, changes)
    return redirect(f"{visit.base}/settings?done={done}")


@post(f"{ROUTE}/rules", include_in_schema=False, status_code=200, right="business.set")
async def save_rules(request: Call) -> Response[Any]:
    """Save every rule that was typed otherwise than it is."""
    visit = await visit_of(request)
    form = await read_form(request)
    typed = {name: form.get(name, "").strip() for name in NAMES}
    try:
        changes = changes_of(visit.business, typed)
        waiting = await change(request, visit, changes) if changes else None
        if waiting is not None:
            return redirect(f"{visit.base}/approvals?done=asked")
    except FieldErrors as error:
        return _page(request, visit, typed, errors=error.fields, status=422)
    return redirect(f"{visit.base}/settings?done=rules")


@post(f"{ROUTE}/preview", include_in_schema=False, status_code=200, right="business.set")
async def preview_rules(request: Call) -> Response[Any]:
    """Say what the rules that were typed would have caught; nothing is saved."""
    visit = await visit_of(request)
    form = await read_form(request)
    typed = {name: form.get(name, "").strip() for name in NAMES}
    try:
        changes = changes_of(visit.business, typed)
        check(request, visit.business, changes)
    except FieldErrors as error:
        return _page(request, visit, typed, errors=error.fields, status=422)
    preview = await read(request, visit, review.preview, visit.business, changes)
    return _page(request, visit, typed, preview=preview)


def _page(
    request: Call,
    visit: Visit,
    typed: Mapping[str, str],
    *,
    status: int = 200,
    done: str | None = None,
    errors: dict[str, list[str]] | None = None,
    preview: Preview | None = None,
) -> Response[Any]:
    view = SettingsView(
        here=f"{visit.base}/settings",
        payouts_enabled=visit.business.payouts_enabled,
        withdrawals_enabled=visit.business.withdrawals_enabled,
        fields=fields_of(NAMES, typed),
        may_change=visit.may("business.set"),
        done=done,
        errors=errors or {},
        preview=preview,
        examples=_examples(visit, preview) if preview else [],
    )
    return show(request, visit, "settings/show.html", view, status=status)


def _examples(visit: Visit, preview: Preview) -> list[ExampleView]:
    return [
        ExampleView(
            address=f"{visit.base}/orders/{ids.show(ids.ORDER, caught.order.id)}",
            email=caught.order.email,
            amount=caught.order.amount,
            status=caught.order.status,
            why=", ".join(cause.replace("_", " ") for cause in caught.causes),
            created_at=caught.order.created_at,
        )
        for caught in preview.examples
    ]


ROUTES = [show_settings, save_rules, preview_rules, turn]
