"""What becomes of payments on a chain that loses, drops, replaces and reverts transactions, and
when the sender dies between two steps."""

import asyncio
from typing import Any

import pytest
from eth_account import Account as Keys

from payviox.rail_state.queries import evm
from payviox.rails.evm import lookup
from payviox.rails.evm.keys import Signed, SignerError
from payviox.rails.evm.keystores import KeystoreSigner
from payviox.rails.protocol import Outcome
from payviox.withdrawals.sending import claims, processor
from support.anvil import ETHER, GWEI
from support.evm import CHAIN, CONFIRMATIONS, PAYEE, Paying

pytestmark = pytest.mark.anyio


def _blocks_pass_over(pay: Paying, base_fee: int) -> None:
    """Blocks of a minute, too dear for what waits."""
    for _ in range(60):
        pay.node.set_base_fee(base_fee)
        pay.node.mine()


class Killed(BaseException):
    """The process ends here."""


def _dies(target: Any, name: str, *, after: bool) -> None:
    """The next call of a method ends the process, before or after it is made."""
    method = getattr(target, name)

    async def die(*arguments: Any, **named: Any) -> Any:
        if after:
            await method(*arguments, **named)
        raise Killed

    setattr(target, name, die)


STEPS = ["reserve", "sign", "store", "broadcast"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
async def test_a_payment_is_made_once_wherever_its_sender_dies(
    pay: Paying, step: str, after: bool
) -> None:
    order = await pay.order(5_000, PAYEE)
    rail = pay.fresh_rail()
    await rail.read_float(pay.business.business_id)
    [node] = rail._nodes.values()
    signer = await rail._signers.of(pay.accounts.account)  # type: ignore[arg-type]  # there is one
    target = {"sign": signer, "broadcast": node}.get(step, rail._books)
    _dies(target, step, after=after)
    [claim] = await pay.claim()
    with pytest.raises(Killed):
        await pay.submit(claim, rail)
    await rail.close()
    for _ in range(3):
        await pay.settle(order)
        pay.node.mine(CONFIRMATIONS)
    done = await pay.settle(order)
    assert done.status == "succeeded"
    assert pay.received(PAYEE) == [50 * 10**6]
    books = await pay.business.ledger()
    assert (books["in_transit:evm"], books["settled:evm"]) == (0, 5_000)


async def test_a_call_that_outlived_its_claim_takes_no_nonce(pay: Paying) -> None:
    order = await pay.order(5_000, PAYEE)
    [claim] = await pay.claim()
    await pay.desk.hurry()
    outcome = await pay.submit(claim)
    assert outcome.state == "unknown"
    assert await pay.count("evm_payments") == 0
    assert (await pay.look_up(claim)).state == "not_found"
    await pay.desk.process()
    assert (await pay.desk.get(order)).status == "sent"  # sent again, by a claim of its own


def test_a_nonce_may_be_taken_for_longer_than_a_call_lasts_and_shorter_than_a_claim() -> None:
    longest_call = processor.START_WITHIN_S + processor.CALL_S
    assert longest_call < evm.CALL_S < claims.LEASE_S


async def test_the_same_reference_gets_the_same_nonce_and_transaction(pay: Paying) -> None:
    await pay.order(5_000, PAYEE)
    [claim] = await pay.claim()
    rails = [pay.fresh_rail() for _ in range(4)]
    outcomes = await asyncio.gather(*(pay.submit(claim, rail) for rail in rails for _ in range(4)))
    for rail in rails:
        await rail.close()
    assert {outcome.state for outcome in outcomes} == {"accepted"}
    assert len({outcome.rail_order_id for outcome in outcomes}) == 1
    assert await pay.count("evm_transactions") == 1
    assert pay.received(PAYEE) == [50 * 10**6]


async def test_a_node_that_dies_after_the_nonce_leaves_it_unknown_then_sends(pay: Paying) -> None:
    order = await pay.order(5_000, PAYEE)
    books = pay.rail._books
    reserve = books.reserve
    working = pay.accounts.account.credentials  # type: ignore[union-attr]  # there is one

    async def reserve_and_unplug(*arguments: Any) -> Any:
        found = await reserve(*arguments)
        [node] = pay.rail._nodes.values()
        for client in node._clients:
            client.provider._url = "http://127.0.0.1:1/secret-key"
        return found

    books.reserve = reserve_and_unplug  # type: ignore[method-assign]  # on this object
    await pay.desk.process()
    unknown = await pay.desk.get(order)
    assert unknown.status == "unknown"
    assert "secret" not in str(await pay.answer(order))
    pay.change(credentials={f"rpc:{CHAIN}": "http://127.0.0.1:1"})
    assert (await pay.settle(order)).status == "unknown"
    pay.change(credentials=working)
    assert (await pay.settle(order)).status == "sent"
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
    assert pay.received(PAYEE) == [50 * 10**6]


async def test_a_signer_that_fails_after_the_nonce_leaves_it_unknown_then_sends(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await pay.order(5_000, PAYEE)

    async def refuse(*_: Any) -> Signed:
        raise SignerError("The signer is away.")

    with monkeypatch.context() as patched:
        patched.setattr(KeystoreSigner, "sign", refuse)
        await pay.desk.process()
        assert (await pay.desk.get(order)).status == "unknown"
        assert (await pay.settle(order)).status == "unknown"
        assert (await pay.answer(order))["error"] == "The signer is away."
    assert (await pay.settle(order)).status == "sent"
    assert pay.node.nonce(pay.address) == 1


async def test_a_dropped_transaction_is_broadcast_again(pay: Paying) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    sent = await pay.desk.get(order)
    pay.node.drop(str(sent.rail_order_id))
    assert pay.node.pool() == []
    assert (await pay.settle(order)).status == "sent"
    assert pay.node.pool() == [sent.rail_order_id]
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
    assert pay.received(PAYEE) == [50 * 10**6]


async def test_a_payment_that_is_too_cheap_is_offered_for_more(pay: Paying) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    first = await pay.desk.get(order)
    _blocks_pass_over(pay, 20 * GWEI)
    assert pay.received(PAYEE) == []
    raised = await pay.settle(order)
    assert raised.rail_order_id != first.rail_order_id
    rows = await pay.scalar(
        "SELECT array_agg((fees->>'max_price')::numeric::bigint ORDER BY number)"
        " FROM evm_transactions WHERE business_id = %s",
        order.business_id,
    )
    assert len(rows) == 2
    assert rows[1] * 1000 >= rows[0] * 1125
    pay.node.mine(CONFIRMATIONS)
    done = await pay.settle(order)
    assert (done.status, done.rail_order_id) == ("succeeded", raised.rail_order_id)
    assert pay.received(PAYEE) == [50 * 10**6]


async def test_no_more_is_offered_than_the_cap_allows(pay: Paying) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pay.change(chain={"max_fee_gwei": 1})
    _blocks_pass_over(pay, 20 * GWEI)
    waits = await pay.settle(order)
    assert (waits.status, waits.waiting) == ("sent", "gas_price_high")
    assert await pay.count("evm_transactions") == 1


async def test_any_transaction_of_the_nonce_may_be_the_one_that_is_mined(pay: Paying) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    first = await pay.desk.get(order)
    _blocks_pass_over(pay, 20 * GWEI)
    await pay.settle(order)
    assert await pay.count("evm_transactions") == 2
    pay.node.drop_all()
    raw = await pay.scalar(
        "SELECT raw FROM evm_transactions WHERE business_id = %s AND number = 1", order.business_id
    )
    pay.node.set_base_fee(GWEI)
    pay.node.mine()
    pay.node.rpc("eth_sendRawTransaction", "0x" + bytes(raw).hex())
    pay.node.mine(CONFIRMATIONS)
    done = await pay.settle(order)
    assert (done.status, done.rail_order_id) == ("succeeded", first.rail_order_id)


async def test_a_transaction_lost_before_it_was_final_is_made_again(pay: Paying) -> None:
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    sent = await pay.settle(order)
    assert sent.details["confirmations"] == 1
    pay.node.reorg(1)
    assert pay.received(PAYEE) == []
    again = await pay.settle(order)
    assert (again.status, again.details["confirmations"]) == ("sent", 0)
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
    assert pay.received(PAYEE) == [50 * 10**6]


async def test_a_transaction_lost_after_it_was_final_is_told_and_not_paid_twice(
    pay: Paying,
) -> None:
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
    pay.node.automine(False)
    pay.node.reorg(CONFIRMATIONS + 1)
    assert pay.received(PAYEE) == []
    assert (await pay.settle(order)).status == "succeeded"
    alerted = await pay.scalar(
        "SELECT count(*) FROM audit_entries WHERE business_id = %s AND act = %s",
        order.business_id,
        "order.contradicted_after_success",
    )
    assert alerted == 1
    pay.node.mine(CONFIRMATIONS)
    assert pay.received(PAYEE) == [50 * 10**6]
    assert await pay.count("evm_transactions") == 1


def _sends(pay: Paying, nonce: int, to: str, value: int = 0, data: str = "0x") -> str:
    """A transaction made with the wallet's key elsewhere; answers its hash."""
    transaction = {
        "to": to,
        "value": value,
        "data": data,
        "nonce": nonce,
        "gas": 100_000,
        "maxFeePerGas": 90 * GWEI,
        "maxPriorityFeePerGas": 50 * GWEI,
        "chainId": 31337,
    }
    signed = Keys.sign_transaction(transaction, pay.key)
    return str(pay.node.rpc("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex()))


@pytest.mark.parametrize("depth", [CONFIRMATIONS + 1, 150])
async def test_a_payment_replaced_from_outside_is_made_anew_once_that_is_final(
    pay: Paying, depth: int
) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    other = _sends(pay, 0, pay.node.accounts[5], 1)
    pay.node.mine()
    waits = await pay.settle(order)
    assert waits.status == "sent"
    pay.node.mine(CONFIRMATIONS)
    waits = await pay.settle(order)  # which is enough for a payment of ours
    assert waits.status == "sent"
    pay.node.mine(depth)
    waits = await pay.settle(order)
    assert (waits.status, waits.attempt) == ("queued", 1)
    assert (await pay.answer(order))["replaced_by"] == other
    pay.node.automine(True)
    again = await pay.settle(order)
    assert (again.status, again.attempt) == ("sent", 2)
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
    assert pay.received(PAYEE) == [50 * 10**6]


@pytest.mark.parametrize("currency", ["USDT", "ETH"])
async def test_a_payment_sped_up_from_outside_has_succeeded(pay: Paying, currency: str) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE, currency)
    await pay.desk.process()
    if currency == "ETH":
        other = _sends(pay, 0, PAYEE, ETHER // 40)
    else:
        data = f"0xa9059cbb{int(PAYEE, 16):064x}{50 * 10**6:064x}"
        other = _sends(pay, 0, pay.usdt.address, data=data)
    pay.node.mine(CONFIRMATIONS)
    done = await pay.settle(order)
    assert (done.status, done.rail_order_id) == ("succeeded", other)


async def test_a_nonce_used_before_the_first_payment_is_not_given_out(pay: Paying) -> None:
    pay.node.automine(False)
    _sends(pay, 0, pay.node.accounts[5], 1)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    waits = await pay.desk.get(order)  # what only waits may be dropped
    assert (waits.status, waits.waiting) == ("queued", "wallet_used_elsewhere")
    assert (await pay.count("evm_wallets"), await pay.count("evm_payments")) == (0, 0)
    pay.node.mine()
    assert (await pay.settle(order)).status == "sent"
    assert await pay.scalar("SELECT nonce FROM evm_payments WHERE wallet = %s", pay.address) == 1
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"


async def test_a_wallet_emptied_meanwhile_makes_the_order_wait_not_fail(pay: Paying) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pool = pay.node.pool()
    pay.node.drop_all()
    pay.usdt.write("burn", pay.address, 10**12)
    assert (await pay.settle(order)).status == "sent"
    assert pay.node.pool() == pool
    pay.node.mine(CONFIRMATIONS)
    waits = await pay.settle(order)
    assert (waits.status, waits.waiting) == ("queued", "float_empty")
    assert (await pay.settle(order)).waiting == "float_empty"
    pay.usdt.write("mint", pay.address, 10**12)
    assert (await pay.settle(order)).attempt == 2
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
    assert pay.received(PAYEE) == [50 * 10**6]


@pytest.mark.parametrize("trouble", ["reverted", "answers_false", "silent"])
async def test_a_mined_transaction_that_moved_nothing_fails_and_gives_the_money_back(
    pay: Paying, trouble: str
) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE, "USDC" if trouble == "answers_false" else "USDT")
    if trouble == "answers_false":
        pay.usdc.write("setRefusing", True)
    elif trouble == "silent":
        pay.usdt.write("setSilent", True)
    await pay.desk.process()
    sent = await pay.desk.get(order)
    assert sent.status == "sent"
    if trouble == "reverted":
        pay.node.drop_all()
        pay.usdt.write("setPaused", True)
        await pay.settle(order)
    pay.node.mine(CONFIRMATIONS)
    failed = await pay.settle(order)
    assert failed.status == "failed"
    assert (await pay.business.ledger())["in_transit:evm"] == 0


async def test_a_token_that_keeps_a_fee_has_paid_what_arrived(pay: Paying) -> None:
    pay.usdt.write("setFee", 100)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pay.node.mine(CONFIRMATIONS)
    done = await pay.settle(order)
    assert (done.status, done.details["crypto_amount"]) == ("succeeded", "49.5")
    assert (await pay.answer(order))["moved"] == "49500000"


async def test_an_account_that_is_gone_sends_nothing_and_says_nothing_of_what_was_sent(
    pay: Paying,
) -> None:
    await pay.order(5_000, PAYEE)
    [claim] = await pay.claim()
    account, pay.accounts.account = pay.accounts.account, None
    outcome = await pay.submit(claim)
    assert (outcome.state, outcome.waiting) == ("not_sent", "rail_not_connected")
    pay.accounts.account = account
    assert (await pay.submit(claim)).state == "accepted"
    pay.accounts.account = None
    assert (await pay.look_up(claim)).state == "unknown"
    assert (await pay.submit(claim)).state == "unknown"


@pytest.mark.parametrize("gone", ["node", "account"])
async def test_a_person_is_told_of_what_was_sent_and_cannot_be_asked_about_for_a_day(
    pay: Paying, gone: str
) -> None:
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    assert (await pay.desk.get(order)).status == "sent"
    account = pay.accounts.account
    if gone == "node":
        pay.change(credentials={f"rpc:{CHAIN}": "http://127.0.0.1:1"})
    else:
        pay.accounts.account = None
    await pay.desk.hurry(age_s=25 * 3_600)
    for _ in range(10):
        await pay.settle(order)
    told = await pay.desk.get(order)
    assert (told.status, told.waiting) == ("unknown", "person")
    alerts = "SELECT count(*) FROM audit_entries WHERE business_id = %s AND act = %s"
    business_id = pay.business.business_id
    assert await pay.scalar(alerts, business_id, "order.needs_a_person") == 1
    assert (await pay.business.ledger())["in_transit:evm"] == 5_000
    pay.accounts.account = account
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
    assert pay.received(PAYEE) == [50 * 10**6]


async def test_many_look_ups_share_what_they_all_ask(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    from payviox.rails.evm import client as module  # noqa: PLC0415  # the constant is changed

    pay.node.automine(False)
    for number in range(20):
        await pay.order(5_000 + number, PAYEE)
    claimed = await pay.claim()
    await asyncio.gather(*(pay.submit(claim) for claim in claimed))
    monkeypatch.setattr(module, "SHARED_S", 60.0)
    [node] = pay.rail._nodes.values()
    asked = []
    ask = node._ask

    async def counting(call: Any) -> Any:
        asked.append(call)
        return await ask(call)

    node._ask = counting  # type: ignore[method-assign]  # on this object
    outcomes = await asyncio.gather(*(pay.look_up(claim) for claim in claimed))
    assert all(outcome == _accepted(outcome) for outcome in outcomes)
    assert len(asked) <= 20 + 3  # each broadcasts its own; the rest is shared
    asked.clear()
    monkeypatch.setattr(lookup, "NEAR", 1)
    await asyncio.gather(*(pay.look_up(claim) for claim in claimed))
    assert len(asked) <= 1  # those behind the first ask nothing


def _accepted(outcome: Outcome) -> Outcome:
    assert outcome.state == "accepted", outcome
    return outcome
