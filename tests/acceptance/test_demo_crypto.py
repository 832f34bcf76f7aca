"""The demo's crypto, on a chain of its own where anvil is installed, and without one."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import node_tools
from support.installation import Installation, Serving, until

PAYEE = "0x52908400098527886E0F7030069857D2E4169EE7"
PAID = 4 * 10**15
"""What each pasted order is worth, in wei: $12 at $3,000 a coin."""


@pytest.fixture
def installation(tmp_path: Path, made_home: Path) -> Iterator[Installation]:
    """Nothing of it may be left after a test, the chain included."""
    made = Installation.copied(made_home, tmp_path / "home")
    yield made
    assert until(lambda: not made.left(), within_s=15)


def with_anvil(installation: Installation) -> Serving:
    if shutil.which("curl") is None:
        pytest.skip("curl is missing")
    found = node_tools.require("anvil").parent
    installation.more["PATH"] = f"{os.environ['PATH']}:{found}"
    return installation.start("demo")


def without_anvil(installation: Installation) -> Serving:
    installation.more["PATH"] = str(installation.home.parent / "nothing")
    return installation.start("demo")


def crypto_curl(demo: Serving) -> str:
    return next(line for line in demo.output.splitlines() if '"crypto"' in line)


def withdraw(demo: Serving) -> None:
    """Paste the demo's command, and wait until its order has ended well."""
    before = demo.output.count("payout.succeeded $12.00 by crypto")
    subprocess.run(["bash", "-c", f"{crypto_curl(demo)} -sf"], capture_output=True, check=True)
    until(lambda: demo.output.count("payout.succeeded $12.00 by crypto") == before + 1)


def chain(demo: Serving, method: str, *parameters: Any) -> Any:
    found = re.search(r"chain 31337 at (\S+)\)", demo.output)
    assert found is not None
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    return httpx.post(found[1], json=call).json()["result"]


def received(demo: Serving) -> int:
    return int(chain(demo, "eth_getBalance", PAYEE, "latest"), 16)


def test_the_demo_pays_crypto_on_a_chain_of_this_machine(installation: Installation) -> None:
    demo = with_anvil(installation)
    withdraw(demo)
    assert received(demo) == PAID
    [_, test] = installation.told("business", "list")
    checked = installation.told("rail", "check", test["business_id"])
    assert all(row["ok"] or row["harmless"] for row in checked), checked
    shown = installation.told("rail", "show", test["business_id"], "evm")
    demo.kill()
    until(lambda: not installation.left(), within_s=15)

    # The chain and the wallet are kept, even so.
    again = with_anvil(installation)
    assert received(again) == PAID
    kept = installation.told("rail", "show", test["business_id"], "evm")
    assert kept["settings"]["address"] == shown["settings"]["address"]
    assert again.stop(signal.SIGINT) < 10

    # Where the chain is lost its successor goes on where our books are.
    (installation.home / "demo-chain" / "chain.json").write_text("cut o")
    third = with_anvil(installation)
    assert received(third) == 0
    withdraw(third)
    assert received(third) == PAID
    assert "all is well" in installation.done("ledger", "verify")
    assert third.stop() < 10


def test_without_anvil_the_demo_says_how_to_get_it_and_a_wallet_of_ones_own_is_kept(
    installation: Installation, tmp_path: Path
) -> None:
    demo = without_anvil(installation)
    assert "needs anvil: `npm install" in demo.output
    assert '"crypto"' not in demo.output
    [_, test] = installation.told("business", "list")
    rails = installation.told("rail", "list", test["business_id"])
    assert [rail["rail"] for rail in rails] == ["bank"]
    key = tmp_path / "own.json"
    installation.done("rail", "keystore", "create", str(key), "--secret-stdin", given="my secret")
    chains = tmp_path / "chains.json"
    facts = {"chain_id": 31337, "coin": "ETH", "confirmations": 1, "block_s": 1, "max_fee_gwei": 9}
    chains.write_text(json.dumps({"MINE": {**facts, "rpc_urls": ["http://127.0.0.1:9"]}}))
    arguments = ("--keystore", str(key), "--chains", str(chains), "--secret-stdin")
    installation.done("rail", "connect", "evm", test["business_id"], *arguments, given="my secret")
    told = installation.done("rail", "price", test["business_id"], "MINE", "3120.50", "--hours=2")
    assert told.startswith("MINE: 3120.50 USD a coin until ")
    for given, message in (("dear", "no number"), ("-1", "positive")):
        refused = installation.refused("rail", "price", test["business_id"], "MINE", "--", given)
        assert message in refused
    assert "no chain ERC20" in installation.refused(
        "rail", "price", test["business_id"], "ERC20", "1"
    )
    assert demo.stop() < 10

    again = with_anvil(installation)
    assert "has a wallet of its own connected: it is kept" in again.output
    shown = installation.told("rail", "show", test["business_id"], "evm")
    assert (shown["settings"]["keystore"], shown["enabled"]) == (str(key), True)
    assert again.stop() < 10
