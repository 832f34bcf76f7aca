"""Who pays for a withdrawal, and how much: a percentage, a fixed part and a cap. What is rounded is
rounded once, so that amount = fees + net amount, to the cent, in both directions. Amounts are US
cents."""

from dataclasses import dataclass
from typing import Literal

from payviox.money import percentage

Payer = Literal["sender", "recipient"]


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """The fee that a payout user is quoted. Where the `payer` is the sender, it is nothing and the
    business bears what the rail charges. `percentage_bp` in basis points, below 10,000."""

    payer: Payer = "sender"
    percentage_bp: int = 0
    fixed: int = 0
    cap: int | None = None

    def of_amount(self, amount: int) -> int:
        """The fee on a gross amount; it may exceed it."""
        if self.payer == "sender":
            return 0
        fee = percentage(amount, self.percentage_bp) + self.fixed
        return fee if self.cap is None else min(fee, self.cap)

    def of_net(self, net_amount: int) -> int:
        """The fee on the least gross amount of which exactly `net_amount` is left."""
        low, high = net_amount, net_amount
        while high - self.of_amount(high) < net_amount:
            high = 2 * high + self.fixed + 1
        # What is left never falls, and grows by at most a cent, with each cent of the gross amount.
        while low < high:
            middle = (low + high) // 2
            if middle - self.of_amount(middle) < net_amount:
                low = middle + 1
            else:
                high = middle
        return low - net_amount
