"""A business that is connected to a simulated Tremendous, with payout users who buy gift cards
there through the API. Import the fixtures `running` and `shop` into a test's file."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from conftest import MakeBusiness
from payviox import ids
from payviox.db.pool import Connection
from payviox.rail_accounts import owners
from payviox.rail_accounts import service as rail_accounts
from payviox.rail_accounts.directory import Directory
from payviox.rail_accounts.model import Changes
from payviox.rails.protocol import Account, RailError
from payviox.rails.tremendous import client
from payviox.rails.tremendous.rail import TremendousRail
from payviox.web.context import Services
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.simulator import TREMENDOUS_FUNDING_SOURCE, TREMENDOUS_WEBHOOK_KEY, Books, Simulator
from support.withdrawals import Desk

ANY_VALUE = "trm_OKMHM2X2OHYV"
"""From a cent to $2,000."""

FIXED = "trm_FIXEDQ7W8E9R"
"""$10, $25 or $50."""

FUNDS = 1_000_000
MARK = "rewards/payout"
"""What every link has in it."""


@dataclass
class Shopper:
    """A payout user. The simulated course of their orders goes by their address."""

    email: str
    client: httpx.AsyncClient

    async def balance(self) -> int:
        return int((await self.client.get("/payout/operations")).json()["balance"])

    async def see(self, order: Order) -> dict[str, Any]:
        answer = await self.client.get(f"/payout/withdrawals/{ids.show(ids.ORDER, order.id)}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def reveal(self, order: Order, **headers: str) -> httpx.Response:
        path = f"/payout/withdrawals/{ids.show(ids.ORDER, order.id)}/reveal"
        return await self.client.post(path, headers=headers)


@dataclass
class Shop:
    """The business, its account at the vendor, and its worker."""

    simulator: Simulator
    api_key: str
    business: TestBusiness
    services: Services = field(repr=False)
    desk: Desk

    @property
    def rail(self) -> TremendousRail:
        rail: object = self.services.rails.named("tremendous")
        assert isinstance(rail, TremendousRail)
        return rail

    async def connect(self, credentials: dict[str, str] | None = None, **changes: Any) -> None:
        """Connect the account, or change it: columns, and settings by their names."""
        names = ("funding_source_id", "campaign_id", "base_url")
        settings = {
            "funding_source_id": TREMENDOUS_FUNDING_SOURCE,
            "base_url": self.simulator.tremendous_url,
        } | {name: changes.pop(name) for name in names if name in changes}
        given = {"api_key": self.api_key, "webhook_key": TREMENDOUS_WEBHOOK_KEY}
        secrets = given if credentials is None else credentials
        asked = Changes(changes, settings)
        account = await self.business.database.fetch(
            rail_accounts.candidate,
            self.services.keyring,
            self.business.business_id,
            "tremendous",
            asked,
            secrets,
        )
        with contextlib.suppress(RailError):
            asked = await owners.ask(self.rail, "tremendous", account, asked)
        await self.business.database.write(
            rail_accounts.connect,
            self.services.keyring,
            self.business.business_id,
            "tremendous",
            asked,
            secrets,
            "test",
        )

    async def switch(self, *, enabled: bool) -> None:
        business_id = self.business.business_id
        await self.business.database.write(
            lambda db: rail_accounts.switch(db, business_id, "tremendous", "test", enabled=enabled)
        )

    async def account(self) -> Account:
        directory = Directory(self.business.database, self.services.keyring)
        found = await directory.find(self.business.business_id, "tremendous")
        assert found is not None
        return found

    async def shopper(self, course: str = "executed", cents: int = 10_000) -> Shopper:
        """A payout user with this balance."""
        email = f"{course}@{uuid4().hex}.example.com"
        answer = await self.business.create(email, cents)
        client = self.business.client_with({"X-Payout-Hash": answer.json()["hash"]})
        return Shopper(email, client)

    async def buy(self, shopper: Shopper, amount: int = 2_500, **body: Any) -> Order:
        """An order, made through the API."""
        asked = {"provider": "gift_card", "gift_card": {"product": ANY_VALUE}, "amount": amount}
        answer = await shopper.client.post("/payout/withdraw", json=asked | body)
        assert answer.status_code == 201, answer.text
        order_id = ids.parse(ids.ORDER, answer.json()["id"])
        assert order_id is not None
        business_id = self.business.business_id
        return await self.business.database.fetch(withdrawals.get, business_id, order_id)

    def books(self) -> Books:
        return self.simulator.books()

    def paid(self, order: Order) -> int:
        """How often the vendor paid this order, over all attempts."""
        return self.books().times_paid(ids.show(ids.ORDER, order.id))

    def float(self) -> int:
        return self.books().balance("tremendous", self.api_key)

    async def run(self, order: Order, *, days: int = 4) -> Order:
        """Let days go by, here and at the vendor."""
        for _ in range(days):
            await self.desk.process()
            self.simulator.advance(days=1)
            await self.desk.hurry(age_s=86_400)
        await self.desk.process()
        return await self.desk.get(order)

    async def alerts(self, action: str) -> int:
        return int(
            await self.business.scalar(
                "SELECT count(*) FROM audit_entries WHERE business_id = %s AND act = %s",
                self.business.business_id,
                action,
            )
        )

    async def tables_with(self, text: str) -> list[str]:
        """The tables in which it is, as text or as bytes."""
        return await self.business.database.fetch(_tables_with, text)


async def _tables_with(db: Connection, text: str) -> list[str]:
    cursor = await db.execute(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE nspname = 'public' AND relkind = 'r'"
        " AND has_table_privilege(c.oid, 'SELECT') ORDER BY relname"
    )
    found = []
    for (table,) in await cursor.fetchall():
        hit = await db.execute(
            f'SELECT 1 FROM "{table}" t WHERE t::text LIKE %s OR t::text LIKE %s LIMIT 1',
            [f"%{text}%", f"%{text.encode().hex()}%"],
        )
        if await hit.fetchone():
            found.append(str(table))
    return found


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    """One simulator for a test file. Tests keep out of one another's way by an account each."""
    simulator = Simulator()
    try:
        yield simulator
    finally:
        simulator.close()


@pytest.fixture
async def shop(
    running: Simulator,
    make_business: MakeBusiness,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    """Connected, with $10,000 at the vendor, which charges 2.5 %. At the end no link is found
    anywhere in the database."""
    monkeypatch.setattr(client, "INTERVAL_S", 0.001)
    running.reset()
    running.forget()
    api_key = f"TEST_{uuid4().hex}"
    running.tremendous_account(api_key, balance=FUNDS, fee_bp=250)
    business = await make_business(funds=1_000_000, main=1_000_000)
    shop = Shop(running, api_key, business, services, Desk.of(business, services.rails))
    await shop.connect()
    yield shop
    assert await shop.tables_with(MARK) == []
