"""What an operator says that a chain's coin is worth, as it is kept with the account."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from payviox.db.pool import Database
from payviox.errors import NotFound
from payviox.keyring import Keyring
from payviox.rail_accounts import service
from payviox.rail_accounts.directory import Directory
from payviox.rail_accounts.model import Changes
from payviox.rails.evm import chain_settings
from payviox.rails.evm.chains import Chain
from payviox.rails.evm.prices import fixed
from support import live
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio

FACTS = {"chain_id": 31337, "coin": "ETH", "confirmations": 1, "block_s": 1, "max_fee_gwei": 9}
CHAINS = {"ONE": FACTS, "TWO": {**FACTS, "chain_id": 1337}}


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(live.SECRET_KEY)


@pytest.fixture
async def wallet(database: Database, keyring: Keyring, business: TestBusiness) -> TestBusiness:
    """A business that pays on two chains."""
    named = chain_settings.named(CHAINS, {name: ["http://127.0.0.1:1"] for name in CHAINS})
    address = f"0x{business.business_id.int % 16**40:040x}"
    settings = {"address": address, "signer": "http://127.0.0.1:1", **named.settings}
    await database.write(
        service.connect,
        keyring,
        business.business_id,
        "evm",
        Changes(settings=settings),
        named.credentials,
        "test",
    )
    return business


async def chains(database: Database, keyring: Keyring, business: TestBusiness) -> dict[str, Chain]:
    account = await Directory(database, keyring).find(business.business_id, "evm")
    assert account is not None
    return chain_settings.chains_of(account)


def saying(
    database: Database, business: TestBusiness, chain: str, price: dict[str, Any] | None
) -> Any:
    return database.write(service.set_price, business.business_id, chain, price, "finance")


async def test_a_price_counts_for_its_chain_alone_until_it_is_taken_back(
    database: Database, keyring: Keyring, wallet: TestBusiness
) -> None:
    before = await chains(database, keyring, wallet)
    await saying(database, wallet, "ONE", fixed(Decimal(3000), 1))
    await saying(database, wallet, "ONE", fixed(Decimal("3120.5"), 2))
    now = await chains(database, keyring, wallet)
    assert now["ONE"].fixed_price is not None
    assert now["ONE"].fixed_price.rate == Decimal("3120.5")
    assert now["TWO"] == before["TWO"]
    await saying(database, wallet, "ONE", None)
    assert await chains(database, keyring, wallet) == before


async def test_prices_said_at_once_all_count(
    database: Database, keyring: Keyring, wallet: TestBusiness
) -> None:
    price = fixed(Decimal(3000), 1)
    await asyncio.gather(*(saying(database, wallet, chain, price) for chain in CHAINS))
    now = await chains(database, keyring, wallet)
    assert all(chain.fixed_price is not None for chain in now.values())


async def test_who_said_a_price_is_written_down(
    database: Database, keyring: Keyring, wallet: TestBusiness
) -> None:
    await saying(database, wallet, "TWO", fixed(Decimal("0.25"), 1))

    async def read(connection: Any) -> Any:
        cursor = await connection.execute(
            "SELECT actor, after FROM audit_entries WHERE business_id = %s AND act = 'rail.price'",
            [wallet.business_id],
        )
        return await cursor.fetchall()

    [(actor, after)] = await database.fetch(read)
    assert actor == "finance"
    assert "0.25" in json.dumps(after)


async def test_a_price_needs_a_chain_of_the_wallet(
    database: Database, business: TestBusiness, wallet: TestBusiness
) -> None:
    with pytest.raises(NotFound, match="its chains: ONE, TWO"):
        await saying(database, wallet, "ERC20", fixed(Decimal(1), 1))
