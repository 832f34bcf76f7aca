"""How the sandbox rail can be told to end a payment: one table, from which docs/sandbox.md's is made.
Whatever the table does not list succeeds. Amounts are US cents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from payviox.rails import evm_addresses
from payviox.rails.base import Outcome, Provider

Script = Literal[
    "succeed", "fail", "accept", "unknown", "wait", "retry", "return"
]
"""What the first answer is."""


@dataclass(frozen=True, slots=True)
class Ending:
    """One way for a payment to end.

    `number`: amounts whose last four digits are this, and crypto addresses that end in `dead` and
    this. `name` names the PayPal local part and the gift card. `first` is the answer to the call,
    `then` the answer to look-ups once `after_s` seconds have passed; until then they say `meanwhile`.
    """

    number: int
    name: str
    story: str
    first: Outcome
    then: Outcome
    after_s: float = 0.0
    keeps: bool = True

    def at_once(self, reference: str) -> Outcome:
        """The answer to the call. The first attempt alone fails where another is to succeed."""
        if self.first.retryable and not reference.endswith(".1"):
            return SUCCEEDED
        return self.first

    def later(self, reference: str, age_s: float) -> Outcome:
        """The answer to a look-up of a payment so old."""
        if age_s >= self.after_s:
            return self.at_once(reference) if self.first.retryable else self.then
        return self.first

    @property
    def local_part(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        return evm_addresses.checksummed(f"0x{self.number:040d}".replace("0x0000", "0xdead", 1))

    @property
    def product_id(self) -> str:
        return f"sandbox_{self.name.replace('-', '_')}"
