"""A business that is connected to a simulated PayPal, with payout users who withdraw through the
API. Import the fixtures `running` and `office` into a test's file."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from conftest import MakeBusiness
from payviox import ids
from payviox.rail_accounts import service as rail_accounts
from payviox.rail_accounts.directory import Directory
from payviox.rail_accounts.model import Changes
from payviox.rails.orders import ReadyOrder
from payviox.rails.paypal.rail import PayPalRail
from payviox.rails.protocol import Account
from payviox.web.context import Services
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.simulator import PAYPAL_WEBHOOK, Books, Payment, Simulator
from support.withdrawals import Desk

FUNDS = 1_000_000
SECRET = "a secret of the app's"


@dataclass
class Payee:
    """A payout user. The simulated course of their withdrawals goes by their PayPal address."""

    email: str
    client: httpx.AsyncClient

    async def balance(self) -> int:
        return int((await self.client.get("/payout/operations")).json()["balance"])

    async def see(self, order: Order) -> dict[str, Any]:
        answer = await self.client.get(f"/payout/withdrawals/{ids.show(ids.ORDER, order.id)}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def cancel(self, order: Order) -> httpx.Response:
        path = f"/payout/withdrawals/{ids.show(ids.ORDER, order.id)}/cancel"
        return await self.client.post(path)


@dataclass
class Office:
    """The business, its account at PayPal, and its worker."""

    simulator: Simulator
    client_id: str
    business: TestBusiness
    services: Services = field(repr=False)
    desk: Desk

    @property
    def rail(self) -> PayPalRail:
        rail: object = self.services.rails.named("paypal")
        assert isinstance(rail, PayPalRail)
        return rail

    async def connect(self, secret: str = SECRET, **changes: Any) -> None:
        """Connect the account, or change it: columns, and settings by their names."""
        names = ("client_id", "webhook_id", "base_url")
        settings = {
            "client_id": self.client_id,
            "webhook_id": PAYPAL_WEBHOOK,
            "base_url": self.simulator.paypal_url,
        } | {name: changes.pop(name) for name in names if name in changes}
        await self.business.database.write(
            rail_accounts.connect,
            self.services.keyring,
            self.business.business_id,
            "paypal",
            Changes(changes, settings),
            {"client_secret": secret},
            "test",
        )

    async def account(self) -> Account:
        directory = Directory(self.business.database, self.services.keyring)
        found = await directory.find(self.business.business_id, "paypal")
        assert found is not None
        return found

    async def payee(self, course: str = "success", cents: int = 10_000) -> Payee:
        """A payout user with this balance."""
        email = f"{course}@{uuid4().hex}.example.com"
        answer = await self.business.create(email, cents)
        client = self.business.client_with({"X-Payout-Hash": answer.json()["hash"]})
        return Payee(email, client)

    async def withdraw(self, payee: Payee, amount: int = 2_500, **body: Any) -> Order:
        """An order, made through the API, to the payee's own address."""
        asked = {"provider": "paypal", "paypal": {"email": payee.email}, "amount": amount}
        answer = await payee.client.post("/payout/withdraw", json=asked | body)
        assert answer.status_code == 201, answer.text
        order_id = ids.parse(ids.ORDER, answer.json()["id"])
        assert order_id is not None
        business_id = self.business.business_id
        return await self.business.database.fetch(withdrawals.get, business_id, order_id)

    def ready(self, payee: str = "success@example.com", net_amount: int = 987) -> ReadyOrder:
        """An order that nobody has made, to drive the rail with."""
        destination = {"email": payee}
        business_id = self.business.business_id
        return ReadyOrder(
            business_id,
            ids.new(),
            "paypal",
            "paypal",
            net_amount,
            0,
            net_amount,
            destination,
            payee,
        )

    def known(self, order: ReadyOrder, batch_id: str | None) -> ReadyOrder:
        return replace(order, rail_order_id=batch_id)

    def books(self) -> Books:
        return self.simulator.books()

    def payments(self, order: Order | ReadyOrder) -> list[Payment]:
        """What PayPal did about this order, over all attempts."""
        order_id = order.id if isinstance(order, Order) else order.order_id
        return self.books().of(ids.show(ids.ORDER, order_id))

    def paid(self, order: Order | ReadyOrder) -> int:
        """How often the payee was paid, less how often it came back."""
        return sum(one.times_paid - one.times_returned for one in self.payments(order))

    def available(self) -> int:
        return self.books().balance("paypal", self.client_id)

    async def run(self, order: Order, *, days: int = 4) -> Order:
        """Let days go by, here and at PayPal."""
        for _ in range(days):
            await self.desk.process()
            await self.go_on(order)
            self.simulator.advance(days=1)
            await self.desk.hurry(age_s=86_400)
        await self.desk.process()
        return await self.desk.get(order)

    async def go_on(self, order: Order, *, times: int = 1, age_s: float = 120) -> Order:
        """Whatever is scheduled is due, so many times."""
        for _ in range(times):
            await self.desk.hurry(age_s=age_s)
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


def reference(order: ReadyOrder, attempt: int = 1) -> str:
    return f"{ids.show(ids.ORDER, order.order_id)}.{attempt}"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    """One simulator for a test file. Tests keep out of one another's way by an account each."""
    simulator = Simulator()
    try:
        yield simulator
    finally:
        simulator.close()


@pytest.fixture
async def office(
    running: Simulator,
    make_business: MakeBusiness,
    services: Services,
) -> Office:
    """Connected, with $10,000 at PayPal, which charges 2 %."""
    running.reset()
    running.forget()
    client_id = f"client-{uuid4().hex}"
    running.paypal_account(client_id, secret=SECRET, balance=FUNDS, fee_bp=200, fee_cap=2_000)
    business = await make_business(funds=1_000_000, main=1_000_000)
    office = Office(running, client_id, business, services, Desk.of(business, services.rails))
    await office.connect()
    return office
