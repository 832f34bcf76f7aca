"""An order as rails take it: what is asked for, what it would cost, what was found valid. What is
not validated cannot be submitted: a `ReadyOrder` comes from a rail's `validate`, or from the row
that such a one was kept in. Amounts are US cents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Provider = Literal["paypal", "crypto", "gift_card", "bank"]

BANK_DESTINATION = ("account", "scheme", "country", "name", "masked", "payee")
"""What quotes, orders and saved destinations hold of a bank account: its id (`bac_…`), its holder,
its number masked, and `payee`, which is the same for whoever names that number. The number itself
is in `bank/accounts.py` and nowhere else."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a payout user asks for: an amount to some destination. `destination` is the provider's
    object of the wire contract; an empty one is enough for a quote. Exactly one of `amount` (gross)
    and `net_amount` is given, or neither where a quote was kept."""

    business_id: UUID
    provider: Provider
    destination: Mapping[str, Any]
    amount: int | None = None
    net_amount: int | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What a withdrawal would cost: amount = fees + net_amount."""

    amount: int
    fees: int
    net_amount: int

    @classmethod
    def of_amount(cls, amount: int, fees: int) -> "Price":
        """The price of spending so much; the fees are taken from it."""
        return Price(amount, fees, amount - fees)

    @classmethod
    def of_net(cls, net_amount: int, fees: int) -> "Price":
        """The price of what arrives; the fees come on top."""
        return Price(net_amount + fees, fees, net_amount)

    def quote(self, destination: dict[str, Any], expires_at: datetime) -> "Quote":
        """Promise it for a destination until then."""
        return Quote(self.amount, self.fees, self.net_amount, destination, expires_at)


@dataclass(frozen=True, slots=True)
class Quote(Price):
    """A price that is good until it expires. `destination` is normalised."""

    destination: dict[str, Any]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReadyOrder:
    """A validated order, with the name of the rail that it is for. Only a rail's `validate` makes
    one."""

    business_id: UUID
    order_id: UUID
    provider: Provider
    rail: str
    amount: int
    fees: int
    net_amount: int
    destination: dict[str, Any]
    recipient_email: str
    rail_order_id: str | None = None
    """The rail's own id of the attempt that is looked up, once the rail has told it."""
    given_back: bool = False
    """Whether the payout user has the money again: a look-up may only look, and nothing that would
    still pay is signed or sent."""


class Invalid(Exception):
    """The request cannot be an order: field names (`paypal.email`) with their messages."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        super().__init__("the rail refuses the request")
        self.fields = dict(fields)
