"""`…/settings`: the switches and the rules that a business may set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from litestar import Response, get, post

from payviox import ids
from payviox.approvals.service import WaitingAct
from payviox.businesses import rules
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.businesses.rules import RULES, Rule
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.money import InvalidAmount, decimal, typed_cents
from payviox.treasury import service as treasury
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import review
from payviox.withdrawals.review import Preview

ROUTE = "/dashboard/{business:str}/settings"
DOLLARS = (
    "review_amount",
    "review_velocity_amount",
    "min_withdrawal",
    "max_withdrawal",
    "second_person_amount",
)
"""Rules that are amounts: typed in dollars, kept in cents."""

LABELS: Mapping[str, tuple[str, str]] = {
    "review_amount": ("Review orders from this amount", "US dollars; empty reviews none for it."),
    "review_first_use": ("Review the first order to a destination", ""),
    "review_shared_users": (
        "Review a destination used by this many people",
        "Empty reviews none for it.",
    ),
    "review_velocity_orders": (
        "Review from this many orders of one person in 24 hours",
        "Empty reviews none for it.",
    ),
    "review_velocity_amount": (
        "Review from this amount of one person in 24 hours",
        "US dollars; empty reviews none for it.",
    ),
    "review_rails": (
        "Review every order on these rails",
        f"Names separated by commas: {', '.join(rules.REVIEWABLE)}.",
    ),
    "min_withdrawal": ("Least amount of one withdrawal", "US dollars."),
    "max_withdrawal": ("Most amount of one withdrawal", "US dollars."),
    "hash_lifetime_days": ("Days after which a payout hash expires", "Empty keeps it for good."),
    "balance_lifetime_days": (
        "Days after which unspent money returns to the payout balance",
        "Empty leaves it with the person for good.",
    ),
    "low_stock": ("Warn when fewer gift cards of a product are left", ""),
    "suspense_alert_hours": ("Warn of what is unexplained for so many hours", ""),
    "second_person_amount": (
        "Ask for a second person over this amount",
        "US dollars; empty asks for none. Changing it then needs a second person, too.",
    ),
}
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


@dataclass(frozen=True, slots=True)
class RuleField:
    """One rule as it is typed."""

    name: str
    label: str
    hint: str
    value: str
    is_switch: bool


@dataclass(frozen=True, slots=True)
class ExampleView:
    """An order that the rules would have caught."""

    address: str
    email: str
    amount: int
    status: str
    why: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SettingsView:
    here: str
    payouts_enabled: bool
    withdrawals_enabled: bool
    fields: list[RuleField]
    may_change: bool
    done: str | None = None
    errors: dict[str, list[str]] = field(default_factory=dict)
    preview: Preview | None = None
    examples: list[ExampleView] = field(default_factory=list)


@get(ROUTE, include_in_schema=False)
async def show_settings(request: Call) -> Response[Any]:
    """The switches and rules as they are."""
    visit = await visit_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    return _page(request, visit, _typed(visit.business), done=done)


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
    await act(request, visit.session, _change, visit, changes)
    return redirect(f"{visit.base}/settings?done={done}")


@post(f"{ROUTE}/rules", include_in_schema=False, status_code=200, right="business.set")
async def save_rules(request: Call) -> Response[Any]:
    """Save every rule that was typed otherwise than it is."""
    visit = await visit_of(request)
    form = await read_form(request)
    typed = {name: form.get(name, "").strip() for name in RULES}
    try:
        changes = _changes(visit.business, typed)
        waiting = await act(request, visit.session, _change, visit, changes) if changes else None
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
    typed = {name: form.get(name, "").strip() for name in RULES}
    try:
        changes = _changes(visit.business, typed)
        rules.check_together(visit.business, changes)
    except FieldErrors as error:
        return _page(request, visit, typed, errors=error.fields, status=422)
    preview = await read(request, visit, review.preview, visit.business, changes)
    return _page(request, visit, typed, preview=preview)


async def _change(
    connection: Connection, visit: Visit, changes: dict[str, object]
) -> WaitingAct | None:
    current = await businesses.get(connection, visit.business.id)
    rules.check_together(current, changes)
    return await treasury.set_rules(connection, current.id, changes, visit.session.actor)


def _changes(business: Business, typed: Mapping[str, str]) -> dict[str, object]:
    """What was typed otherwise than it is. Raises FieldErrors."""
    before, problems, assignments = _typed(business), {}, []
    for name, text in typed.items():
        if text == before[name]:
            continue
        try:
            assignments.append(f"{name}={_given(name, RULES[name], text)}")
        except InvalidAmount as error:
            problems[name] = [str(error)]
    try:
        changes = rules.parse(assignments)
    except FieldErrors as error:
        problems |= error.fields
    if problems:
        raise FieldErrors(problems)
    return changes


def _given(name: str, rule: Rule, text: str) -> str:
    """The rule's value as `rules.parse` reads it. Raises InvalidAmount."""
    if rule.kind == "switch":
        return "yes" if text else "no"
    if not text:
        return rules.NONE
    return str(typed_cents(text, rule.most)) if name in DOLLARS else text


def _typed(business: Business) -> dict[str, str]:
    """Every rule as it would be typed."""
    texts = {}
    for name, rule in RULES.items():
        value = getattr(business, name)
        if rule.kind == "switch":
            texts[name] = "yes" if value else ""
        elif rule.kind == "names":
            texts[name] = ", ".join(value)
        elif value is None:
            texts[name] = ""
        else:
            texts[name] = decimal(value) if name in DOLLARS else str(value)
    return texts


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
        fields=[
            RuleField(name, *LABELS[name], typed[name], rule.kind == "switch")
            for name, rule in RULES.items()
        ],
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
