"""Payments on a real chain, from the order to its end in the ledger."""

import asyncio
import contextlib
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from conftest import MakeBusiness
from payviox import ids
from payviox.actors import Actor
from payviox.rails.evm import quote as quoting
from payviox.rails.evm.client import Node
from payviox.rails.evm.node_answers import Block
from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Invalid, Request
from payviox.rails.protocol import RailError
from payviox.withdrawals import service
from support import evm_worker, warm
from support.anvil import ETHER, GWEI
from support.evm import CHAIN, CONFIRMATIONS, PAYEE, Paying, paying
from support.machine import stretch

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("currency", "units"), [("USDT", 50 * 10**6), ("USDC", 50 * 10**18), ("ETH", ETHER // 40)]
)
async def test_a_payment_is_sent_once_confirmed_and_settled(
    pay: Paying, currency: str, units: int
) -> None:
    order = await pay.order(5_000, PAYEE, currency)
    before = pay.node.balance(PAYEE)
    await pay.desk.process()
    sent = await pay.desk.get(order)
    assert (sent.status, sent.details["confirmations"]) == ("sent", 0)
    assert sent.rail_order_id == sent.details["tx_hash"]
    sent = await pay.settle(order)
    assert (sent.status, sent.details["confirmations"]) == ("sent", 1)
    pay.node.mine(CONFIRMATIONS - 1)
    done = await pay.settle(order)
    assert (done.status, done.details["confirmations"]) == ("succeeded", CONFIRMATIONS)
    if currency == "ETH":
        assert pay.node.balance(PAYEE) - before == units
    else:
        token = pay.usdt if currency == "USDT" else pay.usdc
        assert pay.received(PAYEE, token) == [units]
    receipt = pay.node.receipt(done.details["tx_hash"])
    assert receipt is not None
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert Decimal(done.details["network_fee"]) == Decimal(fee) / ETHER
    books = await pay.business.ledger()
    cost = books["rail_cost:evm"]
    assert cost == (fee * 2000 * 100 + ETHER // 2) // ETHER
    assert books["settled:evm"] == 5_000
    await pay.desk.hurry()
    assert await pay.desk.process() == 1  # the last look
    pay.node.mine(CONFIRMATIONS)
    await pay.settle(order)
    await pay.desk.hurry()
    assert await pay.desk.process() == 0


async def test_a_quote_promises_an_exact_amount_in_both_directions(pay: Paying) -> None:
    business_id = pay.business.business_id
    where = {"chain": CHAIN, "to_address": PAYEE}
    pay.change(fees=FeePolicy("recipient", percentage_bp=100, fixed=30))
    for currency, decimals in (("USDT", 6), ("USDC", 18), ("ETH", 18)):
        to = {**where, "currency": currency}
        gross = await pay.rail.quote(Request(business_id, "crypto", to, amount=10_000))
        assert gross.amount == 10_000
        assert gross.fees + gross.net_amount == gross.amount
        network_fee = gross.destination["terms"]["network_fee"]
        assert gross.fees == 100 + 30 + network_fee
        assert network_fee > 0
        net = await pay.rail.quote(Request(business_id, "crypto", to, net_amount=7_777))
        assert net.net_amount == 7_777
        assert net.amount == net.fees + 7_777
        rate = Decimal(2000) if currency == "ETH" else Decimal(1)
        exact = Decimal(net.destination["crypto_amount"])
        assert 0 <= Decimal("77.77") - exact * rate < rate / 10**decimals


async def test_an_address_that_the_chain_knows_nothing_of_is_pointed_out(pay: Paying) -> None:
    fresh = "0x" + "ab" * 20

    async def unused(to_address: str, currency: str) -> object:
        to = {"chain": CHAIN, "to_address": to_address, "currency": currency}
        asked = Request(pay.business.business_id, "crypto", to, amount=5_000)
        return (await pay.rail.quote(asked)).destination["terms"]["unused"]

    for currency in ("USDT", "ETH"):
        assert await unused(fresh, currency) is True
        assert await unused(pay.node.accounts[3], currency) is False
    order = await pay.order(5_000, fresh, "USDT")
    await pay.desk.process()
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "succeeded"
    assert await unused(fresh, "USDT") is False


async def test_an_order_has_the_terms_of_its_quote_or_is_refused(pay: Paying) -> None:
    asked = {"currency": "ETH", "chain": CHAIN, "to_address": PAYEE.lower()}
    request = Request(pay.business.business_id, "crypto", asked, amount=5_000)
    quote = await pay.rail.quote(request)
    kept = replace(quote, destination=json.loads(json.dumps(quote.destination)))
    pay.price("4000")
    ready = await pay.rail.validate(ids.new(), kept, request, "ada@example.com")
    assert ready.destination == quote.destination
    assert ready.destination["to_address"] == PAYEE
    assert ready.destination["crypto_amount"] == "0.025"
    elsewhere = replace(request, destination={**asked, "to_address": pay.node.accounts[3]})
    other = await pay.rail.validate(ids.new(), kept, elsewhere, "ada@example.com")
    assert other.destination != quote.destination  # which refuses the order
    pay.change(chain={"chain_id": 1337})
    with pytest.raises(Invalid) as refused:
        await pay.rail.validate(ids.new(), kept, request, "ada@example.com")
    assert list(refused.value.fields) == ["quote_id"]


async def test_what_cannot_be_paid_is_refused_with_its_field(pay: Paying) -> None:
    business_id = pay.business.business_id
    good = {"currency": "USDT", "chain": CHAIN, "to_address": PAYEE}

    async def fields(amount: int = 5_000, **changed: str) -> list[str]:
        request = Request(business_id, "crypto", {**good, **changed}, amount=amount)
        with pytest.raises(Invalid) as refused:
            await pay.rail.quote(request)
        return list(refused.value.fields)

    assert await fields(currency="DOGE") == ["crypto.currency"]
    assert await fields(chain="NOWHERE") == ["crypto.chain"]
    assert await fields(to_address=pay.address) == ["crypto.to_address"]
    assert await fields(to_address=pay.usdc.address) == ["crypto.to_address"]
    assert await fields(to_address=PAYEE.replace("D", "d")) == ["crypto.to_address"]
    assert await fields(to_address="0x" + "0" * 39 + "1") == ["crypto.to_address"]
    pay.change(fees=FeePolicy("recipient", fixed=500))
    assert await fields(amount=500) == ["amount"]
    coarse = {"COIN": {"address": pay.usdt.address, "decimals": 0}}
    pay.change(chain={"tokens": coarse}, fees=FeePolicy())
    assert await fields(amount=150, currency="COIN") == ["amount"]
    assert await fields(amount=99, currency="COIN") == ["amount"]


async def test_a_spread_makes_the_coin_dearer_for_the_payee(pay: Paying) -> None:
    pay.set(spread_bp=50)
    order = await pay.order(10_050, PAYEE, "USDC")
    assert order.destination["crypto_amount"] == "100"


async def test_an_empty_wallet_makes_orders_wait_and_uses_no_nonce(pay: Paying) -> None:
    pay.usdt.write("burn", pay.address, 10**12)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    waits = await pay.desk.get(order)
    assert (waits.status, waits.waiting) == ("queued", "float_empty")
    pay.usdt.write("mint", pay.address, 10**12)
    pay.node.fund(pay.address, 0)
    waits = await pay.settle(order)
    assert (waits.status, waits.waiting) == ("queued", "gas_empty")
    assert await pay.count("evm_payments") == 0
    pay.node.fund(pay.address, ETHER)
    assert (await pay.settle(order)).status == "sent"


async def test_what_earlier_payments_will_take_is_kept_aside(pay: Paying) -> None:
    pay.usdt.write("burn", pay.address, 10**12 - 75 * 10**6)
    pay.node.automine(False)
    orders = [await pay.order(5_000, PAYEE) for _ in range(2)]
    await pay.desk.process()
    found = sorted([(o.status, o.waiting) for o in [await pay.desk.get(o) for o in orders]])
    assert found == [("queued", "float_empty"), ("sent", None)]
    [left] = [h for h in await pay.rail.read_float(pay.business.business_id) if "USDT" in h.asset]
    assert (left.amount, left.cents) == ("25", 2_500)


async def test_a_gas_spike_above_the_cap_makes_orders_wait(pay: Paying) -> None:
    order = await pay.order(5_000, PAYEE)
    pay.node.set_base_fee(500 * GWEI)
    pay.node.mine()
    await pay.desk.process()
    waits = await pay.desk.get(order)
    assert (waits.status, waits.waiting) == ("queued", "gas_price_high")
    assert await pay.count("evm_payments") == 0
    pay.node.set_base_fee(GWEI)
    pay.node.mine()
    assert (await pay.settle(order)).status == "sent"


async def test_a_node_that_is_down_before_the_nonce_sends_nothing(pay: Paying) -> None:
    order = await pay.order(5_000, PAYEE)
    assert pay.accounts.account is not None
    working = pay.accounts.account.credentials
    pay.change(credentials={f"rpc:{CHAIN}": "http://127.0.0.1:1/secret-key"})
    await pay.desk.process()
    waits = await pay.desk.get(order)
    assert (waits.status, waits.waiting) == ("queued", "rail_unreachable")
    assert "secret" not in json.dumps(await pay.answer(order))
    with pytest.raises(RailError) as error:
        await pay.rail.read_float(pay.business.business_id)
    assert "secret" not in str(error.value)
    pay.change(credentials=working)
    assert (await pay.settle(order)).status == "sent"


async def test_a_second_node_serves_where_the_first_is_down(pay: Paying) -> None:
    order = await pay.order(5_000, PAYEE)
    pay.change(credentials={f"rpc:{CHAIN}": f"http://127.0.0.1:1\n{pay.node.url}"})
    await pay.desk.process()
    assert (await pay.desk.get(order)).status == "sent"


def _http(body: str, head: str = "200 OK", length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    return f"HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}".encode()


def _rpc(**answer: object) -> bytes:
    return _http(json.dumps({"jsonrpc": "2.0", "id": 0, **answer}))


@pytest.mark.parametrize(
    "answer",
    [
        _http("secretkey"),
        _http("null"),
        _http("{", length=99_999_999),
        _http("", "302 Found\r\nLocation: http://127.0.0.1:1/secretkey"),
        _http("secretkey", "429 Too Many Requests"),
        _rpc(error={"code": -32000, "message": "no such key: secretkey"}),
        _rpc(result="secretkey"),
        b"",
    ],
    ids=["text", "null", "cut_off", "redirect", "limited", "error", "result", "hangs_up"],
)
async def test_a_node_that_answers_nonsense_sends_nothing_and_is_not_quoted(
    pay: Paying, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read(65_536)
            writer.write(answer)
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    order = await pay.order(5_000, PAYEE)
    [claim] = await pay.claim()
    assert pay.accounts.account is not None
    working = pay.accounts.account.credentials
    pay.change(credentials={f"rpc:{CHAIN}": f"http://127.0.0.1:{port}/secretkey"})
    outcome = await pay.submit(claim)
    assert (outcome.state, outcome.waiting) == ("not_sent", "rail_unreachable")
    assert "secretkey" not in repr(outcome)
    pay.change(credentials=working)
    assert (await pay.submit(claim)).state == "accepted"
    pay.change(credentials={f"rpc:{CHAIN}": f"http://127.0.0.1:{port}/secretkey"})
    outcome = await pay.look_up(claim)
    assert outcome.state == "unknown"
    assert "secretkey" not in repr(outcome) + caplog.text
    assert await pay.count("evm_payments") == 1
    assert (await pay.desk.get(order)).status == "sending"
    server.close()
    await server.wait_closed()


async def test_a_chain_with_one_gas_price_and_authorities_is_paid_on(pay: Paying) -> None:
    pay.change(chain={"legacy_fees": True, "poa": True})
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pay.node.mine(CONFIRMATIONS)
    done = await pay.settle(order)
    assert done.status == "succeeded"
    sent = pay.node.rpc("eth_getTransactionByHash", done.rail_order_id)
    assert sent["type"] == "0x0"


async def test_one_wallet_does_not_pay_for_two_businesses(
    pay: Paying, make_business: MakeBusiness
) -> None:
    first = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    assert (await pay.desk.get(first)).status == "sent"
    other = await paying(pay.node, await make_business(funds=1_000_000))
    assert pay.accounts.account is not None
    other.change(settings=pay.accounts.account.settings)
    other.key = pay.key
    order = await other.order(5_000, PAYEE)
    [claim] = await other.claim()
    rail = other.fresh_rail()
    outcome = await other.submit(claim, rail)
    await rail.close()
    await other.rail.close()
    assert (outcome.state, outcome.waiting) == ("not_sent", "wallet_of_another_business")
    assert await other.count("evm_payments") == 0
    assert (await other.desk.get(order)).status == "sending"


async def test_a_node_of_another_chain_is_not_believed(pay: Paying) -> None:
    order = await pay.order(5_000, PAYEE)
    pay.change(chain={"chain_id": 1337})
    await pay.desk.process()
    waits = await pay.desk.get(order)
    assert (waits.status, waits.waiting) == ("queued", "chain_changed")
    with pytest.raises(RailError, match="the node is of chain 31337"):
        await pay.rail.read_float(pay.business.business_id)


async def test_a_transfer_that_would_fail_is_not_sent_and_gives_the_money_back(pay: Paying) -> None:
    pay.usdt.write("setBlackListed", PAYEE, True)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    assert (await pay.desk.get(order)).status == "failed"
    assert await pay.count("evm_payments") == 0
    assert (await pay.business.ledger())["in_transit:evm"] == 0


async def test_a_contract_is_paid_unless_it_refuses_or_burns_gas(pay: Paying) -> None:
    payee = pay.node.deploy("Payee")
    pay.change(min_amount=1)
    for refusing, writes, status in (
        (False, 1, "sent"),
        (True, 0, "failed"),
        (False, 30, "failed"),
    ):
        payee.write("set", refusing, writes)
        order = await pay.order(5_000, payee.address, "ETH")
        await pay.desk.process()
        assert (await pay.desk.get(order)).status == status
        pay.change(fees=FeePolicy("recipient"))
        asked = {"currency": "ETH", "chain": CHAIN, "to_address": payee.address}
        request = Request(pay.business.business_id, "crypto", asked, amount=5_000)
        if status == "failed":
            with pytest.raises(Invalid) as refused:
                await pay.rail.quote(request)
            assert list(refused.value.fields) == ["crypto.to_address"]
        else:
            assert (await pay.rail.quote(request)).fees > 0
        pay.change(fees=FeePolicy())
    assert await pay.count("evm_payments") == 1


@pytest.mark.parametrize(
    ("price", "status"), [("2010", "sent"), ("2100", "failed"), ("1900", "failed")]
)
async def test_an_expired_quote_is_sent_only_while_the_price_is_nearly_the_same(
    pay: Paying, monkeypatch: pytest.MonkeyPatch, price: str, status: str
) -> None:
    monkeypatch.setattr(quoting, "QUOTE_LIFETIME", timedelta(seconds=-1))
    order = await pay.order(5_000, PAYEE, "ETH")
    pay.price(price)
    await pay.desk.process()
    assert (await pay.desk.get(order)).status == status
    if status == "failed":
        assert await pay.count("evm_payments") == 0
        assert (await pay.business.ledger())["in_transit:evm"] == 0


async def test_a_host_whose_clock_is_behind_keeps_to_no_old_price(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest block is an hour later than the host's time: the quote has expired."""
    head = Node.head

    async def an_hour_on(node: Node) -> Block:
        block = await head(node)
        return replace(block, timestamp=block.timestamp + 3_600)

    order = await pay.order(5_000, PAYEE, "ETH")
    pay.price("2100")
    monkeypatch.setattr(Node, "head", an_hour_on)
    await pay.desk.process()
    assert (await pay.desk.get(order)).status == "failed"
    assert await pay.count("evm_payments") == 0


async def test_an_expired_quote_waits_while_there_is_no_price(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quoting, "QUOTE_LIFETIME", timedelta(seconds=-1))
    order = await pay.order(5_000, PAYEE, "ETH")
    pay.price("2000", valid_s=-1)
    await pay.desk.process()
    waits = await pay.desk.get(order)
    assert (waits.status, waits.waiting) == ("queued", "price_stale")
    pay.price("2000")
    assert (await pay.settle(order)).status == "sent"


async def test_two_processes_give_out_every_nonce_once(pay: Paying, tmp_path: Path) -> None:
    pay.change(min_amount=1)
    orders = [await pay.order(100 + number, PAYEE) for number in range(50)]
    account = pay.accounts.account
    assert account is not None
    given = {
        "business_id": str(pay.business.business_id),
        "settings": account.settings,
        "credentials": account.credentials,
        "url": pay.business.database.url,
        "key": pay.key,
        "limit": 30,
    }
    workers = (
        asyncio.to_thread(
            warm.run,
            [evm_worker.__file__],
            given=json.dumps(given),
            environment={},
            folder=tmp_path,
            timeout=stretch(60),
        )
        for _ in range(2)
    )
    handled = [int(ended.stdout) for ended in await asyncio.gather(*workers)]
    assert sum(handled) == 50
    assert min(handled) > 0
    # Those for which the node was too slow, on a machine that has a lot to do.
    business_id, who = pay.business.business_id, Actor("command:test")
    await pay.business.database.write(service.resume, business_id, "rail_unreachable", who)
    await pay.desk.process()
    found = [await pay.desk.get(order) for order in orders]
    assert {order.status for order in found} == {"sent"}
    assert pay.node.nonce(pay.address) == 50
    paid = sorted(pay.received(PAYEE))
    assert paid == [(100 + number) * 10**4 for number in range(50)]


async def test_where_the_business_pays_the_network_a_payment_is_worth_its_cost(
    pay: Paying,
) -> None:
    request = Request(
        pay.business.business_id,
        "crypto",
        {"currency": "USDT", "chain": CHAIN, "to_address": PAYEE},
        amount=1,
    )
    with pytest.raises(Invalid) as refused:
        await pay.rail.quote(request)
    [message] = refused.value.fields["amount"]
    least = int(message.split("at least ")[1].split(":")[0])
    quote = await pay.rail.quote(replace(request, amount=least))
    assert (quote.amount, quote.fees) == (least, 0)
    pay.node.set_base_fee(20 * GWEI)  # the minimum follows the present cost
    pay.node.mine(1)
    with pytest.raises(Invalid):
        await pay.rail.quote(replace(request, amount=least))
    pay.node.set_base_fee(GWEI)
    pay.node.mine(1)
    pay.change(min_amount=1)  # somebody decided otherwise
    assert (await pay.rail.quote(request)).net_amount == 1
