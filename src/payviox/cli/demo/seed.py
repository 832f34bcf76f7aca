"""What the demo starts with: a test business with money, payout users, gift cards in stock and
orders in every state that lasts. Made once; demo_kept.py keeps its keys and makes them good.
"""

import io
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from uuid import UUID

from payviox import actors, ids
from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Allocated, Item
from payviox.auth import operators
from payviox.businesses import service as businesses
from payviox.cli.runtime import Runtime
from payviox.db.pool import Connection
from payviox.giftcards import importing
from payviox.giftcards import service as giftcards
from payviox.giftcards.csv_file import read_cards
from payviox.giftcards.model import OUT_OF_STOCK
from payviox.rails.orders import Provider, Request
from payviox.treasury import service as treasury
from payviox.webhooks import settings as webhooks
from payviox.webhooks.events import TYPES
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order

ACTOR = actors.command()
DEPOSIT, FUNDS = 10_000_000, 5_000_000
"""In cents: what is deposited, and what of it is moved to the payout balance."""

LOW = 1_000_000
"""A payout balance below this many cents is filled up at a start."""

RULES: Mapping[str, object] = {"payouts_enabled": True, "review_amount": 20_000, "notify": True}

ADA, GRACE, ALAN = "ada@example.com", "grace@example.com", "alan@example.com"
TOLD = 2_500
"""Of what Ada is paid, the part that a mail tells her of."""

PEOPLE = {ADA: 15_000, GRACE: 120_000, ALAN: 4_200}
CARDS = (
    ("Coffee card $10", "Blue Cup", "US", "10.00", "USD", 1_000),
    ("Bookshop card $25", "Paper & Ink", "US", "25.00", "USD", 2_500),
)
CARDS_EACH = 20
OPERATOR = "demo@example.com"
"""Who may sign in to the dashboard."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An order to make: whose, how many cents, by which provider, to where, and what an operator
    does then."""

    email: str
    amount: int
    provider: Provider
    destination: Mapping[str, Any]
    then: Literal["reject", "cancel"] | None = None


def _paypal(amount: int, to: str, then: Literal["reject", "cancel"] | None = None) -> Wish:
    return Wish(GRACE, amount, "paypal", {"email": f"{to}@example.com"}, then)


CRYPTO = {
    "currency": "USDT",
    "chain": "ERC20",
    "to_address": "0x52908400098527886E0F7030069857D2E4169EE7",
}
ORDERS = (
    _paypal(5_000, "grace"),
    Wish(GRACE, 10_000, "crypto", CRYPTO),
    _paypal(2_100, "fail"),
    _paypal(2_200, "slow"),
    _paypal(2_300, "unknown-succeeded"),
    _paypal(2_400, "returned"),
    _paypal(2_500, "float-empty"),
    _paypal(25_000, "grace"),
    _paypal(21_000, "grace", "reject"),
    _paypal(22_000, "grace", "cancel"),
)
"""The sandbox ends a payment as its PayPal address asks: see docs/sandbox.md."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo business, as its file keeps it. `ada` is a payout user's hash; `webhook_url` is
    where the receiver listened last."""

    business_id: str
    secret_key: str = field(repr=False)
    public_key: str = field(repr=False)
    webhook_token: str = field(repr=False)
    ada: str = field(repr=False)
    webhook_url: str = ""
    password: str = field(default="", repr=False)
    """Of the demo's operator, OPERATOR; empty in a file of an earlier version."""

    @property
    def id(self) -> UUID:
        business_id = ids.parse(ids.BUSINESS, self.business_id)
        if business_id is None:
            raise ValueError("no business id")
        return business_id


def webhook_changes(url: str) -> dict[str, object]:
    """The demo's webhook, as settings are changed: every event goes to the receiver."""
    return {"url": url, "enabled": True, "events": TYPES}


