"""Nodes and contracts that answer oddly: nobody is paid twice, nothing is called unpaid that was
paid, and no wallet is blocked in silence."""

import contextlib
import json
from typing import Any

import psycopg
import pytest
from eth_account import Account as Keys

from payviox.rails.evm import node_answers
from payviox.rails.evm.client import Node
from payviox.rails.evm.provider import BoundedProvider
from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Invalid, Request
from payviox.rails.protocol import RailError
from payviox.withdrawals.model import Order
from support.anvil import ETHER, GWEI
from support.databases import Urls
from support.evm import CHAIN, CONFIRMATIONS, PAYEE, Paying
from support.evm_hand import sent_by_hand

pytestmark = pytest.mark.anyio


class Lie:
    """Of one method, what a node answers instead; or nothing."""

    def __init__(self) -> None:
        self.method: str | None = None
        self.answer: Any = None
        self.url: str | None = None

    def tell(self, method: str | None, answer: Any = None, url: str | None = None) -> None:
        self.method, self.answer, self.url = method, answer, url


@pytest.fixture
def lie(monkeypatch: pytest.MonkeyPatch) -> Lie:
    told = Lie()
    real = BoundedProvider._make_request

    async def answer(self: BoundedProvider, method: Any, data: bytes) -> bytes:
        asked = json.loads(data)
        if asked["method"] != told.method or told.url not in (None, self._url):
            return await real(self, method, data)
        found = {"jsonrpc": "2.0", "id": asked["id"], "result": told.answer}
        return json.dumps(found).encode()

    monkeypatch.setattr(BoundedProvider, "_make_request", answer)
    return told


NUMBERS = {
    "eth_estimateGas": ["0x5", "-0x1", 1.5, None, True, "0x" + "f" * 64],
    "eth_maxPriorityFeePerGas": ["-0x1", 1.5, None, True, [], "0x" + "f" * 64],
    "eth_getTransactionCount": ["-0x1", 1.5, None, True, {}, "0x" + "f" * 64],
    "eth_getBalance": ["-0x1", 1.5, None, True, "zz"],
}


@pytest.mark.parametrize("method", NUMBERS)
async def test_what_is_no_number_is_no_answer(pay: Paying, lie: Lie, method: str) -> None:
    pay.change(fees=FeePolicy("recipient"))
    order = await pay.order(5_000, PAYEE)
    [claim] = await pay.claim()
    for wrong in NUMBERS[method]:
        lie.tell(method, wrong)
        outcome = await pay.submit(claim)
        assert (outcome.state, outcome.waiting) == ("not_sent", "rail_unreachable"), wrong
        where = {"currency": "USDT", "chain": CHAIN, "to_address": PAYEE}
        request = Request(order.business_id, "crypto", where, amount=5_000)
        with contextlib.suppress(Invalid, RailError):
            assert (await pay.rail.quote(request)).fees < 100
    assert await pay.count("evm_payments") == 0
    lie.tell(None)
    assert (await pay.submit(claim)).state == "accepted"


@pytest.mark.parametrize("method", NUMBERS)
async def test_where_one_node_answers_nonsense_the_next_is_asked(
    pay: Paying, lie: Lie, method: str
) -> None:
    assert pay.accounts.account is not None
    bad = pay.node.url.replace("127.0.0.1", "localhost")
    pay.change(credentials={f"rpc:{CHAIN}": f"{bad}\n{pay.node.url}"})
    lie.tell(method, 1.5, bad)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    assert (await pay.desk.get(order)).status == "sent"
    assert pay.received(PAYEE) == [50 * 10**6]


