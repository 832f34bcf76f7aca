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
    "business.set": "Change the amount that needs a second person",
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
    "payout_user.revoke": "The money goes back to the payout balance; they cannot withdraw it.",
    "suspense.resolve": "It is booked for good, and the item is closed.",
    "business.set": "From then on, acts over this amount need a second person.",
}


WORDS: Mapping[str, str] = {
    "email": "Payout user",
    "item": "Item",
    "rail": "Rail",
    "cause": "Cause",
    "resolution": "Booked as",
    "reference": "Reference",
    "reason": "Reason",
}
"""What an act is about, beside its amount."""


def title(act: str) -> str:
    return TITLES.get(act, act)


def facts(waiting: WaitingAct) -> list[Fact]:
    """All that a waiting act will do."""
    asked = waiting.parameters
    if "second_person_amount" in asked:
        cents = asked["second_person_amount"]
        return [Fact("New amount", "none: one person decides alone", cents)]
    found = [] if waiting.amount is None else [Fact("Amount", cents=waiting.amount)]
    return found + [Fact(label, str(asked[name])) for name, label in WORDS.items() if name in asked]
