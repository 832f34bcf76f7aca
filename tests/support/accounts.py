"""Rail accounts for tests, connected below the command line; and a rail at which businesses have
accounts."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.rail_accounts import service
from payviox.rail_accounts.model import Changes, RailAccount, RailName
from payviox.rails.orders import Provider, Quote, ReadyOrder, Request
from payviox.rails.protocol import Account, Finding, GiftCard, RailError, RevealedCode
from support.vendor import Vendor

WALLET = "0x52908400098527886E0F7030069857D2E4169EE7"
LOCAL: dict[str, Any] = {
    "chain_id": 31_337,
    "coin": "ETH",
    "confirmations": 2,
    "block_s": 1.0,
    "max_fee_gwei": 500,
}
SECRETS: dict[RailName, dict[str, str]] = {
    "paypal": {"client_secret": "the-paypal-secret"},
    "tremendous": {"api_key": "TEST_the-api-key", "webhook_key": "the-webhook-key"},
    "evm": {"passphrase": "the-passphrase", "rpc:LOCAL": "http://127.0.0.1:8545/the-node-key"},
    "bank": {},
}
SETTINGS: dict[RailName, dict[str, Any]] = {
    "paypal": {"client_id": "AY-client"},
    "tremendous": {"funding_source_id": "BALANCE"},
    "evm": {"address": WALLET, "keystore": "/keys/wallet", "chains": {"LOCAL": LOCAL}},
    "bank": {
        "schemes": "sepa, ach",
        "name": "ACME",
        "iban": "DE02120300000000202051",
        "company_id": "1234567890",
        "originating_dfi": "021000021",
        "account_number": "000111222",
    },
}


async def connect(
    database: Database,
    keyring: Keyring,
    business_id: UUID,
    rail: RailName,
    *,
    settings: Mapping[str, Any] | None = None,
    credentials: Mapping[str, str] | None = None,
    **columns: object,
) -> RailAccount:
    """Connect an account, or replace it."""
    changes = Changes(columns, {**SETTINGS[rail], **(settings or {})})
    secrets = {**SECRETS[rail], **(credentials or {})}
    account, _ = await database.write(
        service.connect, keyring, business_id, rail, changes, secrets, "test"
    )
    return account


class ConnectedVendor(Vendor):
    """Implements Rail, Connected and SellsGiftCards. Asked for a code it answers `revealed`; where
    it is `away` it cannot be asked at all."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.away = False
        self.revealed = RevealedCode(link="https://vendor.test/SECRET-LINK")
        self.asked: list[ReadyOrder] = []

    async def quote(self, request: Request) -> Quote:
        found = await super().quote(request)
        if request.provider == "gift_card":
            found.destination.update(
                brand="Brand", country="US", currency="USD", face_value=found.net_amount
            )
        return found

    def serves(self, account: Account, provider: Provider, destination: Mapping[str, Any]) -> bool:
        return True

    def options(self, account: Account) -> Mapping[str, Any]:
        return {"chains": {"LOCAL": ["USDC"]}} if self.name == "evm" else {}

    async def check(self, account: Account) -> list[Finding]:
        return []

    async def close(self) -> None:
        """There is nothing to hang up."""

    async def catalogue(self, business_id: UUID) -> Sequence[GiftCard]:
        image, countries = "https://vendor.test/card.png", ("CA", "US")
        return [
            GiftCard("v_1", "Card", "Brand", "US", "USD", 500, 500, True, countries, image, 10_000)
        ]

    async def reveal(self, order: ReadyOrder) -> RevealedCode:
        self.asked.append(order)
        if self.away:
            raise RailError("the vendor is away")
        return self.revealed
