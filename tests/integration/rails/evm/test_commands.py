"""The commands for a wallet, on a real chain: connecting what contradicts its node, calling a
payment failed that can still be made, going on behind what our books do not know."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Keys

from payviox import ids
from payviox.rails.evm.keys import Signed, SignerError
from payviox.rails.evm.keystores import KeystoreSigner
from support.databases import Urls
from support.evm import CHAIN, CONFIRMATIONS, PAYEE, Paying
from support.evm_hand import sent_by_hand
from support.installation import Installation
from support.live import environment

pytestmark = pytest.mark.anyio

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def payviox(urls: Urls, tmp_path: Path) -> Installation:
    return Installation(tmp_path / "home", environment(tmp_path / "home", urls.application))


def _connect(pay: Paying, folder: Path, **changed: Any) -> Sequence[str]:
    """The command for the wallet and chain of `pay`."""
    keystore, chains = folder / "wallet.json", folder / "chains.json"
    kept = Keys.encrypt(pay.key, PASSPHRASE, kdf="pbkdf2", iterations=1_000)
    keystore.touch(mode=0o600)
    keystore.write_text(json.dumps(kept))
    assert pay.accounts.account is not None
    facts = {**pay.accounts.account.settings["chains"][CHAIN], **changed}
    facts.pop("price", None)
    chains.write_text(json.dumps({CHAIN: {**facts, "rpc_urls": [pay.node.url]}}))
    business = ids.show(ids.BUSINESS, pay.business.business_id)
    options = ("--keystore", str(keystore), "--chains", str(chains), "--secret-stdin")
    return "rail", "connect", "evm", business, *options


async def test_a_chain_that_its_node_contradicts_is_not_connected(
    pay: Paying, payviox: Installation, tmp_path: Path
) -> None:
    given = f"{PASSPHRASE}\n"
    tokens = {"USDT": {"address": pay.usdt.address, "decimals": 8}}
    said = payviox.refused(*_connect(pay, tmp_path, tokens=tokens), given=given)
    assert "The contract says 6 decimals, the settings say 8" in said
    said = payviox.refused(*_connect(pay, tmp_path, chain_id=1337), given=given)
    assert "the node is of chain 31337, not 1337" in said
    assert payviox.told(*_connect(pay, tmp_path), given=given)["new"]


async def test_a_payment_that_can_still_be_made_is_not_called_failed(
    pay: Paying, payviox: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> Signed:
        raise SignerError("The signer is away.")

    payviox.told(*_connect(pay, tmp_path), given=f"{PASSPHRASE}\n")
    monkeypatch.setattr(KeystoreSigner, "sign", refuse)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    for _ in range(3):
        await pay.desk.hurry(age_s=90_000)
        await pay.desk.process()
    shown = ids.show(ids.ORDER, order.id)
    settle = ("order", "settle", shown, "failed", "--reason", "nothing there", "--yes")
    assert "Send any transaction" in payviox.refused(*settle)
    assert (await pay.desk.get(order)).status == "unknown"
    assert (await pay.business.ledger())["in_transit:evm"] == 5_000
    sent_by_hand(pay, pay.node.accounts[5], value=1)
    pay.node.mine(CONFIRMATIONS)
    assert payviox.done(*settle).endswith("is failed.")
    assert (await pay.business.ledger())["in_transit:evm"] == 0


async def test_payments_go_on_behind_nonces_that_an_operator_accepted(
    pay: Paying, payviox: Installation, tmp_path: Path
) -> None:
    payviox.told(*_connect(pay, tmp_path), given=f"{PASSPHRASE}\n")
    business = ids.show(ids.BUSINESS, pay.business.business_id)
    accept = ("rail", "accept-nonces", business, CHAIN, "--yes")
    first = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    assert "know everything" in payviox.refused(*accept)
    for _ in range(2):
        sent_by_hand(pay, pay.node.accounts[5], value=1)
    second = await pay.order(7_000, PAYEE)
    await pay.desk.process()
    assert (await pay.desk.get(second)).waiting == "wallet_used_elsewhere"
    assert "no chain NOWHERE" in payviox.refused(
        "rail", "accept-nonces", business, "NOWHERE", "--yes"
    )
    told = payviox.told(*accept)
    assert (told["known"], told["next_nonce"]) == (1, 3)
    assert await pay.desk.process() >= 1  # woken, not waited for
    pay.node.mine(CONFIRMATIONS)
    for order in (first, second):
        assert (await pay.settle(order)).status == "succeeded"
    assert pay.received(PAYEE) == [50 * 10**6, 70 * 10**6]
