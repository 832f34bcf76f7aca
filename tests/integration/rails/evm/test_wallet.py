"""What a wallet holds, what left it, and what a check of it finds, on a real chain."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eth_account import Account as Keys

from payviox.rails.protocol import Entry, Known
from payviox.withdrawals.model import reference
from support.anvil import ETHER, GWEI
from support.evm import CHAIN, CONFIRMATIONS, PAYEE, Paying

pytestmark = pytest.mark.anyio


async def _nothing_known() -> AsyncIterator[Sequence[Known]]:
    for page in ():
        yield page


async def _statement(pay: Paying) -> list[Entry]:
    since = datetime.now(UTC) - timedelta(days=1)
    pages = pay.rail.statement(pay.business.business_id, since, _nothing_known())
    return [entry async for page in pages for entry in page]


def _send(pay: Paying, to: str, *, value: int = 0, data: str = "0x") -> str:
    """A transaction made with the wallet's key elsewhere; answers its hash."""
    transaction: dict[str, Any] = {
        "to": to,
        "value": value,
        "data": data,
        "nonce": pay.node.nonce(pay.address),
        "gas": 100_000,
        "maxFeePerGas": 90 * GWEI,
        "maxPriorityFeePerGas": GWEI,
        "chainId": 31337,
    }
    signed = Keys.sign_transaction(transaction, pay.key)
    return str(pay.node.rpc("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex()))


async def test_a_statement_has_every_payment_with_what_it_really_cost(pay: Paying) -> None:
    orders = [await pay.order(5_000 + n, PAYEE, c) for n, c in enumerate(("USDT", "USDC", "ETH"))]
    await pay.desk.process()
    assert "pending" in {entry.state for entry in await _statement(pay)}
    pay.node.mine(CONFIRMATIONS)
    pay.price("4000")
    entries = {entry.reference: entry for entry in await _statement(pay)}
    assert len(entries) == 3
    for number, order in enumerate(orders):
        done = await pay.settle(order)
        entry = entries[reference(order.id, 1)]
        assert (entry.state, entry.amount) == ("paid", 5_000 + number)
        assert entry.rail_order_id == done.rail_order_id
        assert entry.cost is not None
        assert entry.at is not None
    costs = sum(entry.cost or 0 for entry in entries.values())
    assert (await pay.business.ledger())["rail_cost:evm"] == costs


async def test_a_statement_has_what_left_the_wallet_without_an_order(pay: Paying) -> None:
    coin = _send(pay, PAYEE, value=ETHER)
    await pay.order(5_000, PAYEE)
    await pay.desk.process()
    token = _send(pay, pay.usdt.address, data=f"0xa9059cbb{int(PAYEE, 16):064x}{7 * 10**6:064x}")
    pay.node.mine(CONFIRMATIONS)
    found = {entry.rail_order_id: entry for entry in await _statement(pay)}
    assert len(found) == 3
    unknown = [entry for entry in found.values() if entry.reference is None]
    assert {entry.rail_order_id for entry in unknown} == {coin, token}
    assert (found[coin].amount, found[token].amount) == (200_000, 700)
    assert found[token].evidence["crypto_amount"] == "7"


async def test_a_payment_that_moved_nothing_is_failed_in_the_statement(pay: Paying) -> None:
    pay.usdc.write("setRefusing", True)
    await pay.order(5_000, PAYEE, "USDC")
    await pay.desk.process()
    pay.node.mine(CONFIRMATIONS)
    [entry] = await _statement(pay)
    assert entry.state == "failed"
    assert entry.cost is not None


async def test_the_float_is_told_of_each_asset_and_what_is_low(pay: Paying) -> None:
    pay.change(low_float=20_000)
    pay.usdt.write("burn", pay.address, 10**12 - 199 * 10**6)
    found = {h.asset: h for h in await pay.rail.read_float(pay.business.business_id)}
    coin, usdt, usdc = (found[f"{CHAIN} {name}"] for name in ("ETH", "USDT", "USDC"))
    assert (coin.amount, coin.cents, coin.low) == ("10", 2_000_000, False)
    assert (usdt.amount, usdt.cents, usdt.low) == ("199", 19_900, True)
    assert (usdc.amount, usdc.cents, usdc.low) == ("1000000", 100_000_000, False)
    pay.node.fund(pay.address, 65_000 * GWEI)
    pay.price("2000", valid_s=-1)
    found = {h.asset: h for h in await pay.rail.read_float(pay.business.business_id)}
    coin = found[f"{CHAIN} ETH"]
    assert (coin.cents, coin.low) == (None, True)


async def test_a_check_says_what_is_wrong_and_hides_the_nodes_key(pay: Paying) -> None:
    async def problems() -> dict[str, str]:
        assert pay.accounts.account is not None
        found = await pay.rail.check(pay.accounts.account)
        assert "secret" not in repr(found)
        return {finding.subject: finding.problem for finding in found if finding.problem}

    assert await problems() == {}
    pay.node.fund(pay.address, 0)
    tokens = {
        "USDT": {"address": pay.usdt.address, "decimals": 18},
        "NONE": {"address": PAYEE, "decimals": 6},
    }
    pay.change(chain={"tokens": tokens})
    pay.price("2000", valid_s=-1)
    found = await problems()
    assert set(found) == {f"{CHAIN} {what}" for what in ("gas", "price", "fees", "USDT", "NONE")}
    assert "6 decimals" in found[f"{CHAIN} USDT"]
    pay.change(credentials={f"rpc:{CHAIN}": "http://127.0.0.1:1/secret"})
    assert set(await problems()) == {f"{CHAIN} node"}
    pay.set(address="nowhere")
    assert set(await problems()) == {"settings"}


async def test_payments_behind_a_nonce_that_nobody_sends_are_found(pay: Paying) -> None:
    _send(pay, PAYEE, value=1)
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pay.node.reorg(1)
    pay.node.drop_all()
    waits = await pay.settle(order)
    assert (waits.status, waits.waiting) == ("sent", "nonce_missing")
    assert (await pay.answer(order))["missing_nonces"] == [0]
    assert pay.accounts.account is not None
    found = {f.subject: f.problem for f in await pay.rail.check(pay.accounts.account)}
    assert "nonce 0" in str(found[f"{CHAIN} nonces"])
    _send(pay, PAYEE, value=1)
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
