"""PayPal's books: accounts, batches, items, and the money that moves as an item's status does."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from . import paypal_courses as courses
from .clock import Agenda
from .money import share
from .paypal_courses import BATCHES, DAY, Rule, Step

REMEMBERED_S = 30 * DAY
"""How long a sender_batch_id is refused a second time."""

CLAIMABLE_S = 30 * DAY

HELD = {"PENDING", "UNCLAIMED", "ONHOLD", "ON_HOLD"}
PAID = {"SUCCESS"}
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass
class Account:
    """A sender. `dry` says what happens without funds: `refuse` the call, or `deny` the batch.
    A batch is processed `processing_s` after it was accepted, and cannot be seen before
    `shows_after_s`. None in `posts_per_minute`: no limit."""

    client_id: str
    secret: str
    balance: int = 1_000_000_00
    webhook_id: str = "WEBHOOKSIMULATOR1"
    callback_url: str | None = None
    fee_bp: int = 200
    fee_cap: int | None = 20_00
    dry: str = "refuse"
    processing_s: float = 0.0
    shows_after_s: float = 0.0
    token_s: int = 32_400
    posts_per_minute: int | None = None
    reporting: bool = True
    course: str | None = None
    tokens: dict[str, float] = field(default_factory=dict)
    posts: list[float] = field(default_factory=list)
    put_in: int = 0


@dataclass
class Item:
    """One payment. `history` has the statuses with their times."""

    id: str
    batch: "Batch" = field(repr=False)
    sent: dict[str, Any]
    amount: int
    fee: int
    status: str = "PENDING"
    error: str | None = None
    steps: list[Step] = field(default_factory=list)
    money_out: bool = False
    fee_taken: int = 0
    times_paid: int = 0
    times_returned: int = 0
    changed: float = 0.0
    transaction_id: str | None = None
    history: list[tuple[float, str]] = field(default_factory=list)
    turn: int = 0

    @property
    def reference(self) -> str:
        return str(self.sent.get("sender_item_id") or "")


@dataclass
class Batch:
    """A call's items."""

    id: str
    account: Account = field(repr=False)
    header: dict[str, Any]
    created: float
    items: list[Item] = field(default_factory=list)
    status: str = "PENDING"
    completed: float | None = None

    @property
    def sender_batch_id(self) -> str | None:
        found = self.header.get("sender_batch_id")
        return None if found is None else str(found)


