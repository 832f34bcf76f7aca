"""What many payments ask of a wallet's books at the same time is one transaction; what ends one of
them is not the others'."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from payviox.db.pool import Connection, Database
from payviox.rail_state import evm_books
from payviox.rail_state.evm_books import EvmBooks
from payviox.rails.evm.books import (
    Ended,
    Fees,
    Payment,
    Seen,
    TooLittle,
    Transaction,
    Transfer,
    Wallet,
)
from payviox.withdrawals.sending.claims import Claim
from support.anvil import ETHER, GWEI
from support.evm import CONFIRMATIONS, PAYEE, Paying
from support.polling import eventually

pytestmark = pytest.mark.anyio

CENTS = 5_000
COIN = Transfer(None, PAYEE, ETHER, CENTS, 21_000, 10 * GWEI)


class Watched(Database):
    """Counts its transactions."""

    writes = 0

    async def write(self, *arguments: Any, **options: Any) -> Any:
        self.writes += 1
        return await super().write(*arguments, **options)


async def _claims(pay: Paying, number: int) -> list[Claim]:
    for _ in range(number):
        await pay.order(CENTS, PAYEE)
    return await pay.claim()


def _wallet(pay: Paying) -> Wallet:
    return Wallet(pay.business.business_id, 31337, pay.address)


async def _reserve(
    books: EvmBooks, wallet: Wallet, claims: Sequence[Claim], seen: Seen
) -> list[Payment | BaseException]:
    """All at once."""
    return await asyncio.gather(
        *(books.reserve(wallet, c.order.id, c.reference, COIN, seen) for c in claims),
        return_exceptions=True,
    )


async def _store(
    books: EvmBooks, claims: Sequence[Claim], payments: Sequence[Payment]
) -> list[Any]:
    return await asyncio.gather(
        *(
            books.store(c.order.id, p, 1, f"0x{p.nonce:064x}", b"%d" % p.nonce, Fees(GWEI, 1))
            for c, p in zip(claims, payments, strict=True)
        ),
        return_exceptions=True,
    )


async def test_payments_made_together_have_nonces_one_after_another_by_two_commits(
    pay: Paying,
) -> None:
    claims = await _claims(pay, 8)
    database = Watched(pay.business.database.url)
    await database.open()
    try:
        books = EvmBooks(database)
        seen = Seen(0, 0, 100 * ETHER)
        payments = await _reserve(books, _wallet(pay), claims, seen)
        reserved = [each for each in payments if isinstance(each, Payment)]
        assert [payment.nonce for payment in reserved] == list(range(8))
        assert [payment.reference for payment in reserved] == [c.reference for c in claims]
        stored = await _store(books, claims, reserved)
        assert [each.raw for each in stored] == [b"%d" % n for n in range(8)]
        assert database.writes == 2
        again = await _reserve(books, _wallet(pay), claims, seen)
        assert again == payments
        assert await books.next_nonce(_wallet(pay)) == 8
    finally:
        await database.close()


async def test_a_wallet_that_can_pay_for_some_pays_for_those_and_no_more(pay: Paying) -> None:
    claims = await _claims(pay, 5)
    books = EvmBooks(pay.business.database)
    most = 3 * (ETHER + COIN.fee)
    answers = await _reserve(books, _wallet(pay), claims, Seen(0, 0, most + COIN.fee))
    assert [isinstance(answer, Payment) for answer in answers] == [True] * 3 + [False] * 2
    for short in answers[3:]:
        assert isinstance(short, TooLittle)
        assert short.waiting == "float_empty"
        assert short.evidence["units_free"] == "0"
    assert await books.next_nonce(_wallet(pay)) == 3
    assert await pay.count("evm_payments") == 3


async def test_a_wallet_is_not_known_while_none_of_its_first_payments_got_a_nonce(
    pay: Paying,
) -> None:
    claims = await _claims(pay, 3)
    books = EvmBooks(pay.business.database)
    answers = await _reserve(books, _wallet(pay), claims, Seen(7, 7, 0))
    assert {getattr(answer, "waiting", None) for answer in answers} == {"gas_empty"}
    assert await books.next_nonce(_wallet(pay)) is None
    assert await pay.count("evm_wallets") == 0
    [first, *_] = await _reserve(books, _wallet(pay), claims, Seen(9, 9, 100 * ETHER))
    assert isinstance(first, Payment)
    assert first.nonce == 9


async def test_an_order_that_ended_meanwhile_gets_no_nonce_and_the_others_do(pay: Paying) -> None:
    claims = await _claims(pay, 4)
    books = EvmBooks(pay.business.database)
    ended = claims[1].order
    await pay.desk.write(
        lambda db: db.execute(
            "UPDATE orders SET status = 'failed' WHERE business_id = %s AND id = %s",
            [ended.business_id, ended.id],
        )
    )
    seen = Seen(0, 0, 100 * ETHER)
    answers = await _reserve(books, _wallet(pay), claims, seen)
    assert isinstance(answers.pop(1), Ended)
    assert [getattr(answer, "nonce", None) for answer in answers] == [0, 1, 2]


async def test_an_order_that_ended_meanwhile_is_not_signed_and_the_others_are(pay: Paying) -> None:
    claims = await _claims(pay, 4)
    books = EvmBooks(pay.business.database)
    payments = [
        each
        for each in await _reserve(books, _wallet(pay), claims, Seen(0, 0, 100 * ETHER))
        if isinstance(each, Payment)
    ]
    ended = claims[2].order
    await pay.desk.write(
        lambda db: db.execute(
            "UPDATE orders SET status = 'failed' WHERE business_id = %s AND id = %s",
            [ended.business_id, ended.id],
        )
    )
    answers = await _store(books, claims, payments)
    assert isinstance(answers[2], Ended)
    listed = [await books.transactions(payment) for payment in payments]
    assert [len(transactions) for transactions in listed] == [1, 1, 0, 1]
    assert await pay.count("evm_transactions") == 3


async def test_one_row_that_cannot_be_written_is_not_the_others_trouble(pay: Paying) -> None:
    claims = await _claims(pay, 3)
    books = EvmBooks(pay.business.database)
    payments = [
        each
        for each in await _reserve(books, _wallet(pay), claims, Seen(0, 0, 100 * ETHER))
        if isinstance(each, Payment)
    ]
    payments[1] = replace(payments[1], nonce=-1)  # no such payment
    answers = await _store(books, claims, payments)
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False]
    assert await pay.count("evm_transactions") == 2


async def test_an_order_that_somebody_holds_keeps_none_of_the_others_waiting(
    pay: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evm_books, "GROUP_WAITS_S", 0.05)
    claims = await _claims(pay, 4)
    books = EvmBooks(pay.business.database)
    reserved = await _reserve(books, _wallet(pay), claims, Seen(0, 0, 100 * ETHER))
    payments = [each for each in reserved if isinstance(each, Payment)]
    held, leave = asyncio.Event(), asyncio.Event()

    async def hold(connection: Connection) -> None:
        await connection.execute(
            "SELECT FROM orders WHERE business_id = %s AND id = %s FOR UPDATE",
            [claims[0].order.business_id, claims[0].order.id],
        )
        held.set()
        await leave.wait()

    holding = asyncio.create_task(pay.business.database.write(hold))
    await held.wait()
    first = asyncio.create_task(_store(books, claims[:3], payments[:3]))
    try:
        for payment in payments[1:3]:
            await eventually(lambda payment=payment: books.transactions(payment))
        assert isinstance((await _store(books, claims[3:], payments[3:]))[0], Transaction)
        assert not first.done()
        assert await books.transactions(payments[0]) == []
    finally:
        leave.set()
        await holding
    assert all(isinstance(each, Transaction) for each in await first)
    assert await pay.count("evm_transactions") == 4


async def test_one_that_gives_up_takes_nothing_from_those_beside_it(pay: Paying) -> None:
    claims = await _claims(pay, 3)
    books = EvmBooks(pay.business.database)
    seen = Seen(0, 0, 100 * ETHER)
    asked = [
        asyncio.create_task(books.reserve(_wallet(pay), c.order.id, c.reference, COIN, seen))
        for c in claims
    ]
    await asyncio.sleep(0)
    asked[0].cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Payment) for answer in answers[1:])


async def test_many_orders_sent_at_once_are_paid_once_each(pay: Paying) -> None:
    orders = [await pay.order(CENTS + number, PAYEE) for number in range(12)]
    await pay.desk.process()
    for _ in range(4):
        pay.node.mine(CONFIRMATIONS)
        await pay.desk.hurry()
        await pay.desk.process()
    done = [await pay.desk.get(order) for order in orders]
    assert {order.status for order in done} == {"succeeded"}
    assert sorted(pay.received(PAYEE)) == [(CENTS + number) * 10_000 for number in range(12)]
    paid = sum(CENTS + number for number in range(12))
    books = await pay.business.ledger()
    assert (books["settled:evm"], books["in_transit:evm"]) == (paid, 0)
