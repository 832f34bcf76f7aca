"""A test business that is connected to every rail: PayPal and Tremendous as the simulator speaks
them, a wallet on a real local chain, the stock, and the sandbox. What each really paid is read from
its own books."""

import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import UUID, uuid4

from eth_account import Account as Keys

from payviox import ids, wiring
from payviox.db.pool import Connection
from payviox.keyring import Keyring
from payviox.rail_accounts import service as rail_accounts
from payviox.rail_accounts.model import Changes, RailName
from payviox.rails.evm.addresses import checksummed
from payviox.rails.orders import Provider
from payviox.withdrawals import listing
from payviox.withdrawals.model import Order
from payviox.withdrawals.routing import Rails
from support import giftcards, live
from support.ageing import bring_forward
from support.anvil import ETHER, Contract, Node
from support.businesses import TestBusiness
from support.simulator import TREMENDOUS_FUNDING_SOURCE, TREMENDOUS_WEBHOOK_KEY, Simulator
from support.withdrawals import Desk

RailNamed = Literal["paypal", "tremendous", "evm", "stock", "sandbox"]
RAILS: tuple[RailNamed, ...] = get_args(RailNamed)

CHAIN = "LOCAL"
CONFIRMATIONS = 2
DECIMALS = {"USDT": 6, "USDC": 18}
PASSPHRASE = "only for tests"
CARD_PRICE = 2_500
ANY_VALUE = "trm_OKMHM2X2OHYV"


@dataclass
class EveryRail:
    """The business, its rails, and the books of those who pay. Amounts in cents."""

    simulator: Simulator = field(repr=False)
    node: Node = field(repr=False)
    tokens: dict[str, Contract] = field(repr=False)
    business: TestBusiness = field(repr=False)
    rails: Rails = field(repr=False)
    desk: Desk = field(repr=False)
    paypal_client: str
    tremendous_key: str
    payees: dict[UUID, tuple[str, str, int]] = field(default_factory=dict)
    """Of each order at the wallet: the token, the address, which no other order pays, and what it
    is to get."""

    async def order(
        self, rail: RailNamed, amount: int, course: str = "success", currency: str = "USDT"
    ) -> Order:
        """An order of a payout user of its own, due to be sent there. At PayPal and Tremendous the
        local part of the payee's address names the course that it takes."""
        email = f"{course}@{uuid4().hex}.example.com"
        user_id = await self.desk.user(amount, email)
        return await self.order_of(user_id, email, rail, amount, currency)

    async def order_of(
        self, user_id: UUID, email: str, rail: RailNamed, amount: int, currency: str = "USDT"
    ) -> Order:
        """The same, of a payout user with this address."""
        [order] = await self.orders_of(user_id, email, rail, [(amount, currency)])
        return order

    async def orders_of(
        self, user_id: UUID, email: str, rail: RailNamed, wanted: Sequence[tuple[int, str]]
    ) -> list[Order]:
        """Orders of one payout user for these amounts and currencies, in one transaction."""
        payees = [checksummed(f"0x{secrets.token_hex(20)}") for _ in wanted]
        destinations = [
            await self._destination(rail, email, to, currency)
            for to, (_, currency) in zip(payees, wanted, strict=True)
        ]
        provider, _ = destinations[0]
        amounts = [amount for amount, _ in wanted]
        asked = list(zip(amounts, [to for _, to in destinations], strict=True))
        orders = await self.desk.create(user_id, await self.desk.ready(asked, provider, email))
        assert {order.rail for order in orders} == {rail}
        if rail == "evm":
            for order, to, (_, currency) in zip(orders, payees, wanted, strict=True):
                self.payees[order.id] = (currency, to, order.net_amount)
        return orders

    async def _destination(
        self, rail: RailNamed, email: str, to: str, currency: str
    ) -> tuple[Provider, dict[str, Any]]:
        match rail:
            case "paypal":
                return "paypal", {"email": email}
            case "tremendous":
                return "gift_card", {"product": ANY_VALUE}
            case "evm":
                return "crypto", {"currency": currency, "chain": CHAIN, "to_address": to}
            case "sandbox":
                return "crypto", {"currency": currency, "chain": "ERC20", "to_address": to}
            case "stock":
                (product,) = await self.business.database.fetch(
                    giftcards.service.catalogue, self.business.business_id
                )
                return "gift_card", {"product": product.shown_id}

    async def times_paid(self, order: Order) -> int:
        """How often the payee of this order has been paid, less how often it came back."""
        return (await self.paid())[order.id]

    async def paid(self) -> Counter[UUID]:
        """The same of every order, by the rails' own books."""
        found: Counter[UUID] = Counter()
        for payment in self.simulator.books().payments:
            order = ids.parse(ids.ORDER, payment.reference.rpartition(".")[0])
            if order is not None and payment.account in (self.paypal_client, self.tremendous_key):
                found[order] += payment.times_paid - payment.times_returned
        for order, (currency, to, amount) in self.payees.items():
            units = amount * 10 ** (DECIMALS[currency] - 2)
            times, rest = divmod(int(self.tokens[currency].read("balanceOf", to)), units)
            assert rest == 0
            found[order] += times
        return found + await self.business.database.fetch(self._own_books)

    async def _own_books(self, db: Connection) -> Counter[UUID]:
        """The stock's and the sandbox's."""
        cards = await db.execute(
            "SELECT order_id FROM gift_cards WHERE business_id = %s AND status = 'delivered'",
            [self.business.business_id],
        )
        found = Counter(row[0] for row in await cards.fetchall())
        payments = await db.execute(
            "SELECT split_part(substr(reference, 5), '.', 1)::uuid FROM sandbox_payments"
            " WHERE business_id = %s",
            [self.business.business_id],
        )
        return found + Counter(row[0] for row in await payments.fetchall())

    async def list(self, status: str) -> list[Order]:
        """Every order in this state."""
        business_id = self.business.business_id
        return await self.business.database.fetch(
            lambda db: listing.list_page(db, business_id, status=status, limit=10**6)
        )

    async def settle(self, order: Order, rounds: int = 30) -> Order:
        """Let time go by, here, at the vendors and on the chain, until nothing is due any more that
        could change the order."""
        for _ in range(rounds):
            await self.desk.process()
            order = await self.desk.get(order)
            if order.status not in ("queued", "sending", "sent", "unknown"):
                return order
            self.pass_time()
            await self.desk.hurry(age_s=120)
        return order

    async def get_older(self, seconds: float) -> None:
        """Whatever is scheduled is due so much earlier, attempts are so much older."""
        await bring_forward(self.business.database, self.business.business_id, seconds)

    def pass_time(self) -> None:
        self.node.mine(CONFIRMATIONS)
        self.simulator.advance(seconds=120)


