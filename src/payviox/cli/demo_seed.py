"""What the demo starts with: a test business with money, payout users, gift cards in stock and
orders in every state that lasts. Made once; its keys are kept in a file that only its owner reads.
"""

import io
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec

from payviox import ids, wiring
from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Allocated, Item
from payviox.auth import keys
from payviox.businesses import service as businesses
from payviox.cli.runtime import Runtime
from payviox.db.embedded.layout import write_private
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.giftcards import importing
from payviox.giftcards import service as giftcards
from payviox.giftcards.csv_file import read_cards
from payviox.rails.base import Provider, Request
from payviox.treasury import service as treasury
from payviox.webhooks import settings as webhooks
from payviox.webhooks.events import TYPES
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order

ACTOR = "demo"
DEPOSIT, FUNDS = 10_000_000, 5_000_000
"""In cents; the payout balance is filled up again at every start."""

REVIEW_AMOUNT = 20_000

ADA, GRACE, ALAN = "ada@example.com", "grace@example.com", "alan@example.com"
PEOPLE = {ADA: 15_000, GRACE: 120_000, ALAN: 4_200}
CARDS = (
    ("Coffee card $10", "Blue Cup", "US", "10.00", "USD", 1_000),
    ("Bookshop card $25", "Paper & Ink", "US", "25.00", "USD", 2_500),
)
CARDS_EACH = 20


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
    """The demo business, as its file keeps it. `ada` is a payout user's hash."""

    business_id: str
    secret_key: str = field(repr=False)
    public_key: str = field(repr=False)
    webhook_token: str = field(repr=False)
    ada: str = field(repr=False)

    @property
    def id(self) -> UUID:
        found = ids.parse(ids.BUSINESS, self.business_id)
        if found is None:
            raise ValueError("no business id")
        return found


async def demo_business(runtime: Runtime, webhook_url: str) -> Demo:
    """The demo business of this installation: made at the first start, found at the others. Its
    webhooks go to where the receiver listens this time."""
    path = runtime.settings.home / "demo.json"
    demo = await _kept(runtime, path)
    if demo is None:
        demo = await _make(runtime, webhook_url)
    else:
        await _point_webhook(runtime, demo.id, webhook_url)
        demo = await runtime.database.write(partial(_as_new, demo))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, msgspec.json.encode(asdict(demo)).decode())
    return demo


async def _point_webhook(runtime: Runtime, business_id: UUID, url: str) -> str:
    """The webhook's token, where it is a new one."""
    changes = {"url": url, "enabled": True, "events": TYPES}
    _, token = await runtime.database.write(
        lambda db: webhooks.change(db, business_id, changes, runtime.keyring, allow_private=True)
    )
    return token or ""


async def _kept(runtime: Runtime, path: Path) -> Demo | None:
    """None before the first start, and where the file is not of this database."""
    try:
        demo = msgspec.json.decode(path.read_bytes(), type=Demo)  # noqa: ASYNC240  # nobody waits
        await runtime.database.fetch(lambda db: businesses.get(db, demo.id))
    except (FileNotFoundError, msgspec.MsgspecError, ValueError, NotFound):
        return None
    return demo


async def _make(runtime: Runtime, webhook_url: str) -> Demo:
    """Seed a new business. Cut off half-way, the next start makes another one."""
    database = runtime.database
    _, made = await database.write(lambda db: treasury.open_organization(db, "Demo"))
    business_id = made.business.id
    await database.write(lambda db: _open_for_payouts(db, business_id))
    token = await _point_webhook(runtime, business_id, webhook_url)
    users = await _allocate(runtime, business_id)
    await _import_cards(runtime, business_id)
    await _withdraw(runtime, business_id, users)
    return Demo(
        ids.show(ids.BUSINESS, business_id),
        made.secret_key,
        made.public_key,
        token,
        users[ADA].hash,
    )


async def _open_for_payouts(connection: Connection, business_id: UUID) -> None:
    changes = {"payouts_enabled": True, "review_amount": REVIEW_AMOUNT}
    await treasury.set_rules(connection, business_id, changes, ACTOR)
    await _fill_up(connection, business_id)


async def _as_new(demo: Demo, connection: Connection) -> Demo:
    """Whatever was tried out on it: the call that the demo prints works again."""
    await _open_for_payouts(connection, demo.id)
    if await keys.find_business(connection, demo.secret_key) is not None:
        return demo
    key = await treasury.regenerate_key(connection, demo.id, "secret", ACTOR)
    return replace(demo, secret_key=key)


async def _fill_up(connection: Connection, business_id: UUID) -> None:
    now = await treasury.balances(connection, business_id)
    if now.payout_balance < FUNDS:
        reference = f"demo-{ids.new()}"
        await treasury.deposit(connection, business_id, DEPOSIT, reference, ACTOR)
        await treasury.fund(connection, business_id, FUNDS, ACTOR)


async def _allocate(runtime: Runtime, business_id: UUID) -> dict[str, Allocated]:
    batcher = Batcher(runtime.database, runtime.keyring)
    items = [Item(email, amount) for email, amount in PEOPLE.items()]
    outcomes = await batcher.submit(business_id, items)
    found = {}
    for item, outcome in zip(items, outcomes, strict=True):
        if not isinstance(outcome, Allocated):
            raise outcome
        found[item.email] = outcome
    return found


async def _import_cards(runtime: Runtime, business_id: UUID) -> None:
    header = "product,brand,country,face value,currency,price,code"
    lines = [
        ",".join([*map(str, card), f"DEMO-{secrets.token_hex(6).upper()}"])
        for card in CARDS
        for _ in range(CARDS_EACH)
    ]
    rows = read_cards(io.BytesIO("\n".join([header, *lines]).encode()))
    await importing.import_cards(
        runtime.database, runtime.keyring, business_id, rows, lambda _: None
    )


async def _withdraw(runtime: Runtime, business_id: UUID, users: dict[str, Allocated]) -> None:
    """Orders for the worker to find; the operator's decisions are taken at once."""
    products = await runtime.database.fetch(lambda db: giftcards.catalogue(db, business_id))
    card = next(product for product in products if product.price == CARDS[0][-1])
    bought = Wish(ALAN, card.price, "gift_card", {"product": card.shown_id})
    for wish in (*ORDERS, bought):
        order = await _order(runtime, business_id, UUID(users[wish.email].user_id), wish)
        if wish.then is not None:
            await runtime.database.write(partial(_decide, order, wish.then))


async def _order(runtime: Runtime, business_id: UUID, user_id: UUID, wish: Wish) -> Order:
    business = await runtime.database.fetch(lambda db: businesses.get(db, business_id))
    rail = wiring.rails(runtime.database).serving(business, wish.provider, wish.destination)
    request = Request(business_id, wish.provider, wish.destination, amount=wish.amount)
    ready = await rail.validate(ids.new(), await rail.quote(request), request, wish.email)
    return await runtime.database.write(
        lambda db: withdrawals.create(db, business, user_id, rail.name, ready)
    )


async def _decide(order: Order, verb: str, connection: Connection) -> None:
    if verb == "cancel":
        await withdrawals.cancel(connection, order.business_id, order.id, ACTOR)
    else:
        note = "This is what a rejected order looks like."
        await withdrawals.reject(connection, order.business_id, order.id, ACTOR, note)
