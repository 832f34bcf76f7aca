"""Why an order is reviewed: a closed set of names, each with its meaning."""

from collections.abc import Mapping
from typing import Literal

from payviox.rails.reasons import Reason, named

Review = Literal[
    "amount",
    "changed",
    "first_use",
    "new_bank_account",
    "rail",
    "shared_destination",
    "velocity_amount",
    "velocity_orders",
]
"""Why an order is reviewed (`orders.review_reasons`)."""

_DECIDE = "Look at the order, then approve or reject it."
_IN_REVIEW = "The payment is being reviewed."

_REVIEWS: Mapping[Review, str] = {
    "amount": "The amount is at or above the business's review amount.",
    "changed": "Amount or destination are not those that were reviewed: somebody changed the row.",
    "first_use": "This payout user was never paid at this destination before.",
    "new_bank_account": "This payout user was never paid at this bank account before, or not since"
    " its bank said that something of it has changed.",
    "rail": "The business reviews every order of this rail or provider.",
    "shared_destination": "Several payout users have named the same payee.",
    "velocity_amount": "The payout user withdrew too much within 24 hours.",
    "velocity_orders": "The payout user made too many orders within 24 hours.",
}

REVIEWS: Mapping[Review, Reason] = {
    name: Reason(meaning, _IN_REVIEW, _DECIDE, "business") for name, meaning in _REVIEWS.items()
}


def review(name: str) -> Reason:
    """What this reason for a review means; one that is not in the set is logged."""
    return named(REVIEWS, name)