@dataclass
class Books:
    """All that PayPal knows. `tell` is called with the name of an event and what it is about."""

    agenda: Agenda
    random: Random
    accounts: dict[str, Account] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    tell: Callable[[str, Batch, Item | None], None] | None = None
    rules: list[Rule] = field(default_factory=list)
    by_sender: dict[tuple[str, str], Batch] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def new_id(self, length: int) -> str:
        start = f"{next(self._numbers):X}S"
        return start + "".join(self.random.choices(ALPHABET, k=length - len(start)))

    def duplicate(self, account: Account, sender_batch_id: str) -> Batch | None:
        """The batch of the last 30 days with this id."""
        found = self.by_sender.get((account.client_id, sender_batch_id))
        if found is None or self.agenda.now() - found.created >= REMEMBERED_S:
            return None
        return found

    def shown(self, account: Account, batch: Batch) -> bool:
        """Whether the account can see a batch, its own, yet."""
        seen_from = batch.created + account.shows_after_s
        return batch.account is account and self.agenda.now() >= seen_from

    def cost(self, account: Account, amounts: list[int]) -> int:
        """What a batch takes from the balance."""
        return sum(amount + share(amount, account.fee_bp, account.fee_cap) for amount in amounts)

    def accept(
        self, account: Account, header: dict[str, Any], sent: list[dict[str, Any]], cents: list[int]
    ) -> Batch:
        """A batch whose body is right. It is processed later."""
        batch = Batch(self.new_id(13), account, header, self.agenda.now())
        self.batches[batch.id] = batch
        if batch.sender_batch_id is not None:
            self.by_sender[account.client_id, batch.sender_batch_id] = batch
        for one, amount in zip(sent, cents, strict=True):
            fee = share(amount, account.fee_bp, account.fee_cap)
            item = Item(self.new_id(13), batch, one, amount, fee, changed=batch.created)
            batch.items.append(item)
            self.items[item.id] = item
        self.agenda.after(account.processing_s / 2, lambda: self._begin(batch))
        return batch

    def move(self, item: Item, status: str, error: str | None = None) -> None:
        """The item's status changes, and the money with it."""
        item.turn += 1
        item.error = error
        self._book(item, status)
        item.status, item.changed = status, self.agenda.now()
        item.history.append((item.changed, status))
        if status == "UNCLAIMED" and not item.steps:
            turn = item.turn
            self.agenda.after(CLAIMABLE_S, lambda: self._send_back(item, turn))
        self._tell(status, item.batch, item)

    def course_of(self, item: Item) -> tuple[Step, ...]:
        receiver = str(item.sent["receiver"])
        for rule in self.rules:
            if rule.matches(receiver, item.reference, item.amount):
                return rule.course
        asked = courses.of_receiver(receiver)
        return asked or courses.read(item.batch.account.course or "success")

    def _tell(self, happening: str, batch: Batch, item: Item | None) -> None:
        if self.tell is not None:
            self.tell(happening, batch, item)

    def _begin(self, batch: Batch) -> None:
        account = batch.account
        asked = [courses.local_part(str(item.sent["receiver"])) for item in batch.items]
        ending = next((BATCHES[local] for local in asked if local in BATCHES), None)
        poor = self.cost(account, [item.amount for item in batch.items]) > account.balance
        if ending is not None or poor:
            batch.status = ending or "DENIED"
            batch.completed = self.agenda.now()
            for item in batch.items:
                self.move(item, "FAILED", "INSUFFICIENT_FUNDS" if poor else "BATCH_DENIED")
            self._tell(f"BATCH {batch.status}", batch, None)
            return
        batch.status = "PROCESSING"
        self._tell("BATCH PROCESSING", batch, None)
        for item in batch.items:
            self._book(item, "PENDING")
        self.agenda.after(account.processing_s / 2, lambda: self._end(batch))

    def _end(self, batch: Batch) -> None:
        for item in batch.items:
            item.steps = list(self.course_of(item))
            self._next_step(item, item.turn)

    def _next_step(self, item: Item, turn: int) -> None:
        # A status that was set by hand ends the course.
        if item.turn != turn or not item.steps:
            return
        step = item.steps[0]
        if step.after_s > 0:
            self.agenda.after(step.after_s, lambda: self._take_step(item, turn))
        else:
            self._take_step(item, turn)

    def _take_step(self, item: Item, turn: int) -> None:
        if item.turn != turn:
            return
        step = item.steps.pop(0)
        self.move(item, step.status, step.error)
        self._settle(item.batch)
        self._next_step(item, item.turn)

    def _settle(self, batch: Batch) -> None:
        """A batch is done once none of its items is pending any more."""
        if batch.status != "PROCESSING" or any(item.status == "PENDING" for item in batch.items):
            return
        batch.status, batch.completed = "SUCCESS", self.agenda.now()
        self._tell("BATCH SUCCESS", batch, None)

    def _send_back(self, item: Item, turn: int) -> None:
        if item.turn == turn and item.status == "UNCLAIMED":
            self.move(item, "RETURNED", item.error)

    def _book(self, item: Item, status: str) -> None:
        account = item.batch.account
        out = status in HELD or status in PAID
        if out and not item.money_out:
            account.balance -= item.amount + item.fee - item.fee_taken
            item.money_out, item.fee_taken = True, item.fee
        if not out and item.money_out:
            keeps_fee = item.status in PAID and status in ("REFUNDED", "REVERSED")
            account.balance += item.amount + (0 if keeps_fee else item.fee_taken)
            item.money_out = False
            item.fee_taken = item.fee_taken if keeps_fee else 0
        if status in PAID and item.status not in PAID:
            item.times_paid += 1
            item.transaction_id = item.transaction_id or self.new_id(17)
        if item.status in PAID and status not in PAID:
            item.times_returned += 1