async def test_one_wrong_count_neither_blocks_the_wallet_nor_pays_twice(
    pay: Paying, lie: Lie
) -> None:
    warm = await pay.order(1_000, PAYEE)
    await pay.desk.process()
    lie.tell("eth_getTransactionCount", hex(500))
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    waits = await pay.desk.get(order)
    assert (waits.status, waits.waiting) == ("queued", "wallet_used_elsewhere")
    lie.tell(None)
    await pay.settle(order)
    pay.node.mine(CONFIRMATIONS)
    for one in (warm, order):
        assert (await pay.settle(one)).status == "succeeded"
    assert pay.received(PAYEE) == [10 * 10**6, 50 * 10**6]


async def test_a_wallets_first_nonce_is_what_all_its_nodes_say(pay: Paying, lie: Lie) -> None:
    other = pay.node.url.replace("127.0.0.1", "localhost")
    pay.change(credentials={f"rpc:{CHAIN}": f"{other}\n{pay.node.url}"})
    lie.tell("eth_getTransactionCount", hex(500), other)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    assert (await pay.desk.get(order)).waiting == "rail_unreachable"
    assert await pay.count("evm_payments") == 0
    lie.tell(None)
    assert (await pay.settle(order)).status == "sent"
    assert pay.node.nonce(pay.address) == 1


async def test_a_restored_database_pays_nobody_a_second_time(pay: Paying, urls: Urls) -> None:
    warm = await pay.order(1_000, PAYEE)
    await pay.desk.process()
    order = await pay.order(5_000, PAYEE)
    with psycopg.connect(urls.admin) as db:  # the backup
        kept = db.execute(
            "SELECT status, attempt, due_at FROM orders WHERE id = %s", [order.id]
        ).fetchone()
    assert kept is not None
    await pay.desk.process()
    pay.node.mine(CONFIRMATIONS)
    await pay.desk.hurry(warm)
    await pay.desk.process()
    await _forget(pay, urls, order, kept)
    await pay.desk.process()
    waits = await pay.desk.get(order)
    assert (waits.status, waits.waiting) == ("queued", "wallet_used_elsewhere")
    told = await pay.answer(order)
    assert (told["nonces_used"], told["nonces_known"]) == (2, 1)
    assert pay.received(PAYEE) == [10 * 10**6, 50 * 10**6]
    assert pay.accounts.account is not None
    found = {f.subject: f.problem for f in await pay.rail.check(pay.accounts.account)}
    assert "accept-nonces" in str(found[f"{CHAIN} nonces"])


async def _forget(pay: Paying, urls: Urls, order: Order, kept: Any) -> None:
    """The database as it was before the order was sent."""
    pay.business.tampered = True
    business_id = pay.business.business_id
    with psycopg.connect(urls.admin) as db:
        db.execute("SET session_replication_role = replica")
        for table in ("evm_transactions", "evm_payments"):
            db.execute(f"DELETE FROM {table} WHERE business_id = %s AND nonce = 1", [business_id])
        db.execute("UPDATE evm_wallets SET next_nonce = 1 WHERE business_id = %s", [business_id])
        db.execute("DELETE FROM order_attempts WHERE order_id = %s", [order.id])
        db.execute(
            "UPDATE orders SET status = %s, attempt = %s, due_at = %s WHERE id = %s",
            [*kept, order.id],
        )


