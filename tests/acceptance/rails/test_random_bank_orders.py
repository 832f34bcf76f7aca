"""Two thousand random orders to bank accounts, while people cut, hand files over twice and import
what the bank gives late, twice, in other order, in part and wrong: in the end the bank's own books
say that nobody was paid twice, and ours say the same to the cent."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conftest import MakeBusiness
from payviox import ids
from payviox.bank import imports
from payviox.bank.model import BankFile
from payviox.cli.demo.bank import ach, answers
from payviox.cli.demo.bank.books import PAID, BankBooks, Course
from payviox.cli.demo.bank.files import Order as BankOrder
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.rails.orders import Request
from payviox.withdrawals import service
from payviox.withdrawals.model import Order
from payviox.withdrawals.sending.processor import process_due
from support import accounts
from support.bank_files import routing_number_of
from support.banking import ACH, Banking

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

SEED = 20_261_129
ORDERS = 2_000
DAYS, CLEARING = 8, 6
PEOPLE = 40
TOGETHER = 250
"""Orders that are made in one transaction."""
OPENING = 10**9
"""Cents in the account."""

COURSES = (
    (PAID, 80),
    (Course(late=1), 6),
    (Course(late=3), 3),
    (Course(returned="R03", after=1), 4),
    (Course(returned="R02", after=3), 3),
    (Course(changed=("C01", "5566778899")), 4),
)


@dataclass
class World:
    """A business and its bank, which meet by files alone. `post` is what the bank has written and
    nobody has imported yet."""

    banking: Banking
    books: BankBooks
    chance: random.Random
    post: list[bytes] = field(default_factory=list)
    told: int = 0
    refused: int = 0

    async def import_some(self, *, all_of_it: bool = False) -> None:
        """Some of the post, in any order; some of it twice, and some of it at once."""
        self.chance.shuffle(self.post)
        keep = 0 if all_of_it else self.chance.randint(0, len(self.post) // 2)
        now, self.post = self.post[keep:], self.post[:keep]
        now += self.chance.sample(now, len(now) // 3)
        for at in range(0, len(now), 2):
            await asyncio.gather(*(self._take(content) for content in now[at : at + 2]))

    async def _take(self, content: bytes) -> None:
        try:
            await self.banking.take(content)
        except FieldErrors:
            self.refused += 1

    async def hand_over(self, file: BankFile) -> None:
        """The file is downloaded and given to the bank; now and then twice."""
        content = await self.banking.download(await self.banking.approve(file))
        for _ in range(self.chance.choice((1, 1, 2))):
            self.books.take(content)

    def end_day(self) -> None:
        """What the bank writes of its day: a statement, mostly; one that says it again from some
        days before; one that was changed on its way; and what came back."""
        day = self.books.close_day()
        first = day - timedelta(days=self.chance.choice((0, 0, 0, 1, 2)))
        if self.chance.random() < 0.7:  # else it is skipped, and told by a later one
            self.post.append(answers.statement(self.books, first, day))
        if self.chance.random() < 0.3:
            self.post.append(answers.statement(self.books, first, day, wrong_by=1))
        if self.chance.random() < 0.4:
            lines = [line for line in self.books.lines if line.day == day]
            self.told += 1
            self.post.append(answers.notification(self.books, lines, self.told))
        back = [each for each in self.books.payments if each.returned_on == day]
        changed = [
            each for each in self.books.payments if each.course.changed and each.paid_on == day
        ]
        if back or changed:
            self.post.append(ach.returns(back + changed, day))


def decide(chance: random.Random) -> Any:
    courses, weights = zip(*COURSES, strict=True)

    def decided(_: BankOrder) -> Course:
        found: Course = chance.choices(courses, weights)[0]
        return found

    return decided


@pytest.fixture
async def world(make_business: MakeBusiness) -> World:
    chance = random.Random(SEED)
    settings = accounts.SETTINGS["bank"]
    books = BankBooks(
        settings["company_id"],
        "USD",
        datetime.now(UTC).date(),
        OPENING,
        decide(chance),
        settings["account_number"],
    )
    return World(await Banking.of(await make_business(funds=10**10)), books, chance)


async def people_of(world: World) -> list[Order]:
    """Somebody's first order each: it makes an account known."""
    found = []
    for number in range(PEOPLE):
        named = {
            **ACH,
            "routing_number": routing_number_of(f"0210{number:04d}"),
            "account_number": f"77{number:07d}",
            "holder": "person" if number % 2 else "company",
        }
        email = f"p{number}@example.com"
        user_id = await world.banking.desk.user(10**8, email)
        found.append(await world.banking.order(100, named, email, user_id))
    return found


