"""A vendor whose payments wait until their payees claim them, can be taken back until then, and
that calls back: what PayPal does with an address that has no account."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest

from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Account, Callback, Forged, Named, Outcome, RailError
from support.vendor import Vendor

KEY = b"the vendor's webhook key"


class UnclaimedVendor(Vendor):
    """Implements TakesBack and CallsBack too. What it accepts (`plan`) is unclaimed until `claim`.
    `refuses` to take back, or takes back and `loses` the answer, or is `away` when it is to verify
    a callback. `known_as` is each call's reference with the vendor's id that came with it."""

    def __init__(self, remembers_s: float | None = None) -> None:
        super().__init__(remembers_s)
        self.claimed: set[str] = set()
        self.given_back: set[str] = set()
        self.asked_back: list[str] = []
        self.known_as: list[tuple[str, str | None]] = []
        self.refuses = False
        self.loses = False
        self.away = False

    def claim(self, reference: str) -> None:
        """The payee takes it."""
        self.books[reference] = "paid"
        self.claimed.add(reference)

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        self.known_as.append((reference, order.rail_order_id))
        return await super().submit(order, reference)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        self.known_as.append((reference, order.rail_order_id))
        return await super().look_up(order, reference)

    async def take_back(self, order: ReadyOrder, reference: str) -> Outcome:
        self.asked_back.append(reference)
        if self.books.get(reference) == "pending" and not self.refuses:
            self.books[reference] = "failed"
            self.given_back.add(reference)
        return Outcome("unknown") if self.loses else self._tell(reference)

    async def parse_callback(
        self, account: Account, headers: Mapping[str, str], body: bytes
    ) -> Callback:
        if self.away:
            raise RailError("the vendor's certificate cannot be fetched")
        if not hmac.compare_digest(headers.get("vendor-signature", ""), signature(body)):
            raise Forged("the signature is not the vendor's")
        told = json.loads(body)
        named = zip_longest(told["references"], told["rail_order_ids"])
        return Callback(told["id"], tuple(Named(*both) for both in named))

    def _tell(self, reference: str) -> Outcome:
        if reference in self.given_back:
            return Outcome("canceled", rail_order_id=rail_id(reference))
        if self.books.get(reference) == "pending":
            return Outcome("accepted", waiting="unclaimed", rail_order_id=rail_id(reference))
        told = super()._tell(reference)
        known = reference in self.books
        return replace(told, rail_order_id=rail_id(reference)) if known else told


def rail_id(reference: str) -> str:
    """The vendor's own id of what it was sent under this reference."""
    return f"V-{reference.removeprefix('ord_')}"


def signature(body: bytes) -> str:
    return hmac.new(KEY, body, hashlib.sha256).hexdigest()
