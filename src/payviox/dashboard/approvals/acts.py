"""How waiting acts are told to people."""

from collections.abc import Mapping

from payviox.approvals.service import WaitingAct
from payviox.dashboard.confirmations import Fact

TITLES: Mapping[str, str] = {
    "allocation.create": "Add funds",
    "balance.defund": "Move back",
    "balance.withdraw_funds": "Withdraw funds",
    "business.set": "Change the amount that needs a second person",
    "order.approve": "Approve an order",
    "order.settle": "Settle an order",
    "upload.start": "Allocate to everybody in a file",
}
CONSEQUENCES: Mapping[str, str] = {
    "allocation.create": "They can withdraw it at once. Only what is unspent can be revoked.",
    "balance.defund": "The money leaves the payout balance for the main balance.",
    "balance.withdraw_funds": "The money leaves the main balance and these books.",
    "business.set": "From then on, acts over this amount need a second person.",
}


def title(act: str) -> str:
    return TITLES.get(act, act)


def facts(waiting: WaitingAct) -> list[Fact]:
    """All that a waiting act will do."""
    asked = waiting.parameters
    if "second_person_amount" in asked:
        cents = asked["second_person_amount"]
        return [Fact("New amount", "none: one person decides alone", cents)]
    found = [] if waiting.amount is None else [Fact("Amount", cents=waiting.amount)]
    words = (("email", "Payout user"), ("reference", "Reference"), ("reason", "Reason"))
    return found + [Fact(label, str(asked[name])) for name, label in words if name in asked]
