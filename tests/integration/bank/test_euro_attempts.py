"""Orders in euros that the bank pays in no straight line: several attempts at other rates, paid
after all, returned more than once. What the rate makes of them is gone with them."""

from collections.abc import AsyncIterator
from decimal import Decimal

import psycopg
import pytest

from payviox.bank import files
from payviox.bank.euros import Euros
from payviox.bank.model import Payment
from payviox.rates import service as rates
from payviox.reconciliation import service as reconciliation
from payviox.withdrawals.model import Order
from support.banking import PERSON, SEPA, Banking, answer, entry, rejected, statement
from support.businesses import TestBusiness
from support.databases import Urls

pytestmark = pytest.mark.anyio

OURS = "<IBAN>DE02120300000000202051</IBAN>"


class Paying:
    """An order of $25.00 that is worth €22.50 by the rate of its quote, and its bank."""

    def __init__(self, bank: Banking, order: Order) -> None:
        self.bank, self.order = bank, order
        self.holds = 100_000
        self.statements = 0

    async def say(self, rate: str) -> None:
        await self.bank.database.write(rates.set_fixed, "EUR", Decimal(rate), 1, PERSON)

    async def leaves(self, rate: str) -> Payment:
        """What waits leaves in a file that is cut by this rate."""
        await self.say(rate)
        for _ in range(2):
            await self.bank.desk.hurry()
            await self.bank.desk.process()
        await self.bank.released("sepa")
        return await self.bank.payment(self.order)

    async def states(self, *lines: tuple[Payment, str]) -> None:
        """The bank's next statement: `out` or `back`."""
        opening = self.holds
        self.statements += 1
        for payment, what in lines:
            self.holds += payment.amount if what == "back" else -payment.amount
        entries = [
            entry(
                payment,
                ref=f"{self.statements}-{number}",
                credit=what == "back",
                code="AC04" if what == "back" else None,
            )
            for number, (payment, what) in enumerate(lines)
        ]
        content = statement(
            entries,
            opening=opening,
            closing=self.holds,
            account=OURS,
            currency="EUR",
            number=str(self.statements),
        )
        await self.bank.take(content)

    async def rejects(self, payment: Payment, code: str) -> None:
        assert payment.file_id is not None
        file = await self.bank.database.fetch(files.get, self.bank.id, payment.file_id)
        await self.bank.take(answer(file, payments=[rejected(payment, code)]))

    async def ends(self) -> tuple[str, dict[str, int]]:
        """The order's state and the books once worker and comparison have done what is due."""
        for _ in range(2):
            await self.bank.desk.hurry()
            await self.bank.desk.process()
            await reconciliation.reconcile_rail(
                self.bank.database, self.bank.rails, self.bank.id, "bank", young_s=0.0
            )
        await self.bank.business.ledger()  # every invariant holds
        rows = await self.bank.business.rows(
            "SELECT kind, sum(balance)::bigint FROM accounts WHERE business_id = %s AND kind IN"
            " ('user', 'in_transit', 'settled', 'exchange', 'suspense') GROUP BY kind"
        )
        status = (await self.bank.desk.get(self.order)).status
        return status, {str(kind): int(cents) for kind, cents in rows if cents}


@pytest.fixture
async def paying(business: TestBusiness, urls: Urls) -> AsyncIterator[Paying]:
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("TRUNCATE exchange_rates")
        bank = await Banking.of(
            business,
            converter=Euros(business.database),
            rate_source="fixed",
            spread_bp=100,
            check_float="no",
        )
        await bank.database.write(rates.set_fixed, "EUR", Decimal("1.1"), 1, PERSON)
        found = Paying(bank, await bank.order(2_500, SEPA))
        yield found
        owner.execute("TRUNCATE exchange_rates")


async def test_an_attempt_at_another_rate_counts_by_its_own(paying: Paying) -> None:
    first = await paying.leaves("1.2")
    await paying.rejects(first, "AM04")
    second = await paying.leaves("1.3")
    assert (first.worth, second.worth) == (2_700, 2_925)
    await paying.states((second, "out"))
    assert await paying.ends() == ("succeeded", {"settled": 2_925, "exchange": -425})
    await paying.states((second, "back"))
    assert await paying.ends() == ("returned", {"user": 2_500})


async def test_what_was_paid_after_all_and_came_back_leaves_nothing(paying: Paying) -> None:
    payment = await paying.leaves("1.2")
    await paying.rejects(payment, "AC04")
    assert await paying.ends() == ("failed", {"user": 2_500})
    await paying.states((payment, "out"))
    assert await paying.ends() == (
        "failed",
        {"user": 2_500, "settled": 2_700, "exchange": -200, "suspense": -2_500},
    )
    await paying.states((payment, "back"))
    assert await paying.ends() == ("failed", {"user": 2_500})


async def test_what_was_paid_after_all_and_came_back_at_once_leaves_nothing(
    paying: Paying,
) -> None:
    payment = await paying.leaves("1.2")
    await paying.rejects(payment, "AC04")
    await paying.ends()
    await paying.states((payment, "out"), (payment, "back"))
    assert await paying.ends() == ("failed", {"user": 2_500})


async def test_a_first_attempt_that_is_paid_beside_the_second_and_comes_back(
    paying: Paying,
) -> None:
    first = await paying.leaves("1.2")
    await paying.rejects(first, "AM04")
    second = await paying.leaves("1.3")
    await paying.states((second, "out"), (first, "out"))
    status, books = await paying.ends()
    assert (status, books["suspense"], books["settled"]) == ("succeeded", -2_500, 2_925 + 2_500)
    await paying.states((first, "back"))
    assert await paying.ends() == ("succeeded", {"settled": 2_925, "exchange": -425})
    await paying.states((second, "back"))
    assert await paying.ends() == ("returned", {"user": 2_500})


async def test_a_return_that_is_told_twice_gives_back_once(paying: Paying) -> None:
    payment = await paying.leaves("1.2")
    await paying.states((payment, "out"))
    await paying.ends()
    await paying.states((payment, "back"))
    await paying.states((payment, "back"))
    assert await paying.ends() == ("returned", {"user": 2_500})


async def test_what_came_back_and_leaves_once_more_is_named(paying: Paying) -> None:
    payment = await paying.leaves("1.2")
    await paying.states((payment, "out"), (payment, "back"))
    assert await paying.ends() == ("returned", {"user": 2_500})
    await paying.states((payment, "out"))
    status, books = await paying.ends()
    assert (status, books) == ("returned", {"user": 2_500, "settled": 2_500, "suspense": -2_500})
