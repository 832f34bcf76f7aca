"""A business and its bank, which meet by files alone, while people and the bank do what they do
with files: hand them over twice or cut off, import reports late, twice, in other order and wrong.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from payviox import ids
from payviox.bank.euros import Euros
from payviox.bank.imports import OfAnother
from payviox.bank.model import BankFile, Scheme
from payviox.cli.demo.bank import ach, answers
from payviox.cli.demo.bank.books import PAID, BankBooks, BankPayment, Course
from payviox.cli.demo.bank.files import Order as BankOrder
from payviox.errors import FieldErrors
from payviox.rails.orders import ReadyOrder, Request
from payviox.rates import service as rates
from payviox.withdrawals import service
from payviox.withdrawals.creation import Wanted
from payviox.withdrawals.model import Order
from payviox.withdrawals.routing import Rails
from payviox.withdrawals.sending.processor import process_due
from support import accounts
from support.ageing import bring_forward
from support.bank_files import iban_of, routing_number_of
from support.banking import ACH, PERSON, Banking, rails_of
from support.businesses import TestBusiness

SCHEMES: tuple[Scheme, ...] = ("sepa", "ach")
PEOPLE = 40
"""Of each scheme."""
TOGETHER = 250
"""Orders that are made in one transaction."""
DAY_S = 4_000.0
"""Seconds that go by for the worker in a day of the bank's: leases end, and whatever waits for
another try is tried. What the bank has said wakes its orders without that."""

OPENING: dict[Scheme, int] = {"sepa": 1_000_000, "ach": 10**9}
"""Cents in each account. In euros there is too little for the first file."""
DEPOSIT = 4_000_000
"""Cents of each payment into the account in euros."""

COURSES: dict[Scheme, tuple[tuple[Course, int], ...]] = {
    "sepa": (
        (PAID, 77),
        (Course(late=1), 6),
        (Course(late=3), 3),
        (Course(rejected="AC01"), 4),
        (Course(rejected="TM01"), 3),  # the payer's own fault: another attempt is made
        (Course(returned="AC04", after=1), 4),
        (Course(returned="MD07", after=3), 3),
    ),
    "ach": (
        (PAID, 80),
        (Course(late=1), 6),
        (Course(late=3), 3),
        (Course(returned="R03", after=1), 4),
        (Course(returned="R02", after=3), 3),
        (Course(changed=("C01", "5566778899")), 4),
    ),
}


@dataclass
class BankWorld:
    """`post` is what the bank has written and nobody has imported yet; `deposits` are the cents
    that somebody paid into the account in euros; `refused` counts why reports were not taken."""

    banking: Banking
    other_rails: Rails = field(repr=False)
    books: dict[Scheme, BankBooks] = field(repr=False)
    chance: random.Random = field(repr=False)
    post: list[bytes] = field(default_factory=list, repr=False)
    told: int = 0
    deposits: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @classmethod
    async def of(cls, business: TestBusiness, seed: int) -> "BankWorld":
        """A euro costs payees half a percent more than the rate of the day."""
        chance = random.Random(seed)
        converter = Euros(business.database)
        banking = await Banking.of(business, converter=converter, rate_source="fixed", spread_bp=50)
        settings, today = accounts.SETTINGS["bank"], datetime.now(UTC).date()
        books: dict[Scheme, BankBooks] = {
            "sepa": BankBooks(
                settings["iban"], "EUR", today, OPENING["sepa"], _decide("sepa", chance)
            ),
            "ach": BankBooks(
                settings["company_id"],
                "USD",
                today,
                OPENING["ach"],
                _decide("ach", chance),
                settings["account_number"],
            ),
        }
        return cls(banking, rails_of(business.database, converter), books, chance)

    @property
    def payments(self) -> list[BankPayment]:
        """Everything that the bank took."""
        return [payment for books in self.books.values() for payment in books.payments]

    async def say_rate(self) -> None:
        """What a euro is worth from now on."""
        rate = Decimal(self.chance.randint(10_000, 12_000)) / 10_000
        await self.banking.database.write(rates.set_fixed, "EUR", rate, 24, PERSON)

    async def people(self) -> list[Order]:
        """Somebody's first order each: it makes an account known."""
        return [await self._person(number) for number in range(PEOPLE * len(SCHEMES))]

    async def _person(self, number: int) -> Order:
        named: dict[str, Any] = {
            **ACH,
            "routing_number": routing_number_of(f"0210{number:04d}"),
            "account_number": f"77{number:07d}",
            "holder": "person" if number % 4 else "company",
        }
        if number % 2:
            iban = iban_of("DE", f"37040044{number:010d}")
            named = {"name": f"Person {number}", "iban": iban}
        email = f"p{number}@example.com"
        user_id = await self.banking.desk.user(10**8, email)
        return await self.banking.order(100, named, email, user_id)

    async def make_orders(self, people: list[Order], count: int) -> None:
        """Random orders, many in a transaction: how one is asked for is tested elsewhere."""
        for begin in range(0, count, TOGETHER):
            chosen = [
                (self.chance.choice(people), self.chance.randint(3, 9_000))
                for _ in range(min(TOGETHER, count - begin))
            ]
            ready = await asyncio.gather(*(self._ready(*one) for one in chosen))
            wanted = [
                Wanted(first.payout_user_id, order)
                for (first, _), order in zip(chosen, ready, strict=True)
            ]
            await self.banking.database.write(service.create_all, self.banking.id, wanted)

    async def _ready(self, first: Order, amount: int) -> ReadyOrder:
        rail = self.banking.rails.named("bank")
        request = Request(self.banking.id, "bank", first.destination, amount=amount)
        quote = await rail.quote(request)
        return await rail.validate(ids.new(), quote, request, first.email)

    async def work(self, *, stopped: bool = False) -> None:
        """Two workers at once, of which one may be stopped in the middle of its work."""
        database = self.banking.database
        tasks = [
            asyncio.create_task(process_due(database, rails))
            for rails in (self.other_rails, self.banking.rails)
        ]
        if stopped:
            await asyncio.wait(tasks, timeout=self.chance.uniform(0.1, 0.5))
            tasks[0].cancel()
        done, _ = await asyncio.wait(tasks)
        for task in done:
            if not task.cancelled():
                task.result()

    async def send_files(self) -> None:
        """Two people cut at once; what was cut is approved, downloaded and given to the bank."""
        for scheme in SCHEMES:
            cuts = await asyncio.gather(*(self.banking.cut(scheme) for _ in range(2)))
            for cut in cuts:
                if cut.file is not None:
                    await self._hand_over(scheme, cut.file)

    async def _hand_over(self, scheme: Scheme, file: BankFile) -> None:
        """Now and then twice; the first one, and some others, cut off on their way before."""
        content = await self.banking.download(await self.banking.approve(file))
        if not self.books[scheme].answers or self.chance.random() < 0.2:
            self._give(scheme, content[: self.chance.randrange(len(content))])
        for _ in range(self.chance.choice((1, 1, 2))):
            self._give(scheme, content)

    def _give(self, scheme: Scheme, content: bytes) -> None:
        """In the ISO world a bank answers each file, in whole or payment by payment."""
        books = self.books[scheme]
        taken = books.take(content)
        if scheme == "sepa":
            self.post.append(answers.answer_to(taken, len(books.answers), books.today))

    def pay_in(self) -> None:
        """Into the account in euros."""
        self.books["sepa"].deposit(DEPOSIT)
        self.deposits += DEPOSIT

    def end_day(self) -> None:
        """What the bank writes of its day for each account: a statement, mostly; one that says it
        again from some days before; one that was changed on its way; and what came back."""
        for scheme, books in self.books.items():
            day = books.close_day()
            first = day - timedelta(days=self.chance.choice((0, 0, 0, 1, 2)))
            if self.chance.random() < 0.7:  # else it is skipped, and told by a later one
                self.post.append(answers.statement(books, first, day))
            if self.chance.random() < 0.3:
                self.post.append(answers.statement(books, first, day, wrong_by=1))
            if self.chance.random() < 0.4:
                lines = [line for line in books.lines if line.day == day]
                self.told += 1
                self.post.append(answers.notification(books, lines, self.told))
            if scheme == "ach":
                self._say_returns(books, day)

    def _say_returns(self, books: BankBooks, day: date) -> None:
        said = [
            each
            for each in books.payments
            if each.returned_on == day or (each.course.changed and each.paid_on == day)
        ]
        if said:
            self.post.append(ach.returns(said, day))

    def state_everything(self) -> None:
        """One statement of each account from before its first day to now."""
        for books in self.books.values():
            begun = books.lines[0].day - timedelta(days=30)
            self.post.append(answers.statement(books, begun, books.today))

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
        except (FieldErrors, OfAnother) as error:
            self.refused[type(error).__name__] += 1

    async def pass_time(self) -> None:
        await bring_forward(self.banking.database, self.banking.id, DAY_S)


def _decide(scheme: Scheme, chance: random.Random) -> Callable[[BankOrder], Course]:
    courses, weights = zip(*COURSES[scheme], strict=True)

    def decided(_: BankOrder) -> Course:
        course: Course = chance.choices(courses, weights)[0]
        return course

    return decided
