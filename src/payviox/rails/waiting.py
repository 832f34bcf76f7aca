"""What an order waits for: a closed set of names, each with its meaning and what to do. Rails, the
processor, commands, pages and the API ask here; no other module words it. Why an order is reviewed
is in reviews.py, why it fails or comes back in failures.py."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from payviox.rails.reasons import Reason, named

Waiting = Literal[
    "account_restricted",
    "amount_unsure",
    "approval_at_rail",
    "bank_answer",
    "bank_cooling",
    "bank_file",
    "bank_release",
    "bank_returns",
    "chain_changed",
    "chain_not_connected",
    "credentials_refused",
    "float_empty",
    "gas_empty",
    "gas_price_high",
    "held_after_restore",
    "nonce_missing",
    "on_hold",
    "out_of_stock",
    "person",
    "price_stale",
    "rail_misconfigured",
    "rail_not_configured",
    "rail_not_connected",
    "rail_unreachable",
    "rate_limited",
    "refused_by_node",
    "signer_unavailable",
    "taking_back",
    "token_refuses",
    "unclaimed",
    "wallet_of_another_business",
    "wallet_used_elsewhere",
]
"""What an order waits for (`orders.waiting`)."""

PERSON: Waiting = "person"
"""Waits for somebody to find out how it ended."""

_DELAYED = "The payment is delayed. It needs nothing from you."
_UNDER_WAY = "The payment is on its way."

WAITING: Mapping[Waiting, Reason] = {
    "account_restricted": Reason(
        "The rail does not let the sender's account pay: it is unverified, locked or limited.",
        _DELAYED,
        "Log in at the rail and see what the account lacks.",
        "operator",
    ),
    "amount_unsure": Reason(
        "The transaction succeeded and moved another amount than it should, or nodes contradict"
        " one another.",
        _UNDER_WAY,
        "Look at the transaction in a block explorer; after a while the order is for a person.",
        "operator",
        account=True,
    ),
    "approval_at_rail": Reason(
        "The rail has the order, and somebody must approve it there.",
        _DELAYED,
        "Approve or refuse it at the rail.",
        "operator",
    ),
    "bank_answer": Reason(
        "The bank has the file, and has not said what became of the payment.",
        _UNDER_WAY,
        "Import the bank's next statement, under Bank files.",
        "rail",
        "by_itself",
        command="payviox bank import",
    ),
    "bank_cooling": Reason(
        "The bank account is new, and is paid once the business's waiting time is over.",
        "This bank account is new: the payment is sent once a waiting time is over.",
        "Nothing: it goes on by itself.",
        "nobody",
        "by_itself",
    ),
    "bank_file": Reason(
        "It waits for the next file to the bank.",
        "It goes to the bank with the next file.",
        "Cut a file, under Bank files, or wait for the next time at which one is cut.",
        "operator",
        "by_itself",
        command="payviox bank cut",
    ),
    "bank_release": Reason(
        "It is in a file that has not been given to the bank yet.",
        "It goes to the bank with the next file.",
        "Approve the file and release it, under Bank files.",
        "operator",
        "by_itself",
        command="payviox bank release",
    ),
    "bank_returns": Reason(
        "The bank has sent it; it counts as paid once it can no longer come back in time.",
        _UNDER_WAY,
        "Nothing: it goes on by itself.",
        "rail",
        "by_itself",
    ),
    "chain_changed": Reason(
        "The chain's token or id is not the one that was quoted.",
        _DELAYED,
        "Connect the chain as it was, or cancel the order.",
        "operator",
        account=True,
    ),
    "chain_not_connected": Reason(
        "The wallet pays on this chain no more.",
        _DELAYED,
        "Connect the chain again under Rails, or cancel the order.",
        "operator",
        account=True,
        command="payviox rail connect evm",
    ),
    "credentials_refused": Reason(
        "The rail refuses the account's credentials, or a permission is missing.",
        _DELAYED,
        "Check now, on the account's page under Rails, says more; then replace its credentials"
        " there.",
        "operator",
        account=True,
        command="payviox rail check",
    ),
    "float_empty": Reason(
        "The account at the rail holds too little money.",
        _DELAYED,
        "Pay in at the rail; another attempt follows by itself, or at once after Resume.",
        "operator",
        command="payviox order resume",
    ),
    "gas_empty": Reason(
        "The wallet holds too little of the chain's coin for gas.",
        _DELAYED,
        "Send the wallet some of the chain's coin.",
        "operator",
    ),
    "gas_price_high": Reason(
        "Gas costs more than the chain's max_fee_gwei.",
        _DELAYED,
        "Wait until gas is cheaper, or connect the chain with a higher max_fee_gwei.",
        "nobody",
        "by_itself",
        account=True,
    ),
    "held_after_restore": Reason(
        "The database was restored: which gift cards left since the backup is not known.",
        _DELAYED,
        "Say which left, under Gift cards.",
        "operator",
        command="payviox giftcards after-restore",
    ),
    "nonce_missing": Reason(
        "An earlier nonce of the wallet was never used, which holds up all later ones.",
        _DELAYED,
        "Send any transaction with that nonce from the wallet; the attempt's evidence names it.",
        "operator",
    ),
    "on_hold": Reason(
        "The rail reviews the payment, or the payee must accept its currency.",
        "The payment is being reviewed, or you must accept it in your account.",
        "Wait; the payee sees there what is asked of them.",
        "rail",
        "by_itself",
    ),
    "out_of_stock": Reason(
        "No card of this product is in stock.",
        _DELAYED,
        "Import more cards, under Gift cards.",
        "operator",
        command="payviox giftcards import",
    ),
    "person": Reason(
        "It may have been paid, and nothing automatic will find out.",
        "The payment is being looked into.",
        "Find out at the rail how it ended, then settle it.",
        "operator",
        command="payviox order settle",
    ),
    "price_stale": Reason(
        "There is no price of the coin to rely on.",
        _DELAYED,
        "Wait for the chain's price feed, or have an admin of this installation set a price by"
        " command.",
        "operator",
        "by_itself",
        account=True,
        command="payviox rail price",
    ),
    "rail_misconfigured": Reason(
        "The rail contradicts the account's settings.",
        _DELAYED,
        "Check now, on the account's page under Rails, says more; then connect it with the right"
        " settings.",
        "operator",
        account=True,
        command="payviox rail check",
    ),
    "rail_not_configured": Reason(
        "This version of Payviox has no such rail.",
        _DELAYED,
        "Install the version with which the order was made, or cancel the order.",
        "operator",
    ),
    "rail_not_connected": Reason(
        "The business has no account at the rail, or it cannot be opened.",
        _DELAYED,
        "Connect the account again, or cancel the order.",
        "operator",
        account=True,
    ),
    "rail_unreachable": Reason(
        "The rail cannot be reached, or it is not what answers.",
        _DELAYED,
        "Wait; where it lasts, Check now on the account's page under Rails says why.",
        "rail",
        "by_itself",
        account=True,
        command="payviox rail check",
    ),
    "rate_limited": Reason(
        "The rail takes no more calls just now.",
        _DELAYED,
        "Nothing: it goes on by itself.",
        "nobody",
        "by_itself",
    ),
    "refused_by_node": Reason(
        "The chain's node does not take the transaction.",
        _DELAYED,
        "Check now, on the wallet's page under Rails, says more; connect another node.",
        "operator",
        account=True,
        command="payviox rail check",
    ),
    "signer_unavailable": Reason(
        "The keystore or the external signer does not work.",
        _DELAYED,
        "Have an admin of this installation see to it on the worker's host.",
        "operator",
        account=True,
        command="payviox rail check",
    ),
    "taking_back": Reason(
        "It was canceled before its payee claimed it; the rail has not given it back yet.",
        "The payment is being taken back.",
        "Nothing: it ends when the rail has answered.",
        "rail",
        "by_itself",
    ),
    "token_refuses": Reason(
        "The token's contract stands still, or takes nothing from this wallet.",
        _DELAYED,
        "Ask the token's issuer.",
        "operator",
        account=True,
    ),
    "unclaimed": Reason(
        "The payee has not claimed it; it can still be taken back.",
        "PayPal has the payment and keeps it until you claim it: sign in at PayPal, or open an"
        " account there with this address.",
        "Wait for the payee, or cancel the order.",
        "payout_user",
    ),
    "wallet_of_another_business": Reason(
        "Another business pays from this wallet on this chain.",
        _DELAYED,
        "Connect a wallet of its own.",
        "operator",
        account=True,
        command="payviox rail keystore create",
    ),
    "wallet_used_elsewhere": Reason(
        "The wallet sent transactions that our books do not know: somebody else uses it, or the"
        " database was restored.",
        _DELAYED,
        "Compare under Reconciliation, then have an admin of this installation accept them by"
        " command.",
        "operator",
        account=True,
        command="payviox rail accept-nonces",
    ),
}


_CANCEL = "payviox order cancel"
_OF_RAIL: Mapping[tuple[str, Waiting], Reason] = {
    ("bank", "float_empty"): replace(
        WAITING["float_empty"],
        meaning="The bank said that the account holds too little money.",
        advice="Pay in at the bank; another attempt follows by itself, or at once after Resume.",
    ),
    ("evm", "float_empty"): replace(
        WAITING["float_empty"],
        meaning="The wallet holds too little of what is to be paid.",
        advice="Send it to the wallet; another attempt follows by itself, or at once after Resume.",
    ),
    ("paypal", "float_empty"): replace(
        WAITING["float_empty"],
        meaning="The PayPal account holds too little money.",
        advice="Add money to it at PayPal; another attempt follows by itself, or at once after"
        " Resume.",
    ),
    ("sandbox", "float_empty"): replace(
        WAITING["float_empty"],
        meaning="The sandbox was asked to hold too little money for it.",
        advice="No money is missing, and none can be paid in: the order waits until you cancel it.",
        command=_CANCEL,
    ),
    ("tremendous", "float_empty"): replace(
        WAITING["float_empty"],
        meaning="The funding source at Tremendous holds too little money.",
        advice="Add money to it at Tremendous; another attempt follows by itself, or at once after"
        " Resume.",
    ),
}
"""What a reason means, and what to do, at a rail where more can be said."""


def waiting(name: str, rail: str | None = None) -> Reason:
    """What this cause of waiting means, at this rail; one that is not in the set is logged."""
    of_rail = [reason for known, reason in _OF_RAIL.items() if known == (rail, name)]
    return of_rail[0] if of_rail else named(WAITING, name)


def can_resume(name: str | None, rail: str | None) -> bool:
    """Whether orders that wait for this at this rail may go on once they are tried again."""
    if name is None or name == PERSON or name not in ENDED_BY_OPERATOR:
        return False
    return waiting(name, rail).command != _CANCEL


ENDED_BY_ACCOUNT: tuple[Waiting, ...] = tuple(
    name for name, reason in WAITING.items() if reason.account
)
"""What a changed rail account may end."""

ENDED_BY_OPERATOR: frozenset[Waiting] = frozenset(
    name
    for name, reason in WAITING.items()
    if reason.who == "operator" and reason.ends != "by_itself"
)
"""What orders wait for until an operator does something; the rest ends by itself."""
