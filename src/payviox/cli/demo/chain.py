"""The demo's crypto: a local EVM chain where anvil is installed, and a wallet there that the demo
business has connected. The chain, like the business, is kept from one start to the next."""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from payviox.cli.demo import anvil
from payviox.cli.demo.anvil import Anvil, NoChain
from payviox.cli.demo.seed import ACTOR
from payviox.cli.runtime import Runtime
from payviox.db.pool import Connection
from payviox.errors import PayvioxError, SettingsError
from payviox.keyring import DecryptionFailed
from payviox.rail_accounts import service
from payviox.rail_accounts.directory import opened
from payviox.rail_accounts.model import Changes
from payviox.rail_state.evm_books import EvmBooks
from payviox.rails.evm import chain_settings, keystores, prices
from payviox.rails.evm.books import Wallet
from payviox.rails.evm.chains import ChainError
from payviox.rails.evm.keys import SignerError

CHAIN, CHAIN_ID, COIN = "ANVIL", 31337, "ETH"
PRICE = Decimal(3_000)
"""Dollars a coin, for as long as the demo runs, but a week at most."""

FUNDS = 1_000 * 10**18
"""What the wallet has at every start, in wei."""


class NoCrypto(Exception):
    """The demo goes on without a chain; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DemoWallet:
    """The demo business's wallet: its keystore file, and what opens it."""

    keystore: Path
    address: str
    passphrase: str


class DemoChain:
    """Started beside the demo's other processes; ends with them."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "demo-chain"
        self._anvil: Anvil | None = None

    @property
    def url(self) -> str:
        return "" if self._anvil is None else self._anvil.url

    async def start(self) -> None:
        """Raises NoCrypto."""
        program = anvil.find()
        if program is None:
            raise NoCrypto(f"Crypto on a local chain needs anvil: {anvil.HOW_TO_GET}")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = self._folder / "chain.json"
        chain = Anvil(program, CHAIN_ID, ("--state", str(state), "--state-interval", "5"))
        try:
            await asyncio.to_thread(_start, chain, state)
        except (NoChain, OSError) as error:
            raise NoCrypto(f"Crypto is left out: {error}") from error
        self._anvil = chain

    async def connect(self, runtime: Runtime, business_id: UUID) -> None:
        """The business's account is at this chain from now on. Raises NoCrypto, also where the
        business has connected a wallet of its own."""
        try:
            wallet = await self._wallet(runtime, business_id)
            await self._fund(runtime, Wallet(business_id, CHAIN_ID, wallet.address))
            await runtime.database.write(self._connect, runtime, business_id, wallet)
        except (PayvioxError, ChainError, SignerError, NoChain, OSError) as error:
            raise NoCrypto(f"Crypto is left out: {error}") from error

    async def leave(self, runtime: Runtime, business_id: UUID) -> None:
        """Disable the account, if there is one: its chain does not run."""
        await runtime.database.write(self._leave, business_id)

    async def stop(self) -> None:
        if self._anvil is not None:
            await asyncio.to_thread(self._anvil.stop)

    async def _wallet(self, runtime: Runtime, business_id: UUID) -> DemoWallet:
        """The one that is connected, or a new one. Raises NoCrypto and SignerError."""
        path = self._keystore(business_id)
        stored = await runtime.database.fetch(service.find, business_id, "evm")
        if stored is not None:
            if stored.settings.get("keystore") != str(path):
                raise NoCrypto("The demo business has a wallet of its own connected: it is kept.")
            try:
                passphrase = opened(stored, runtime.keyring).credentials["passphrase"]
            except (DecryptionFailed, SettingsError, KeyError) as error:
                raise NoCrypto("The demo's wallet cannot be opened.") from error
            return DemoWallet(path, str(stored.settings["address"]), passphrase)
        path.unlink(missing_ok=True)  # of a start that was cut off: its passphrase is lost
        passphrase = secrets.token_urlsafe()
        address = await asyncio.to_thread(keystores.create, path, passphrase, drawn=True)
        return DemoWallet(path, address, passphrase)

    def _keystore(self, business_id: UUID) -> Path:
        return self._folder / f"wallet-{business_id}.json"

    async def _leave(self, connection: Connection, business_id: UUID) -> None:
        stored = await service.find(connection, business_id, "evm")
        ours = str(self._keystore(business_id))
        if stored is not None and stored.enabled and stored.settings.get("keystore") == ours:
            await service.switch(connection, business_id, "evm", ACTOR, enabled=False)

    async def _fund(self, runtime: Runtime, wallet: Wallet) -> None:
        """Raises NoChain."""
        chain = self._anvil
        assert chain is not None  # noqa: S101  # its caller asked
        await asyncio.to_thread(chain.rpc, "anvil_setBalance", wallet.address, hex(FUNDS))
        nonce = await EvmBooks(runtime.database).next_nonce(wallet)
        height = await asyncio.to_thread(chain.rpc, "eth_blockNumber")
        if nonce and int(height, 16) == 0:
            # The chain was lost, and began anew; the wallet goes on where our books are.
            await asyncio.to_thread(chain.rpc, "anvil_setNonce", wallet.address, hex(nonce))

    async def _connect(
        self, connection: Connection, runtime: Runtime, business_id: UUID, wallet: DemoWallet
    ) -> None:
        facts = {
            "chain_id": CHAIN_ID,
            "coin": COIN,
            "confirmations": 1,
            "block_s": 1,
            "max_fee_gwei": 1_000,
            "price": prices.fixed(PRICE, prices.MAX_HOURS),
        }
        named = chain_settings.named({CHAIN: facts}, {CHAIN: [self.url]})
        settings = {
            "keystore": str(wallet.keystore),
            "address": wallet.address,
            **named.settings,
        }
        credentials = {"passphrase": wallet.passphrase, **named.credentials}
        changes = Changes(settings=settings)
        account, _ = await service.connect(
            connection, runtime.keyring, business_id, "evm", changes, credentials, ACTOR
        )
        if not account.enabled:
            await service.switch(connection, business_id, "evm", ACTOR, enabled=True)


def _start(chain: Anvil, state: Path) -> None:
    """Again if it does not start, since another program may have taken its port; then without the
    kept state, which may be broken. Raises NoChain and OSError."""
    for _ in range(2):
        with contextlib.suppress(NoChain):
            chain.start()
            return
    if state.exists():
        state.replace(state.with_suffix(".broken"))
    chain.start()
