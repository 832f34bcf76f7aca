"""Rules of a business as forms ask for them: their labels, how they are typed, what was changed."""

from collections.abc import Iterable, Mapping

import msgspec

from payviox.approvals.service import WaitingAct
from payviox.businesses import rules
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.businesses.rules import RULES, Rule
from payviox.dashboard.visits import Visit, act
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.money import InvalidAmount, decimal, typed_cents
from payviox.treasury import service as treasury
from payviox.web.context import Call, services

DOLLARS = (
    "review_amount",
    "review_velocity_amount",
    "min_withdrawal",
    "max_withdrawal",
    "second_person_amount",
    "code_amount",
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
    "review_new_bank_account": (
        "Review the first order to a bank account",
        "Also the next one after the bank said that something of the account has changed.",
    ),
    "bank_cooling_hours": (
        "Hours that a new bank account waits before it is paid",
        "0 pays it with the next file.",
    ),
    "methods_off": (
        "Methods that are not offered",
        f"Names separated by commas: {', '.join(rules.METHODS)}. Open orders go on.",
    ),
    "min_withdrawal": ("Least amount of one withdrawal", "US dollars."),
    "max_withdrawal": ("Most amount of one withdrawal", "US dollars."),
    "code_first": ("Ask for a code by mail before somebody's first withdrawal", ""),
    "code_amount": (
        "Ask for a code by mail from this amount of one person in 24 hours",
        "US dollars; empty asks for none. Where a code is needed the API makes no withdrawal.",
    ),
    "code_new_device": ("Ask for a code by mail in a browser that is new for somebody", ""),
    "hash_lifetime_days": ("Days after which a payout hash expires", "Empty keeps it for good."),
    "balance_lifetime_days": (
        "Days after which unspent money returns to the payout balance",
        "Empty leaves it with the person for good.",
    ),
    "expiry_notice_days": (
        "Days of notice before it returns",
        "Nothing returns that was not announced for so long, on the person's page and by mail.",
    ),
    "reminder_days": (
        "Days after which people are reminded",
        "Up to five numbers separated by commas, such as 7, 30. Empty reminds nobody.",
    ),
    "low_stock": ("Warn when fewer gift cards of a product are left", ""),
    "suspense_alert_hours": ("Warn of what is unexplained for so many hours", ""),
    "second_person_amount": (
        "Ask for a second person over this amount",
        "US dollars; empty asks for none. Changing it then needs a second person, too.",
    ),
}
OF_EXPIRY = ("reminder_days", "balance_lifetime_days", "expiry_notice_days")
"""Rules that have a page of their own."""


class RuleField(msgspec.Struct, frozen=True):
    """One rule as it is typed."""

    name: str
    label: str
    hint: str
    value: str
    is_switch: bool


async def change(request: Call, visit: Visit, changes: Mapping[str, object]) -> WaitingAct | None:
    """Change rules, or ask a second person to. Raises FieldErrors and what `set_rules` does."""
    return await act(request, visit.session, _change, request, visit, changes)


async def _change(
    connection: Connection, request: Call, visit: Visit, changes: Mapping[str, object]
) -> WaitingAct | None:
    current = await businesses.get(connection, visit.business.id)
    check(request, current, changes)
    return await treasury.set_rules(connection, current.id, changes, visit.session.actor)


def check(request: Call, business: Business, changes: Mapping[str, object]) -> None:
    """Raises FieldErrors where this installation cannot have the rules as they would be."""
    sends_mails = services(request).settings.smtp_url is not None
    rules.check_together(business, changes, sends_mails=sends_mails)


def changes_of(business: Business, typed: Mapping[str, str]) -> dict[str, object]:
    """What was typed otherwise than it is. Raises FieldErrors."""
    before, problems, assignments = typed_of(business), {}, []
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


def typed_of(business: Business) -> dict[str, str]:
    """Every rule as it would be typed."""
    texts = {}
    for name, rule in RULES.items():
        value = getattr(business, name)
        if rule.kind == "switch":
            texts[name] = "yes" if value else ""
        elif rule.kind in ("names", "days"):
            texts[name] = ", ".join(map(str, value))
        elif value is None:
            texts[name] = ""
        else:
            texts[name] = decimal(value) if name in DOLLARS else str(value)
    return texts


def fields_of(names: Iterable[str], typed: Mapping[str, str]) -> list[RuleField]:
    """These rules as a form shows them."""
    return [
        RuleField(name, *LABELS[name], typed[name], RULES[name].kind == "switch") for name in names
    ]
