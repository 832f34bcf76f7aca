"""How waiting acts are told to people."""

from collections.abc import Mapping

from payviox.approvals.service import WaitingAct
from payviox.dashboard.confirmations import Fact

TITLES: Mapping[str, str] = {
    "allocation.create": "Add funds",
    "balance.deposit": "Deposit",
    "balance.fund": "Fund",
    "balance.defund": "Move back",
    "balance.withdraw_funds": "Withdraw funds",
    "bank_report.import": "Import a bank's report that gives money back",
    "business.set": "Change which orders are looked at",
    "order.approve": "Approve an order",
    "order.settle": "Settle an order",
    "payout_user.revoke": "Revoke",
    "suspense.resolve": "Resolve a suspense item",
    "upload.start": "Allocate to everybody in a file",
}
CONSEQUENCES: Mapping[str, str] = {
    "allocation.create": "They can withdraw it at once. Only what is unspent can be revoked.",
    "balance.deposit": "The main balance gets the money: it has to be in the bank.",
    "balance.fund": "The money leaves the main balance and can be allocated to people.",
    "balance.defund": "The money leaves the payout balance for the main balance.",
    "balance.withdraw_funds": "The money leaves the main balance and these books.",
    "bank_report.import": "What it names counts as not paid, and is with the payout users again.",
    "payout_user.revoke": "The money goes back to the payout balance; they cannot withdraw it.",
    "suspense.resolve": "It is booked for good, and the item is closed.",
    "business.set": "From then on orders are reviewed, and need a second person, by these rules.",
}


WORDS: Mapping[str, str] = {
    "email": "Payout user",
    "item": "Item",
    "rail": "Rail",
    "cause": "Cause",
    "resolution": "Booked as",
    "file": "File",
    "sha256": "SHA-256",
    "reference": "Reference",
    "reason": "Reason",
}
"""What an act is about, beside its amount."""


RULES: Mapping[str, str] = {
    "second_person_amount": "Ask for a second person over",
    "review_amount": "Review orders from",
    "review_first_use": "Review the first order to a destination",
    "review_shared_users": "Review a destination used by so many people",
    "review_velocity_orders": "Review from so many orders of one person in 24 hours",
    "review_velocity_amount": "Review what one person takes in 24 hours from",
    "review_rails": "Review every order on",
    "review_new_bank_account": "Review the first order to a bank account",
    "bank_cooling_hours": "Hours that a new bank account waits",
}
NONE: Mapping[str, str] = {"second_person_amount": "none: one person decides alone"}


def title(act: str) -> str:
    return TITLES.get(act, act)


def facts(waiting: WaitingAct) -> list[Fact]:
    """All that a waiting act will do."""
    asked = waiting.parameters
    if waiting.act == "business.set":
        return [_rule(name, value) for name, value in asked.items()]
    found = [] if waiting.amount is None else [Fact("Amount", cents=waiting.amount)]
    return found + [Fact(label, str(asked[name])) for name, label in WORDS.items() if name in asked]


def _rule(name: str, value: object) -> Fact:
    """A rule as it would be."""
    label = RULES[name]
    if isinstance(value, bool):
        return Fact(label, "yes" if value else "no")
    if isinstance(value, list):
        return Fact(label, ", ".join(map(str, value)) or "none")
    if isinstance(value, int) and name.endswith("amount"):
        return Fact(label, cents=value)
    return Fact(label, NONE.get(name, "none") if value is None else str(value))
