"""What a payment to a PayPal address costs and who may be named as its receiver. Amounts are US
cents."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from payviox.rails.orders import Invalid, Price, Quote, Request
from payviox.rails.protocol import Account

QUOTE_LIFETIME = timedelta(minutes=10)

FIELD = "paypal.email"
MAX_RECEIVER = 127

MAX_ITEM = 2_000_000
"""What PayPal lets one item be, $20,000; it raises it for an account on request, and then the
account's own limit counts."""


def quote(request: Request, account: Account) -> Quote:
    """Quote by the account's fee policy; also without a destination. Raises Invalid."""
    destination = {"email": receiver(request.destination)} if request.destination else {}
    return price(request, account).quote(destination, datetime.now(UTC) + QUOTE_LIFETIME)


def receiver(destination: Mapping[str, Any]) -> str:
    """The address to pay to. Raises Invalid."""
    email = destination.get("email")
    if email is None or email == "":
        raise Invalid({FIELD: [f"The {FIELD} field is required."]})
    if not isinstance(email, str):
        raise Invalid({FIELD: [f"The {FIELD} must be a string."]})
    if len(email) > MAX_RECEIVER:
        raise Invalid({FIELD: [f"The {FIELD} may not be longer than {MAX_RECEIVER} characters."]})
    if not email.isascii() or not email.isprintable():
        raise Invalid({FIELD: [f"PayPal does not take the {FIELD}: it is not plain ASCII."]})
    return email


def price(request: Request, account: Account) -> Price:
    """What is asked for by the account's fee policy. Raises Invalid."""
    policy = account.fees
    if request.amount is not None:
        field = "amount"
        price = Price.of_amount(request.amount, policy.of_amount(request.amount))
        least, most = 1 + policy.of_net(1), MAX_ITEM + policy.of_net(MAX_ITEM)
    else:
        net_amount = request.net_amount or 0
        field = "net_amount"
        price = Price.of_net(net_amount, policy.of_net(net_amount) if net_amount > 0 else 0)
        least, most = 1, MAX_ITEM
    if price.net_amount < 1:
        raise Invalid({field: [f"The {field} must be at least {least}."]})
    if account.max_amount is None and price.net_amount > MAX_ITEM:
        raise Invalid({field: [f"The {field} may not be greater than {most}."]})
    return price