@asynccontextmanager
async def every_rail(
    simulator: Simulator,
    node: Node,
    business: TestBusiness,
    folder: Path,
    *,
    node_url: str | None = None,
    cards: int = 50,
) -> AsyncIterator[EveryRail]:
    """Connect the business. Its wallet has its own key, in a keystore in the folder; `node_url` is
    another way to the node."""
    client, key = f"client-{uuid4().hex}", f"TEST_{uuid4().hex}"
    simulator.paypal_account(client, secret="secret", webhook_id="HOOK", balance=10**9)
    simulator.tremendous_account(key, balance=10**9, per_second=10**6)
    tokens = {"USDT": node.deploy("ReturnlessToken"), "USDC": node.deploy("StandardToken")}
    wallet = Keys.create()
    node.fund(wallet.address, 1_000 * ETHER)
    for name, token in tokens.items():
        token.write("mint", wallet.address, 10 ** (9 + DECIMALS[name]))
    keystore = folder / f"{uuid4().hex}.json"
    keystore.write_text(json.dumps(Keys.encrypt(wallet.key, PASSPHRASE, "pbkdf2", 2)))
    keystore.chmod(0o600)

    keyring = Keyring(live.SECRET_KEY)
    accounts: dict[RailName, tuple[dict[str, Any], dict[str, str]]] = {
        "paypal": (
            {"client_id": client, "webhook_id": "HOOK", "base_url": simulator.paypal_url},
            {"client_secret": "secret"},
        ),
        "tremendous": (
            {"funding_source_id": TREMENDOUS_FUNDING_SOURCE, "base_url": simulator.tremendous_url},
            {"api_key": key, "webhook_key": TREMENDOUS_WEBHOOK_KEY},
        ),
        "evm": (
            {
                "keystore": str(keystore),
                "address": str(wallet.address),
                "chains": {CHAIN: _chain(node, tokens)},
            },
            {"passphrase": PASSPHRASE, f"rpc:{CHAIN}": node_url or node.url},
        ),
    }
    database = business.database
    for rail, (settings, credentials) in accounts.items():
        await database.write(
            lambda db, rail=rail, settings=settings, credentials=credentials: rail_accounts.connect(  # type: ignore[misc]
                db, keyring, business.business_id, rail, Changes({}, settings), credentials, "test"
            )
        )
    codes = giftcards.csv_of([f"CODE-{number}" for number in range(cards)], price=CARD_PRICE)
    await giftcards.import_text(database, keyring, business.business_id, codes)
    rails = wiring.rails(database, keyring)
    try:
        desk = Desk.of(business, rails)
        yield EveryRail(simulator, node, tokens, business, rails, desk, client, key)
    finally:
        await rails.close()


def _chain(node: Node, tokens: dict[str, Contract]) -> dict[str, Any]:
    until = datetime.now(UTC) + timedelta(days=1)
    return {
        "chain_id": node.chain_id,
        "coin": "ETH",
        "confirmations": CONFIRMATIONS,
        "block_s": 1.0,
        "max_fee_gwei": 100,
        "tokens": {
            name: {"address": token.address, "decimals": DECIMALS[name]}
            for name, token in tokens.items()
        },
        "price": {"rate": "2000", "expires_at": until.isoformat()},
    }