async def test_a_receipt_without_its_events_does_not_give_the_money_back(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pay.node.mine(CONFIRMATIONS)
    with monkeypatch.context() as patched:
        patched.setattr(node_answers, "transfers", lambda _: ())
        unsure = await pay.settle(order)
        assert (unsure.status, unsure.waiting) == ("sent", "amount_unsure")
        pay.node.mine(2 * CONFIRMATIONS)
        for _ in range(12):
            await pay.desk.hurry(age_s=40_000)
            await pay.desk.process()
        unsure = await pay.desk.get(order)
        assert (unsure.status, unsure.waiting) == ("unknown", "person")
    assert (await pay.business.ledger())["in_transit:evm"] == 5_000
    assert (await pay.settle(order)).status == "succeeded"


async def test_a_token_that_keeps_nearly_everything_has_not_paid(pay: Paying) -> None:
    pay.usdt.write("setFee", 9_999)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pay.node.mine(CONFIRMATIONS)
    unsure = await pay.settle(order)
    assert (unsure.status, unsure.waiting) == ("sent", "amount_unsure")
    assert (await pay.answer(order))["moved"] == "5000"
    alerted = await pay.scalar(
        "SELECT count(*) FROM audit_entries WHERE business_id = %s AND act = 'order.waiting'",
        order.business_id,
    )
    assert alerted == 1
    assert (await pay.business.ledger())["in_transit:evm"] == 5_000


async def test_a_payments_depth_is_counted_by_the_node_that_has_it(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    head = Node.head

    async def ahead(self: Node) -> node_answers.Block:
        """As another node of the pool, on another branch, tells it."""
        found = await head(self)
        return node_answers.Block(found.number + 50, found.hash, found.timestamp, found.base_fee)

    monkeypatch.setattr(Node, "head", ahead)
    waits = await pay.settle(order)
    assert (waits.status, waits.details["confirmations"]) == ("sent", 1)


async def test_an_old_transfer_does_not_pass_for_this_payment(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = f"0xa9059cbb{int(PAYEE, 16):064x}{50 * 10**6:064x}"
    old = sent_by_hand(pay, pay.usdt.address, data=data)
    pay.node.mine(2 * CONFIRMATIONS)

    async def nothing(*_: Any) -> int:
        return 0

    async def agreed(*_: Any) -> bool:
        return True

    order = await pay.order(5_000, PAYEE)
    with monkeypatch.context() as patched:
        patched.setattr(Node, "_count", nothing)  # of a node that lags
        patched.setattr(Node, "agree_on", agreed)
        await pay.desk.process()
    waits = await pay.settle(order)
    assert (await pay.answer(order))["replaced_by"] == old
    assert (waits.status, waits.attempt) == ("queued", 1)
    await pay.settle(order)
    pay.node.mine(CONFIRMATIONS)
    done = await pay.settle(order)
    assert (done.status, done.attempt) == ("succeeded", 2)
    assert pay.received(PAYEE) == [50 * 10**6] * 2


async def test_a_token_with_other_decimals_than_the_settings_say_is_not_sent(pay: Paying) -> None:
    pay.change(chain={"tokens": {"USDT": {"address": pay.usdt.address, "decimals": 8}}})
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    waits = await pay.desk.get(order)
    assert (waits.status, waits.waiting) == ("queued", "rail_misconfigured")
    assert (await pay.answer(order))["decimals_of_the_contract"] == 6
    assert await pay.count("evm_payments") == 0
    assert pay.received(PAYEE) == []


@pytest.mark.parametrize("trouble", ["paused", "listed"])
async def test_a_token_that_takes_nothing_from_the_wallet_makes_orders_wait_not_fail(
    pay: Paying, trouble: str
) -> None:
    def stop(stopped: bool) -> None:
        if trouble == "paused":
            pay.usdt.write("setPaused", stopped)
        else:
            pay.usdt.write("setBlackListed", pay.address, stopped)

    stop(True)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    waits = await pay.desk.get(order)
    assert (waits.status, waits.waiting) == ("queued", "token_refuses")
    assert await pay.count("evm_payments") == 0
    stop(False)
    assert (await pay.settle(order)).status == "sent"


async def test_a_payee_whose_balance_is_gone_meanwhile_is_paid_all_the_same(pay: Paying) -> None:
    payee = Keys.create()
    pay.node.fund(payee.address, ETHER)
    pay.usdt.write("mint", payee.address, 10)
    pay.node.automine(False)
    order = await pay.order(5_000, payee.address)
    await pay.desk.process()
    swept = {
        "to": pay.usdt.address,
        "data": f"0xa9059cbb{int(PAYEE, 16):064x}{10:064x}",
        "value": 0,
        "nonce": 0,
        "gas": 100_000,
        "maxFeePerGas": 90 * GWEI,
        "maxPriorityFeePerGas": 80 * GWEI,
        "chainId": pay.node.chain_id,
    }
    raw = Keys.sign_transaction(swept, payee.key).raw_transaction
    pay.node.rpc("eth_sendRawTransaction", "0x" + raw.hex())
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
    assert pay.received(payee.address) == [50 * 10**6]


async def test_a_payee_that_burns_its_gas_is_tried_once(pay: Paying) -> None:
    payee = "0x" + "ab" * 20
    reads = "0x" + "".join(f"60{slot:02x}5450" for slot in range(30)) + "00"
    pay.node.automine(False)
    pay.node.rpc("anvil_setCode", payee, reads)
    order = await pay.order(5_000, payee, "ETH")
    await pay.desk.process()
    assert (await pay.desk.get(order)).status == "sent"
    pay.node.rpc("anvil_setCode", payee, "0xfe")
    pay.node.mine(CONFIRMATIONS)
    failed = await pay.settle(order)
    assert (failed.status, failed.attempt) == ("failed", 1)
    assert pay.node.nonce(pay.address) == 1
    books = await pay.business.ledger()
    assert (books["in_transit:evm"], books["settled:evm"]) == (0, 0)


async def test_a_clock_that_is_late_does_not_raise_the_offer(pay: Paying) -> None:
    pay.node.automine(False)
    pay.node.set_time(pay.node.time + 600)
    pay.node.mine()
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    for _ in range(5):
        await pay.settle(order)
    assert await pay.count("evm_transactions") == 1


async def test_a_node_that_refuses_does_not_raise_the_offer_and_is_told(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)

    async def refuse(*_: Any) -> node_answers.Broadcast:
        return "refused"

    with monkeypatch.context() as patched:
        patched.setattr(Node, "broadcast", refuse)
        await pay.desk.process()
        pay.node.mine(100)
        waits = await pay.settle(order)
        assert (waits.status, waits.waiting) == ("sent", "refused_by_node")
    assert await pay.count("evm_transactions") == 1
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).waiting is None


async def test_whatever_is_asked_of_the_chains_state_names_its_block(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nodes differ on which they mean where none is named: with what waits, or without."""
    asked: dict[str, list[Any]] = {}
    real = BoundedProvider._make_request

    async def note(self: BoundedProvider, method: Any, data: bytes) -> bytes:
        asked.setdefault(method, []).append(json.loads(data)["params"])
        return await real(self, method, data)

    monkeypatch.setattr(BoundedProvider, "_make_request", note)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    assert (await pay.desk.get(order)).status == "sent"
    for method in ("eth_call", "eth_estimateGas", "eth_getBalance", "eth_getTransactionCount"):
        assert asked[method]
        for _, block in asked[method]:
            assert block in ("latest", "pending") or block.startswith("0x"), method
    assert {block for _, block in asked["eth_estimateGas"]} == {"latest"}


@pytest.mark.parametrize("code", [-32005, 429])
async def test_a_node_that_is_asked_too_much_has_not_refused_the_payee(
    pay: Paying, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """web3 takes whatever comes with data for a contract's refusal."""
    real = BoundedProvider._make_request

    async def limit(self: BoundedProvider, method: Any, data: bytes) -> bytes:
        asked = json.loads(data)
        if method != "eth_estimateGas" or PAYEE[2:].lower() not in data.decode().lower():
            return await real(self, method, data)
        error = {"code": code, "message": "limit exceeded", "data": {"see": "our prices"}}
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode()

    order = await pay.order(5_000, PAYEE)
    with monkeypatch.context() as patched:
        patched.setattr(BoundedProvider, "_make_request", limit)
        await pay.desk.process()
        waits = await pay.desk.get(order)
        assert (waits.status, waits.waiting) == ("queued", "rail_unreachable")
    assert await pay.count("evm_payments") == 0
    assert (await pay.settle(order)).status == "sent"