async def make_orders(world: World, people: list[Order], count: int) -> None:
    """Random orders, many in a transaction: how one is asked for is tested elsewhere."""
    banking, chance = world.banking, world.chance
    rail = banking.rails.named("bank")
    for begin in range(0, count, TOGETHER):
        ready = []
        for _ in range(min(TOGETHER, count - begin)):
            first = chance.choice(people)
            amount = chance.randint(1, 9_000)
            request = Request(banking.id, "bank", first.destination, amount=amount)
            quote = await rail.quote(request)
            order = await rail.validate(ids.new(), quote, request, first.email)
            ready.append((first.payout_user_id, order))

        async def create(db: Connection, ready: list[Any] = ready) -> None:
            for user_id, order in ready:
                await service.create(db, user_id, order)

        await banking.database.write(create)


async def work(world: World, *, stopped: bool = False) -> None:
    """Two workers at once, of which one may be stopped in the middle of its work."""
    database, rails = world.banking.database, world.banking.rails
    tasks = [asyncio.create_task(process_due(database, rails)) for _ in range(2)]
    if stopped:
        await asyncio.wait(tasks, timeout=world.chance.uniform(0.1, 0.5))
        tasks[0].cancel()
    done, _ = await asyncio.wait(tasks)
    for task in done:
        if not task.cancelled():
            task.result()


async def test_two_thousand_random_orders_end_as_the_banks_books_say(world: World) -> None:
    banking, books = world.banking, world.books
    people = await people_of(world)
    for day in range(DAYS):
        await make_orders(world, people, (ORDERS - PEOPLE) // DAYS)
        await work(world, stopped=day % 2 == 0)
        cuts = await asyncio.gather(*(banking.cut() for _ in range(2)))
        for cut in cuts:
            if cut.file is not None:
                await world.hand_over(cut.file)
        world.end_day()
        await world.import_some()
        await banking.desk.hurry(age_s=600)
    for _ in range(CLEARING):
        await work(world)
        cut = await banking.cut()
        if cut.file is not None:
            await world.hand_over(cut.file)
        world.end_day()
    first = books.payments[0].file.day - timedelta(days=30)
    world.post.append(answers.statement(books, first, books.today))
    await world.import_some(all_of_it=True)
    for _ in range(3):
        await banking.desk.hurry(age_s=600)
        await work(world)
    await compare(world)


async def compare(world: World) -> None:
    """The bank's books and ours, payment by payment and in sum."""
    banking, books = world.banking, world.books
    assert all(payment.times_paid <= 1 for payment in books.payments)
    by_id = {payment.order.end_to_end_id: payment for payment in books.payments}
    assert len(by_id) == len(books.payments)

    rows = await banking.business.rows(
        "SELECT p.end_to_end_id, p.status, p.amount, o.status FROM bank_payments p"
        " JOIN orders o ON o.business_id = p.business_id AND o.id = p.order_id"
        " WHERE p.business_id = %s"
    )
    assert len(rows) == len(by_id) == ORDERS
    ends: Counter[tuple[str, str, str]] = Counter()
    paid = 0
    for end_to_end_id, status, amount, order_status in rows:
        payment = by_id[end_to_end_id]
        assert payment.order.amount == amount
        ends[payment.state, status, order_status] += 1
        paid += amount if order_status == "succeeded" else 0
    assert set(ends) <= {
        ("paid", "booked", "succeeded"),
        ("returned", "returned", "returned"),
        ("returned", "returned", "failed"),  # it was back before anybody told that it had left
    }
    assert ends["paid", "booked", "succeeded"] > ORDERS // 2
    assert sum(number for end, number in ends.items() if end[0] == "returned") > ORDERS // 100

    ledger = await banking.business.ledger()
    assert ledger["in_transit:bank"] == 0
    assert ledger["settled:bank"] == paid == OPENING - books.balance
    (left,) = await banking.database.fetch(imports.left_of_statements, banking.id)
    assert left.amount == books.balance
    unexplained = await banking.business.rows(
        "SELECT unmatched, count(*) FROM bank_entries WHERE business_id = %s"
        " AND unmatched IS NOT NULL GROUP BY 1"
    )
    assert unexplained == []
    assert world.refused > 0
