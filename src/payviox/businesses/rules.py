"""The rules, limits and lifetimes that a business may set: their names, meaning and bounds. They
are enforced where they count; here they are read and refused. Amounts are US cents."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from payviox.businesses.model import Business
from payviox.errors import FieldErrors
from payviox.money import MAX_ALLOCATION

NONE = "none"
"""Clears a rule."""

YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
"""How a switch may be given."""

REVIEWABLE = ("paypal", "crypto", "gift_card", "bank", "sandbox", "stock", "tremendous", "evm")
"""What `review_rails` may name: every provider and every rail of the product."""

METHODS = ("paypal", "crypto", "gift_card", "bank")
"""What `methods_off` may name: every provider."""

CODES = ("code_first", "code_amount", "code_new_device")
"""Rules that ask payout users for a code that is mailed to them."""
NO_MAIL_SERVER = (
    "This needs a mail server, and the installation has none. Whoever runs it sets"
    " PAYVIOX_SMTP_URL."
)

MAX_DAYS = 36_500
MAX_COUNT = 1_000_000
MAX_NOTICE = 365
MOST_REMINDERS = 5


class Rule(msgspec.Struct, frozen=True):
    """One column of a business. `optional` rules may be cleared; then nothing is checked. `choices`
    are what a rule of names may name."""

    meaning: str
    kind: Literal["integer", "switch", "names", "days"] = "integer"
    least: int = 1
    most: int = MAX_COUNT
    optional: bool = True
    choices: tuple[str, ...] = ()


RULES = {
    "review_amount": Rule("review orders from this many cents", most=MAX_ALLOCATION),
    "review_first_use": Rule(
        "review a payout user's first order to a destination: yes or no", "switch"
    ),
    "review_shared_users": Rule("review a destination used by this many payout users"),
    "review_velocity_orders": Rule("review from this many orders of one payout user in 24 hours"),
    "review_velocity_amount": Rule(
        "review from this many cents of one payout user in 24 hours", most=10**12
    ),
    "review_rails": Rule(
        "review every order on these rails: names, separated by commas",
        "names",
        choices=REVIEWABLE,
    ),
    "review_new_bank_account": Rule(
        "review the first order to a bank account, and to one that its bank has changed: yes or no",
        "switch",
    ),
    "bank_cooling_hours": Rule(
        "hours that a bank account waits before it is first paid",
        least=0,
        most=720,
        optional=False,
    ),
    "methods_off": Rule(
        "offer payout users no withdrawals by these: names, separated by commas",
        "names",
        choices=METHODS,
    ),
    "min_withdrawal": Rule("least cents of one withdrawal", most=MAX_ALLOCATION, optional=False),
    "max_withdrawal": Rule("most cents of one withdrawal", most=MAX_ALLOCATION, optional=False),
    "code_first": Rule(
        "ask for a code by mail before a payout user's first order: yes or no", "switch"
    ),
    "code_amount": Rule(
        "ask for a code by mail from this many cents of one payout user in 24 hours",
        most=10**12,
    ),
    "code_new_device": Rule(
        "ask for a code by mail in a browser that a payout user is not known by: yes or no",
        "switch",
    ),
    "hash_lifetime_days": Rule("days after which a payout hash expires", most=MAX_DAYS),
    "balance_lifetime_days": Rule(
        "days after which an unspent allocation returns to the payout balance", most=MAX_DAYS
    ),
    "expiry_notice_days": Rule(
        "days for which an expiry is announced before", most=MAX_NOTICE, optional=False
    ),
    "reminder_days": Rule(
        "days after which people are reminded of unspent money, separated by commas",
        "days",
        most=MAX_DAYS,
    ),
    "low_stock": Rule("warn when fewer gift cards of a product are left", least=0, optional=False),
    "suspense_alert_hours": Rule(
        "warn of what a comparison with a rail leaves unexplained for so many hours",
        least=0,
        most=8_760,
        optional=False,
    ),
    "second_person_amount": Rule(
        "acts of operators over more than so many cents need a second person", most=10**12
    ),
}


def parse(assignments: Iterable[str]) -> dict[str, object]:
    """`["review_amount=1000", "review_rails=none"]` → what to write.

    Raises FieldErrors, naming each rule at fault.
    """
    changes: dict[str, object] = {}
    problems: dict[str, list[str]] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        rule = RULES.get(name)
        if rule is None or not equals:
            known = f"NAME=VALUE, NAME one of {', '.join(RULES)}"
            problems[name] = [f"{assignment!r} sets no rule. Write {known}."]
            continue
        try:
            changes[name] = _value(name, rule, text.strip())
        except ValueError as error:
            problems[name] = [str(error)]
    if problems:
        raise FieldErrors(problems)
    return changes


def check_together(business: Business, changes: Mapping[str, object], *, sends_mails: bool) -> None:
    """Raises FieldErrors where the rules contradict one another after these changes, or ask for
    mails that an installation without a mail server does not send."""
    if not sends_mails and (asked := [name for name in CODES if changes.get(name)]):
        raise FieldErrors({name: [NO_MAIL_SERVER] for name in asked})
    least = changes.get("min_withdrawal", business.min_withdrawal)
    most = changes.get("max_withdrawal", business.max_withdrawal)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        message = f"min_withdrawal ({least}) may not be greater than max_withdrawal ({most})."
        raise FieldErrors({"min_withdrawal": [message]})


def _value(name: str, rule: Rule, text: str) -> object:
    lowered = text.lower()
    if rule.kind == "switch":
        if lowered not in (*YES, *NO, NONE):
            raise ValueError(f"{name} must be yes or no.")
        return lowered in YES
    if rule.kind == "names":
        return [] if lowered == NONE else _names(name, rule, lowered)
    if rule.kind == "days":
        return [] if lowered == NONE else _days(name, rule, lowered)
    if lowered == NONE:
        if not rule.optional:
            raise ValueError(f"{name} cannot be cleared.")
        return None
    if not text.isascii() or not text.isdigit() or not rule.least <= int(text) <= rule.most:
        or_none = ", or none" if rule.optional else ""
        raise ValueError(
            f"{name} must be a whole number from {rule.least} to {rule.most}{or_none}, "
            f"not {text!r}."
        )
    return int(text)


def _names(name: str, rule: Rule, text: str) -> list[str]:
    names = [part.strip() for part in text.split(",")]
    if not set(names) <= set(rule.choices):
        known = ", ".join(rule.choices)
        raise ValueError(f"{name} must be names among {known}, separated by commas; or none.")
    return names


def _days(name: str, rule: Rule, text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    days = sorted(
        {int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 6}
    )
    is_right = len(days) == len(parts) <= MOST_REMINDERS
    if not is_right or not rule.least <= days[0] <= days[-1] <= rule.most:
        raise ValueError(
            f"{name} must be up to {MOST_REMINDERS} different whole numbers from {rule.least} to"
            f" {rule.most}, separated by commas; or none."
        )
    return days
