"""A business for a test: opened, funded, with its keys and a client that uses them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from payviox.db.pool import Database
from payviox.treasury import service as treasury
from payviox.web.asgi import Application
from support.ledger import Snapshot, snapshot
from support.machine import stretch


@dataclass
class TestBusiness:
    """One twin of an organization. `tampered` tells the check at the test's end that the test broke
    the ledger on purpose."""

    __test__ = False

    database: Database = field(repr=False)
    application: Application | None = field(repr=False)
    business_id: UUID
    name: str
    mode: str
    secret_key: str
    public_key: str
    twin: "TestBusiness | None" = field(default=None, repr=False)
    tampered: bool = False

    @property
    def client(self) -> httpx.AsyncClient:
        """A client of the application in this process, calling with the secret key."""
        return self.client_with({"Authorization": f"Bearer {self.secret_key}"})

    def client_with(self, headers: Mapping[str, str]) -> httpx.AsyncClient:
        """A client of the application in this process with these headers alone. An error that the
        application lets through is raised here."""
        assert self.application is not None
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.application),  # type: ignore[arg-type]  # ASGI
            base_url="http://payviox.test",
            headers=headers,
            timeout=stretch(60),
        )

    async def create(self, email: str, amount: int, **headers: str) -> httpx.Response:
        """`POST /payout/create`; header names with underscores for dashes."""
        return await self.client.post(
            "/payout/create",
            json={"email": email, "amount": amount},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    async def ledger(self) -> Snapshot:
        """The books as they are, every invariant checked."""
        return await snapshot(self.database, self.business_id)

    async def set(self, **rules: Any) -> None:
        """Switches and rules, as `payviox business set` does it."""
        await self.database.write(treasury.set_rules, self.business_id, rules, "test")

    async def regenerate(self, kind: str = "secret") -> str:
        """A new key; `secret_key` stays the old one."""
        return await self.database.write(treasury.regenerate_key, self.business_id, kind, "test")

    async def scalar(self, query: str, *parameters: object) -> Any:
        """The first column of the first row of a query on the business's database."""

        async def read(connection: Any) -> Any:
            row = await (await connection.execute(query, parameters)).fetchone()
            return row and row[0]

        return await self.database.fetch(read)

    async def rows(self, query: str, *parameters: object) -> list[Any]:
        """The rows of a query on the business's database, whose first parameter is its id."""

        async def read(connection: Any) -> Any:
            cursor = await connection.execute(query, [self.business_id, *parameters])
            return await cursor.fetchall()

        return list(await self.database.fetch(read))


async def open_business(
    database: Database,
    application: Application | None = None,
    *,
    name: str = "ACME",
    funds: int = 0,
    main: int = 0,
    payouts_enabled: bool = True,
    mode: str = "test",
) -> TestBusiness:
    """An organization; answers its twin of `mode`, `funds` cents to pay out and `main` beside."""

    async def open_(connection: Any) -> Any:
        twins = await treasury.open_organization(connection, name, "test")
        chosen = twins[0] if mode == "live" else twins[1]
        business_id = chosen.business.id
        if funds + main:
            await treasury.deposit(connection, business_id, funds + main, "opening", "test")
        if funds:
            await treasury.fund(connection, business_id, funds, "test")
        if payouts_enabled:
            await treasury.set_rules(connection, business_id, {"payouts_enabled": True}, "test")
        return twins

    live, test = [
        TestBusiness(
            database,
            application,
            new.business.id,
            name,
            new.business.mode,
            new.secret_key,
            new.public_key,
        )
        for new in await database.write(open_)
    ]
    live.twin, test.twin = test, live
    return live if mode == "live" else test