async def make(runtime: Runtime, webhook_url: str) -> Demo:
    """Seed a new business. Cut off half-way, the next start makes another one."""
    database = runtime.database
    _, made = await database.write(treasury.open_organization, "Acme", ACTOR)
    business_id = made.business.id
    await database.write(treasury.set_rules, business_id, RULES, ACTOR)
    await database.write(fill_up, business_id)
    changes = webhook_changes(webhook_url)
    _, token = await database.write(
        lambda db: webhooks.change(
            db, business_id, changes, runtime.keyring, ACTOR, allow_private=True
        )
    )
    users = await _allocate(runtime, business_id)
    await _import_cards(runtime, business_id)
    await _withdraw(runtime, business_id, users)
    return Demo(
        ids.show(ids.BUSINESS, business_id),
        made.secret_key,
        made.public_key,
        token or "",
        users[ADA].hash,
        webhook_url,
        await database.write(give_password),
    )


async def give_password(connection: Connection) -> str:
    """A fresh password of the demo's operator, who is made where there is none."""
    password = secrets.token_urlsafe(12)
    known = await operators.list_all(connection)
    if OPERATOR in {each.email for each in known}:
        await operators.set_password(connection, OPERATOR, password, ACTOR)
    else:
        await operators.create(connection, OPERATOR, password, ACTOR, is_admin=True)
    return password


async def fill_up(connection: Connection, business_id: UUID) -> bool:
    """Deposit and fund where the payout balance is low; answers whether it was."""
    now = await treasury.balances(connection, business_id)
    if now.payout_balance >= LOW:
        return False
    reference = f"demo-{ids.new()}"
    await treasury.deposit(connection, business_id, DEPOSIT, reference, ACTOR)
    await treasury.fund(connection, business_id, FUNDS, ACTOR)
    return True


async def _allocate(runtime: Runtime, business_id: UUID) -> dict[str, Allocated]:
    batcher = Batcher(runtime.database, runtime.keyring)
    items = [Item(email, amount) for email, amount in PEOPLE.items() if email != ADA]
    items += [Item(ADA, PEOPLE[ADA] - TOLD, notify=False), Item(ADA, TOLD)]
    outcomes = await batcher.submit(business_id, items)
    allocated = {}
    for item, outcome in zip(items, outcomes, strict=True):
        if not isinstance(outcome, Allocated):
            raise outcome
        allocated[item.email] = outcome
    return allocated


async def _import_cards(runtime: Runtime, business_id: UUID) -> None:
    header = "product,brand,country,face value,currency,price,code"
    lines = [
        ",".join([*map(str, card), f"DEMO-{secrets.token_hex(6).upper()}"])
        for card in CARDS
        for _ in range(CARDS_EACH)
    ]
    rows = read_cards(io.BytesIO("\n".join([header, *lines]).encode()))
    await importing.import_cards(
        runtime.database,
        runtime.keyring,
        business_id,
        rows,
        ACTOR,
        importing.say_nothing,
        lambda db: withdrawals.stop_waiting(db, business_id, OUT_OF_STOCK),
    )


async def _withdraw(runtime: Runtime, business_id: UUID, users: dict[str, Allocated]) -> None:
    """Orders for the worker to find; the operator's decisions are taken at once."""
    products = await runtime.database.fetch(giftcards.catalogue, business_id)
    card = next(product for product in products if product.price == CARDS[0][-1])
    bought = Wish(ALAN, card.price, "gift_card", {"product": card.shown_id})
    for wish in (*ORDERS, bought):
        order = await _order(runtime, business_id, UUID(users[wish.email].user_id), wish)
        if wish.then is not None:
            await runtime.database.write(partial(_decide, order, wish.then))


async def _order(runtime: Runtime, business_id: UUID, user_id: UUID, wish: Wish) -> Order:
    business = await runtime.database.fetch(businesses.get, business_id)
    request = Request(business_id, wish.provider, wish.destination, amount=wish.amount)
    async with runtime.rails() as rails:
        rail = await rails.serving(business, wish.provider, wish.destination)
        ready = await rail.validate(ids.new(), await rail.quote(request), request, wish.email)
    return await runtime.database.write(withdrawals.create, user_id, ready)


async def _decide(order: Order, verb: str, connection: Connection) -> None:
    if verb == "cancel":
        await withdrawals.cancel(connection, order.business_id, order.id, ACTOR)
    else:
        note = "This is what a rejected order looks like."
        await withdrawals.reject(connection, order.business_id, order.id, ACTOR, note)
