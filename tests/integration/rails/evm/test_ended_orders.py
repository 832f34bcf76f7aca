"""An order whose money was given back is not paid any more by us, whatever the chain does; and
nobody says that it failed while it can still be paid."""

from typing import Any

import pytest

from payviox import ids
from payviox.rails.evm.keys import Signed, SignerError
from payviox.rails.evm.keystores import KeystoreSigner
from payviox.withdrawals import manual_settlement, service
from payviox.withdrawals.model import Order, reference
from support.anvil import GWEI
from support.evm import CONFIRMATIONS, PAYEE, Paying
from support.evm_hand import sent_by_hand

pytestmark = pytest.mark.anyio


async def _refuse(*_: Any) -> Signed:
    raise SignerError("The signer is away.")


async def _settled_as_failed(pay: Paying, monkeypatch: pytest.MonkeyPatch) -> Order:
    """An order with a nonce for which nothing was ever signed, and which a person called failed."""
    with monkeypatch.context() as patched:
        patched.setattr(KeystoreSigner, "sign", _refuse)
        order = await pay.order(5_000, PAYEE)
        await pay.desk.process()
        for _ in range(3):
            await pay.desk.hurry(age_s=90_000)
            await pay.desk.process()
    assert (await pay.desk.get(order)).waiting == "person"
    await _settle(pay, order)
    return order


async def test_an_order_that_was_settled_as_paid_otherwise_is_not_signed_by_a_look_up(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(KeystoreSigner, "sign", _refuse)
        order = await pay.order(5_000, PAYEE)
        await pay.desk.process()
        for _ in range(3):
            await pay.desk.hurry(age_s=90_000)
            await pay.desk.process()
    await pay.desk.write(
        lambda db: manual_settlement.settle(
            db, order.business_id, order.id, "succeeded", reason="by hand", actor="op"
        )
    )
    for _ in range(2):
        await pay.desk.hurry()
        await pay.desk.process()
        pay.node.mine(CONFIRMATIONS + 1)
    assert pay.received(PAYEE) == []
    assert await pay.count("evm_transactions") == 0
    assert (await pay.business.ledger())["settled:evm"] == 5_000


async def _settle(pay: Paying, order: Order) -> None:
    await pay.desk.write(
        lambda db: manual_settlement.settle(
            db, order.business_id, order.id, "failed", reason="nothing found", actor="op"
        )
    )


async def _given_back(pay: Paying, order: Order) -> bool:
    """Whether the books have the order's money back with its owner, and none on its way."""
    books = await pay.business.ledger()
    assert (books["in_transit:evm"], books["settled:evm"]) == (0, 0)
    return (await pay.desk.get(order)).status == "failed" and books["ada@example.com"] == 900_000


async def test_an_order_that_was_settled_as_failed_is_not_signed_by_a_look_up(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await _settled_as_failed(pay, monkeypatch)
    for _ in range(2):
        await pay.desk.write(lambda db: service.look_up_now(db, order.business_id, order.id, "op"))
        await pay.desk.process()
        pay.node.mine(CONFIRMATIONS)
    assert await _given_back(pay, order)
    assert await pay.count("evm_transactions") == 0
    assert pay.received(PAYEE) == []


async def test_an_order_settled_while_it_is_signed_is_not_sent(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await pay.order(5_000, PAYEE)
    with monkeypatch.context() as patched:
        patched.setattr(KeystoreSigner, "sign", _refuse)
        await pay.desk.process()
        for _ in range(3):
            await pay.desk.hurry(age_s=90_000)
            await pay.desk.process()
    sign = KeystoreSigner.sign

    async def settle_and_sign(self: KeystoreSigner, *asked: Any) -> Signed:
        await _settle(pay, order)
        return await sign(self, *asked)

    monkeypatch.setattr(KeystoreSigner, "sign", settle_and_sign)
    await pay.settle(order)
    pay.node.mine(CONFIRMATIONS)
    assert await _given_back(pay, order)
    assert await pay.count("evm_transactions") == 0
    assert pay.received(PAYEE) == []


async def test_a_failed_order_is_not_sent_again_after_a_deep_reorganisation(pay: Paying) -> None:
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pool = pay.node.pool()
    pay.node.drop_all()
    pay.usdt.write("setPaused", True)
    await pay.settle(order)
    assert pay.node.pool() == pool
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(order)).status == "failed"
    pay.node.reorg(CONFIRMATIONS + 2)
    pay.node.drop_all()
    await pay.settle(order)
    assert pay.node.pool() == []
    pay.node.mine(CONFIRMATIONS)
    assert pay.received(PAYEE) == []
    assert await _given_back(pay, order)
    alerted = await pay.scalar(
        "SELECT count(*) FROM audit_entries WHERE business_id = %s AND act = %s",
        order.business_id,
        "order.contradicted_after_failure",
    )
    assert alerted == 1  # whoever kept the transaction can still have it mined


async def test_what_waits_behind_the_nonce_of_a_failed_order_says_so(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _settled_as_failed(pay, monkeypatch)
    behind = await pay.order(7_000, PAYEE)
    await pay.desk.process()
    waits = await pay.settle(behind)
    assert (waits.status, waits.waiting) == ("sent", "nonce_missing")
    assert (await pay.answer(behind))["missing_nonces"] == [0]
    assert pay.accounts.account is not None
    found = {f.subject: f.problem for f in await pay.rail.check(pay.accounts.account)}
    assert "nonce 0" in str(found["LOCAL nonces"])
    sent_by_hand(pay, pay.node.accounts[5], value=1)
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(behind)).status == "succeeded"


async def test_a_payment_may_be_called_failed_once_its_nonce_is_used_for_good(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeystoreSigner, "sign", _refuse)
    pay.node.automine(False)
    order = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    name = reference(order.id, 1)
    business_id = pay.business.business_id
    problem = await pay.rail.still_payable(business_id, name)
    assert "nonce 0" in str(problem)
    sent_by_hand(pay, pay.node.accounts[5], value=1)
    pay.node.mine()
    assert "not finally" in str(await pay.rail.still_payable(business_id, name))
    pay.node.mine(CONFIRMATIONS - 1)
    assert await pay.rail.still_payable(business_id, name) is None
    assert await pay.rail.still_payable(business_id, reference(ids.new(), 1)) is None
    account, pay.accounts.account = pay.accounts.account, None
    assert "connect the wallet" in str(await pay.rail.still_payable(business_id, name))
    pay.accounts.account = account
    pay.change(credentials={"rpc:LOCAL": "http://127.0.0.1:1"})
    assert "Nobody can say" in str(await pay.rail.still_payable(business_id, name))


async def test_a_final_payment_that_a_reorganisation_undid_is_sent_by_those_behind_it(
    pay: Paying,
) -> None:
    first = await pay.order(5_000, PAYEE)
    await pay.desk.process()
    pay.node.mine(2 * CONFIRMATIONS + 1)
    assert (await pay.settle(first)).due_at is None  # nobody looks at it any more
    pay.node.reorg(2 * CONFIRMATIONS + 2)
    pay.node.drop_all()
    second = await pay.order(7_000, PAYEE)
    await pay.desk.process()
    pay.node.set_base_fee(GWEI)
    await pay.settle(second)
    pay.node.mine(CONFIRMATIONS)
    assert (await pay.settle(second)).status == "succeeded"
    assert pay.received(PAYEE) == [50 * 10**6, 70 * 10**6]
    assert (await pay.business.ledger())["settled:evm"] == 12_000
