"""A real EVM node for each test process, with contracts compiled from tests/contracts. Import the
fixtures `anvil_node` and `anvil` where they are needed; after each test the chain is as before it.
"""

import functools
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from Crypto.Hash import keccak
from eth_abi.abi import decode, encode
from eth_account import Account

from payviox.cli.demo.anvil import Anvil
from payviox.rails.evm.addresses import checksummed
from support import node_tools
from support.machine import stretch
from support.polling import until

CHAIN_ID = 31337
SOURCES = Path(__file__).parents[1] / "contracts"
ETHER = 10**18
GWEI = 10**9
MNEMONIC = "test test test test test test test test test test test junk"
"""Of anvil's accounts: known to everybody, worth nothing."""


@dataclass(frozen=True)
class Compiled:
    abi: list[dict[str, Any]]
    bytecode: str


@functools.cache
def compiled() -> dict[str, Compiled]:
    """The contracts of tests/contracts, by name."""
    sources = {path.name: {"content": path.read_text()} for path in sorted(SOURCES.glob("*.sol"))}
    wanted = {
        "language": "Solidity",
        "sources": sources,
        "settings": {
            "optimizer": {"enabled": True},
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    ended = subprocess.run(
        [node_tools.require("solcjs"), "--standard-json"],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=stretch(60),
        check=True,
    )
    told = json.loads(ended.stdout[ended.stdout.index("{") :])
    assert "contracts" in told, told
    return {
        name: Compiled(found["abi"], found["evm"]["bytecode"]["object"])
        for contracts in told["contracts"].values()
        for name, found in contracts.items()
    }


def wallet_key(number: int) -> str:
    """The private key of the account with this number, with 0x."""
    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return "0x" + bytes(account.key).hex()


class Node(Anvil):
    """What tests do to a chain. Amounts in wei."""

    @functools.cached_property
    def accounts(self) -> list[str]:
        """Ten funded addresses whose transactions the node signs."""
        return [checksummed(address) for address in self.rpc("eth_accounts")]

    @functools.cached_property
    def tokens(self) -> "tuple[Contract, Contract]":
        """One that answers nothing and has 6 decimals (USDT), and one with 18 (USDC)."""
        return self.deploy("ReturnlessToken"), self.deploy("StandardToken")

    def fund(self, address: str, wei: int = 10 * ETHER) -> None:
        """Set what an address has."""
        self.rpc("anvil_setBalance", address, hex(wei))

    def balance(self, address: str) -> int:
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def nonce(self, address: str, block: str = "latest") -> int:
        return int(self.rpc("eth_getTransactionCount", address, block), 16)

    @property
    def height(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def mine(self, blocks: int = 1) -> None:
        """At once, with a second between their times."""
        self.rpc("anvil_mine", hex(blocks), hex(1))

    def reorg(self, depth: int) -> None:
        """Replace so many of the last blocks by empty ones: their transactions never happened, and
        are in no pool."""
        self.rpc("anvil_reorg", depth, [])

    def drop(self, tx_hash: str) -> None:
        """Forget a transaction that waits in the pool."""
        self.rpc("anvil_dropTransaction", tx_hash)

    def drop_all(self) -> None:
        self.rpc("anvil_dropAllTransactions")

    def automine(self, on: bool) -> None:
        """Whether each transaction is mined at once; off, those sent wait for `mine`."""
        self.rpc("evm_setAutomine", on)

    def set_base_fee(self, wei: int) -> None:
        """Of the next block; after it the fee follows the blocks' load again."""
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))

    def set_time(self, timestamp: int) -> None:
        """Of the next block, in seconds since 1970; never before the last one's."""
        self.rpc("evm_setNextBlockTimestamp", hex(timestamp))

    @property
    def time(self) -> int:
        """The last block's, in seconds since 1970."""
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def set_clock(self, timestamp: int) -> None:
        """What the node takes for the present, in seconds since 1970; from there it goes on."""
        self.rpc("evm_setTime", timestamp)

    def pool(self) -> list[str]:
        """The hashes of the transactions that wait."""
        found = self.rpc("txpool_content")
        return [
            transaction["hash"]
            for kind in ("pending", "queued")
            for nonces in found[kind].values()
            for transaction in nonces.values()
        ]

    def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        return self.rpc("eth_getTransactionReceipt", tx_hash)

    def snapshot(self) -> str:
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        assert self.rpc("evm_revert", snapshot)

    def send(self, to: str | None, data: str = "0x", value: int = 0, sender: int = 0) -> str:
        """A transaction of one of the node's accounts, mined; answers its hash."""
        transaction = {"from": self.accounts[sender], "data": data, "value": hex(value)}
        if to is not None:
            transaction["to"] = to
        tx_hash = self.rpc("eth_sendTransaction", transaction)
        if not self.rpc("anvil_getAutomine"):
            self.mine()
        # The node answers before it mines.
        receipt = until(lambda: self.receipt(tx_hash))
        assert receipt["status"] == "0x1", receipt
        return str(tx_hash)

    def deploy(self, name: str, *arguments: Any) -> "Contract":
        """A contract of tests/contracts."""
        code = compiled()[name]
        constructor = next((e for e in code.abi if e["type"] == "constructor"), {"inputs": []})
        types = [one["type"] for one in constructor["inputs"]]
        tx_hash = self.send(None, "0x" + code.bytecode + encode(types, arguments).hex())
        receipt = self.receipt(tx_hash)
        assert receipt is not None
        return Contract(self, checksummed(receipt["contractAddress"]), code)


@dataclass(frozen=True)
class Contract:
    """`write` as account 0, `read` as anybody."""

    node: Node
    address: str
    code: Compiled

    def read(self, function: str, *arguments: Any) -> Any:
        """What a function answers: its one value, or a tuple."""
        found = self._find(function)
        call = {"to": self.address, "data": self._data(found, arguments)}
        answer = bytes.fromhex(self.node.rpc("eth_call", call, "latest")[2:])
        values = decode([one["type"] for one in found["outputs"]], answer)
        return values[0] if len(values) == 1 else values

    def write(self, function: str, *arguments: Any) -> str:
        """Answers the transaction's hash."""
        return self.node.send(self.address, self._data(self._find(function), arguments))

    def _find(self, function: str) -> dict[str, Any]:
        return next(e for e in self.code.abi if e.get("name") == function)

    def _data(self, function: dict[str, Any], arguments: tuple[Any, ...]) -> str:
        types = [one["type"] for one in function["inputs"]]
        signature = f"{function['name']}({','.join(types)})"
        selector = keccak.new(digest_bits=256, data=signature.encode()).digest()[:4]
        return "0x" + (selector + encode(types, arguments)).hex()


@pytest.fixture(scope="session")
def anvil_node() -> Iterator[Node]:
    """This test process's node."""
    node = Node(node_tools.require("anvil"), CHAIN_ID)
    node.start()
    yield node
    node.stop()


@pytest.fixture
def anvil(anvil_node: Node) -> Iterator[Node]:
    """The node; whatever a test does to its chain is undone. That puts the node's clock back too:
    without being set it would be late by as long as all tests before took."""
    before = anvil_node.snapshot()
    anvil_node.set_clock(int(time.time()))
    yield anvil_node
    anvil_node.drop_all()  # first: what still waits would be mined while the chain is put back
    anvil_node.automine(True)
    anvil_node.revert(before)
