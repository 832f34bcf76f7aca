"""Ten thousand random orders to bank accounts in euros and dollars: see support/random_bank. In the
end the bank's own books say that nobody was paid twice, and ours say the same to the cent."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from conftest import MakeBusiness
from payviox.bank import account_books, imports
from payviox.reconciliation.service import reconcile_rail
from support.random_bank import OPENING, SCHEMES, BankWorld

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

SEED = 20_261_129
ORDERS = 10_000
DAYS, CLEARING = 8, 7

ENDS = {
    ("paid", "booked"),
    ("returned", "returned"),
    ("rejected", "rejected"),
    ("not taken", "rejected"),  # with its whole file
}
"""What a payment may be in the bank's books and in ours."""


@pytest.fixture
async def world(make_business: MakeBusiness) -> BankWorld:
    return await BankWorld.of(await make_business(funds=10**11), SEED)


async def test_ten_thousand_random_orders_end_as_the_banks_books_say(world: BankWorld) -> None:
    await world.say_rate()
    people = await world.people()
    left = ORDERS - len(people)
    for day in range(DAYS + CLEARING):
        if day < DAYS:
            await world.say_rate()
            await world.make_orders(people, left // DAYS)
        await world.work(stopped=day % 2 == 0)
        await world.say_rate()  # it changes between an order and its file
        await world.send_files()
        if day > 0:
            world.pay_in()
        world.end_day()
        await world.import_some()
        await world.pass_time()
    world.state_everything()
    await world.import_some(all_of_it=True)
    for _ in range(3):
        await world.work()
        await world.pass_time()
    await compare(world)


async def compare(world: BankWorld) -> None:
    """The bank's books and ours: payment by payment, order by order, and in sum."""
    ends, paid = await compare_payments(world)
    assert set(ends) == ENDS
    assert ends["paid", "booked"] > ORDERS // 2
    orders = dict(
        await world.banking.business.rows("SELECT id, status FROM orders WHERE business_id = %s")
    )
    assert len(orders) == ORDERS
    assert set(orders.values()) == {"succeeded", "returned", "failed"}
    for order_id, status in orders.items():
        assert paid[order_id] == (status == "succeeded")
    await compare_account(world)
    await reconcile(world)
    assert set(world.refused) == {"FieldErrors", "OfAnother"}  # wrong totals, and a file cut off


async def compare_payments(world: BankWorld) -> tuple[Counter[tuple[str, str]], Counter[UUID]]:
    """How the payments of all attempts ended, and how often each order is paid by the bank's own
    books."""
    assert all(payment.times_paid <= 1 for payment in world.payments)
    at_the_bank = {payment.order.end_to_end_id: payment for payment in world.payments}
    assert len(at_the_bank) == len(world.payments)
    rows = await world.banking.business.rows(
        "SELECT order_id, end_to_end_id, status, amount, cents, worth FROM bank_payments"
        " WHERE business_id = %s"
    )
    ends: Counter[tuple[str, str]] = Counter()
    paid: Counter[UUID] = Counter()
    settled = kept = 0
    for order_id, end_to_end_id, status, amount, cents, worth in rows:
        payment = at_the_bank.pop(end_to_end_id, None)
        assert payment is None or payment.order.amount == amount
        state = "not taken" if payment is None else payment.state
        ends[state, status] += 1
        if state == "paid":
            paid[order_id] += 1
            settled += cents if worth is None else worth
            kept += 0 if worth is None else cents - worth
    assert at_the_bank == {}
    ledger = await world.banking.business.ledger()
    assert ledger["in_transit:bank"] == 0
    assert (ledger["settled:bank"], ledger["exchange:bank"]) == (settled, kept)
    return ends, paid


async def compare_account(world: BankWorld) -> None:
    """Every cent that moved the accounts has a name."""
    banking = world.banking
    business_id, fetch = banking.id, banking.database.fetch
    left = {
        each.currency: each.amount for each in await fetch(imports.left_of_statements, business_id)
    }
    assert left == {books.currency: books.balance for books in world.books.values()}
    for account in await fetch(account_books.read, business_id):
        moved: dict[Any, int] = {each.line: each.amount for each in account.moved}
        assert (account.difference, account.gaps, account.not_stated) == (0, [], None)
        assert set(moved) <= {"payments", "returns", "paid_in"}
        assert moved.get("paid_in", 0) == (world.deposits if account.currency == "EUR" else 0)
    for scheme in SCHEMES:
        books = world.books[scheme]
        moved_by = sum(p.order.amount for p in books.payments if p.state == "paid")
        deposits = world.deposits if scheme == "sepa" else 0
        assert books.balance == OPENING[scheme] + deposits - moved_by
    entries = await banking.business.rows(
        "SELECT DISTINCT i.kind, e.unmatched FROM bank_entries e JOIN bank_imports i"
        " ON i.business_id = e.business_id AND i.id = e.import_id"
        " WHERE e.business_id = %s AND e.unmatched IS NOT NULL"
    )
    assert {tuple(each) for each in entries} <= {
        ("camt.053", "not_ours"),  # what was paid in
        ("camt.054", "not_ours"),
        ("pain.002", "whole_file"),  # it was taken in part: what it says of each payment counts
        ("pain.002", "not_ours"),  # the bank had it already
    }


async def reconcile(world: BankWorld) -> None:
    """The product itself finds every cent, and nothing to explain."""
    report = await reconcile_rail(
        world.banking.database,
        world.banking.rails,
        world.banking.id,
        "bank",
        since=datetime.now(UTC) - timedelta(days=365),
        young_s=0.0,
    )
    assert report.not_compared is None
    assert report.ours.difference == report.theirs.difference == 0
    assert report.items == []
