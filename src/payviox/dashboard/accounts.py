"""The ledger's accounts, as pages name them."""

from collections.abc import Mapping

from payviox.ledger.model import AccountKind

ACCOUNTS: Mapping[AccountKind, str] = {
    "main": "Main balance",
    "payout": "Payout balance",
    "user": "Payout user's balance",
    "in_transit": "In transit",
    "settled": "Paid out",
    "fee_income": "Fees",
    "rail_cost": "Costs",
    "exchange": "Exchange differences",
    "suspense": "Suspense",
    "world": "Outside",
}


def account_words(kind: str, rail: str) -> str:
    """An account of the ledger, and whose rail it is of: `Paid out (paypal)`."""
    name = next((name for known, name in ACCOUNTS.items() if known == kind), kind)
    return f"{name} ({rail})" if rail else name


def path_words(from_kind: str, from_rail: str, to_kind: str, to_rail: str) -> str:
    """From which account money moved to which."""
    return f"{account_words(from_kind, from_rail)} → {account_words(to_kind, to_rail)}"
