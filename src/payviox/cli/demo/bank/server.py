"""The demo's bank beside the demo's other processes, and the account there that the demo business
pays from."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from payviox.cli.demo.bank.accounts import (
    ACCOUNT_NUMBER,
    COMPANY_ID,
    IBAN,
    ROUTING_NUMBER,
    DemoAccounts,
)
from payviox.cli.demo.bank.pages import BankPages
from payviox.cli.demo.seed import ACTOR
from payviox.cli.runtime import Runtime
from payviox.db.pool import Connection
from payviox.keyring import Keyring
from payviox.rail_accounts import service
from payviox.rail_accounts.model import Changes
from payviox.rates import service as rates
from payviox.rates.model import MOST_HOURS

SETTINGS = {
    "schemes": "sepa, ach",
    "name": "ACME",
    "iban": IBAN,
    "rate_source": "fixed",
    "company_id": COMPANY_ID,
    "originating_dfi": ROUTING_NUMBER,
    "account_number": ACCOUNT_NUMBER,
    "success": "booked",
    "release": "download",
}
DOLLARS_A_EURO = Decimal("1.08")
"""What the demo says that a euro is worth."""


class DemoBank:
    """Takes files and states accounts for as long as the demo runs; what it did is kept."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "demo-bank"
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen; answers the address of the bank's page."""
        accounts = DemoAccounts(self._folder, datetime.now(UTC).date())
        self._server, address = await BankPages(accounts).start()
        return address

    async def connect(self, runtime: Runtime, business_id: UUID) -> None:
        """The business pays from its accounts here, unless it has one of its own; a euro has a
        rate for a week from each start."""
        await runtime.database.write(_connect, runtime.keyring, business_id)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()


async def _connect(connection: Connection, keyring: Keyring, business_id: UUID) -> None:
    if await service.find(connection, business_id, "bank") is None:
        changes = Changes(settings=SETTINGS)
        await service.connect(connection, keyring, business_id, "bank", changes, {}, ACTOR)
    await rates.set_fixed(connection, "EUR", DOLLARS_A_EURO, MOST_HOURS, ACTOR)
