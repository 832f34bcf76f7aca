"""How many orders one worker settles in a second through each real adapter, over HTTP: PayPal and
Tremendous as the simulator speaks them, crypto on a local chain that mines at once. Beside them the
rail in the worker's own process, which says what all but the adapter costs."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from eth_account import Account
from tests.benchmarks.orders import CASES, INSTANT, Case, Databases, Kind, medians
from tests.benchmarks.server import SECRET_KEY

from payviox.cli.demo import anvil
from payviox.cli.demo.anvil import Anvil
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.rail_accounts import service as rail_accounts
from payviox.rail_accounts.model import Changes, RailName
from payviox.rails.evm.prices import Rate
from payviox.rails.evm.terms import Terms
from support.simulator import (
    PAYPAL_CLIENT,
    PAYPAL_SECRET,
    TREMENDOUS_FUNDING_SOURCE,
    TREMENDOUS_KEY,
    TREMENDOUS_WEBHOOK_KEY,
    Simulator,
)

WORKER = "rails_worker"
LOTS = 10**12
CHAIN, CHAIN_ID, COIN = "LOCAL", 31_337, "ETH"
PAYEE = "0x52908400098527886E0F7030069857D2E4169EE7"
PASSPHRASE = "only for benchmarks"
PRICE = Decimal(2_000)
UNITS = 5 * 10**12
"""A cent of the coin, in wei."""

PAYPAL = Kind("paypal", "paypal", {"email": "success@bench.test"}, WORKER)
TREMENDOUS = Kind("tremendous", "gift_card", {"product": "trm_OKMHM2X2OHYV"}, WORKER)
INSTALLED = Path(__file__).parents[1] / "node/node_modules/.bin/anvil"

Connected = tuple[dict[str, Any], dict[str, str]]
"""An account's settings and credentials."""


def measure(databases: Databases, folder: Path) -> dict[str, dict[str, float]]:
    """Every rail in a database of its own, in turn, three times, and PayPal once more beside
    100,000 orders that are looked up there by and by; see `orders.medians`. Without anvil there is
    no crypto."""
    program = INSTALLED if INSTALLED.exists() else anvil.find()
    with ExitStack() as stack:

        def case(name: str, kind: Kind) -> Case:
            cases[name] = Case(stack.enter_context(databases(f"rails_{name}")), kind)
            return cases[name]

        cases: dict[str, Case] = {}
        case("in_process", INSTANT)
        vendors = stack.enter_context(simulated())
        connect(case("paypal", PAYPAL), "paypal", vendors["paypal"])
        beside = case("paypal_beside_open", PAYPAL)
        connect(beside, "paypal", vendors["paypal"])
        beside.leave_open(CASES["scheduled"])
        connect(case("tremendous", TREMENDOUS), "tremendous", vendors["tremendous"])
        if program is not None:
            node = stack.enter_context(mining(program))
            connect(case("evm", crypto()), "evm", wallet(node, folder))
        return medians(cases, "in_process")


@contextmanager
def simulated() -> Iterator[dict[str, Connected]]:
    """Accounts at a PayPal and a Tremendous that answer at once."""
    simulator = Simulator()
    try:
        simulator.forget(recording=False)
        simulator.paypal_account(balance=LOTS)
        simulator.tremendous_account(balance=LOTS, per_second=None)
        yield {
            "paypal": (
                {"client_id": PAYPAL_CLIENT, "base_url": simulator.paypal_url},
                {"client_secret": PAYPAL_SECRET},
            ),
            "tremendous": (
                {
                    "funding_source_id": TREMENDOUS_FUNDING_SOURCE,
                    "base_url": simulator.tremendous_url,
                },
                {"api_key": TREMENDOUS_KEY, "webhook_key": TREMENDOUS_WEBHOOK_KEY},
            ),
        }
    finally:
        simulator.close()


@contextmanager
def mining(program: Path) -> Iterator[Anvil]:
    """A chain that makes a block of each transaction."""
    node = Anvil(program, CHAIN_ID)
    node.start()
    try:
        yield node
    finally:
        node.stop()


def crypto() -> Kind:
    """A cent of the chain's coin, promised now."""
    rate = Rate(PRICE, "fixed", datetime.now(UTC) + timedelta(days=1))
    promised = Terms(CHAIN, CHAIN_ID, COIN, None, 18, PAYEE, UNITS, rate, 0)
    return Kind("evm", "crypto", promised.destination(), WORKER)


def wallet(node: Anvil, folder: Path) -> Connected:
    """An account with a key of its own and coins enough. Its keystore is quick to open."""
    key = Account.create().key
    address = str(Account.from_key(key).address)
    node.rpc("anvil_setBalance", address, hex(10**24))
    keystore = folder / "wallet.json"
    keystore.write_text(json.dumps(Account.encrypt(key, PASSPHRASE, "pbkdf2", 2)))
    keystore.chmod(0o600)
    until = datetime.now(UTC) + timedelta(days=1)
    chain = {
        "chain_id": CHAIN_ID,
        "coin": COIN,
        "confirmations": 1,
        "block_s": 1.0,
        "max_fee_gwei": 100,
        "price": {"rate": str(PRICE), "expires_at": until.isoformat()},
    }
    settings = {"keystore": str(keystore), "address": address, "chains": {CHAIN: chain}}
    return settings, {"passphrase": PASSPHRASE, f"rpc:{CHAIN}": node.url}


def connect(case: Case, rail: RailName, account: Connected) -> None:
    """Connect the case's business to an account of its own."""
    settings, credentials = account

    async def store() -> None:
        database = Database(case.url)
        await database.open()
        try:
            await database.write(
                rail_accounts.connect,
                Keyring(SECRET_KEY),
                case.business,
                rail,
                Changes({}, settings),
                credentials,
                "benchmark",
            )
        finally:
            await database.close()

    asyncio.run(store())
