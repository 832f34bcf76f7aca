"""A bank that takes back its word, or says too little: nothing is given back or taken for paid on
it, and a person has an item to look at."""

import pytest

from payviox.bank import files
from payviox.bank.model import BankFile, Payment
from payviox.ledger.suspense import Item
from payviox.reconciliation import resolve
from payviox.reconciliation import service as reconciliation
from payviox.reporting import attention
from payviox.withdrawals.model import Order
from support.banking import PERSON, Banking, answer, entry, rejected, statement
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    return await Banking.of(business)


class Sent:
    """Two orders at the bank, in one file."""

    def __init__(self, bank: Banking, orders: list[Order], file: BankFile) -> None:
        self.bank, self.orders, self.file = bank, orders, file

    @classmethod
    async def of(cls, bank: Banking) -> "Sent":
        orders = [
            await bank.order(amount, email=f"p{number}@example.com")
            for number, amount in enumerate((500, 700))
        ]
        await bank.desk.process()
        return cls(bank, orders, await bank.released())

    async def payments(self) -> list[Payment]:
        return [await self.bank.payment(order) for order in self.orders]

    async def booked(self, count: int) -> None:
        """The statement has so many of them."""
        payments = (await self.payments())[:count]
        lines = [entry(each, ref=each.end_to_end_id) for each in payments]
        closing = 9_000 - sum(each.amount for each in payments)
        await self.bank.take(statement(lines, opening=9_000, closing=closing))

    async def returned(self) -> None:
        """The first of them came back, so says another statement."""
        first, _ = await self.payments()
        back = [entry(first, ref="back", credit=True, code="AC04")]
        await self.bank.take(statement(back, opening=7_800, closing=8_300, number="2"))

    async def says(self, *, status: str | None = None, payments: tuple[str, ...] = ()) -> int:
        """An answer to the file; answers how much of it is in suspense."""
        taken = await self.bank.take(answer(self.file, status=status, payments=payments))
        return sum(each.unmatched for each in taken.reports)

    async def look(self) -> tuple[list[str], list[str], dict[str, int]]:
        """What payments and orders are, and where the money is; every invariant holds."""
        await self.bank.desk.hurry()
        await self.bank.desk.process()
        await self.bank.business.ledger()
        rows = await self.bank.business.rows(
            "SELECT kind, sum(balance)::bigint FROM accounts WHERE business_id = %s"
            " AND (rail = 'bank' OR kind = 'user') GROUP BY kind"
        )
        payments = [each.status for each in await self.payments()]
        orders = [(await self.bank.desk.get(each)).status for each in self.orders]
        return payments, list(orders), {str(kind): int(cents) for kind, cents in rows if cents}

    async def items(self) -> list[Item]:
        return await self.bank.database.fetch(
            lambda db: resolve.list_page(db, self.bank.id, rail="bank", limit=50)
        )


def accepted(payment: Payment, status: str = "ACSP") -> str:
    """One payment of an answer that the bank makes, or says something else of."""
    return rejected(payment, "NARR").replace("RJCT", status)


@pytest.mark.parametrize("count", [2, 1])
async def test_a_file_that_is_rejected_after_it_was_booked_gives_nothing_back(
    bank: Banking, count: int
) -> None:
    sent = await Sent.of(bank)
    await sent.booked(count)
    before = await sent.look()
    assert before[0] == ["booked", ["released", "booked"][count - 1]]
    assert await sent.says(status="RJCT") == 1
    assert await sent.look() == before
    (item,) = await sent.items()
    assert (item.cause, item.subject, item.amount) == ("unclear", f"bfl_{sent.file.id}", 0)
    assert item.evidence["why"] == "It was booked, or came back, before."


async def test_a_payment_that_is_rejected_after_it_was_booked_gives_nothing_back(
    bank: Banking,
) -> None:
    sent = await Sent.of(bank)
    await sent.booked(2)
    before = await sent.look()
    first, _ = await sent.payments()
    assert await sent.says(status="PART", payments=(rejected(first, "AC04"),)) == 1
    assert await sent.look() == before
    (item,) = await sent.items()
    assert (item.subject, item.order_id) == (first.end_to_end_id, sent.orders[0].id)


@pytest.mark.parametrize("whole", [True, False])
async def test_what_is_rejected_after_it_came_back_is_given_back_once(
    bank: Banking, whole: bool
) -> None:
    sent = await Sent.of(bank)
    await sent.booked(2)
    await sent.returned()
    before = await sent.look()
    assert before[1:] == (["returned", "succeeded"], {"settled": 700, "user": 500})
    first, _ = await sent.payments()
    if whole:
        assert await sent.says(status="RJCT") == 1
    else:
        assert await sent.says(payments=(rejected(first, "AC04"),)) == 1
    assert await sent.look() == before
    assert len(await sent.items()) == 1


@pytest.mark.parametrize("whole", [True, False])
async def test_what_is_accepted_after_it_was_rejected_is_for_a_person_and_paid_from_suspense(
    bank: Banking, whole: bool
) -> None:
    sent = await Sent.of(bank)
    assert await sent.says(status="RJCT") == 0
    before = await sent.look()
    assert before == (["rejected"] * 2, ["failed"] * 2, {"user": 1_200})
    payments = await sent.payments()
    if whole:
        assert await sent.says(status="ACCP") == 1
    else:
        assert await sent.says(payments=(accepted(payments[0]), accepted(payments[1]))) == 2
    assert await sent.look() == before
    assert len(await sent.items()) == (1 if whole else 2)
    await sent.booked(2)
    assert await sent.look() == (
        ["booked"] * 2,
        ["failed"] * 2,
        {"user": 1_200, "settled": 1_200, "suspense": -1_200},
    )


@pytest.mark.parametrize("status", ["PART", "CANC", "XYZW"])
async def test_an_answer_that_says_nothing_of_each_payment_is_for_a_person(
    bank: Banking, status: str
) -> None:
    sent = await Sent.of(bank)
    before = await sent.look()
    assert await sent.says(status=status) == 1
    assert await sent.look() == before
    (item,) = await sent.items()
    assert item.evidence["why"] == "It speaks of a whole file, and says nothing of each payment."
    await sent.booked(2)
    assert (await sent.look())[1] == ["succeeded"] * 2


async def test_a_status_of_a_payment_that_nobody_knows_is_for_a_person(bank: Banking) -> None:
    sent = await Sent.of(bank)
    before = await sent.look()
    first, _ = await sent.payments()
    assert await sent.says(payments=(accepted(first, "CANC"),)) == 1
    assert await sent.look() == before
    assert [item.subject for item in await sent.items()] == [first.end_to_end_id]


async def test_what_says_nothing_new_is_no_item(bank: Banking) -> None:
    sent = await Sent.of(bank)
    first, _ = await sent.payments()
    assert await sent.says(status="RCVD") == 0
    assert await sent.says(status="PART", payments=(accepted(first, "PDNG"),)) == 0
    twice = rejected(first, "DU01")
    assert await sent.says(status="RJCT", payments=(twice,)) == 0
    assert (await sent.look())[0] == ["released"] * 2
    assert await sent.items() == []


async def test_a_payment_of_a_file_that_is_called_a_duplicate_is_for_a_person(
    bank: Banking,
) -> None:
    """Two alike to one payee, for instance: the bank may not pay it, and says no more of it."""
    sent = await Sent.of(bank)
    first, second = await sent.payments()
    answered = (rejected(first, "AM05"), accepted(second))
    assert await sent.says(status="PART", payments=answered) == 1
    assert (await sent.look())[0] == ["released", "accepted"]
    (item,) = await sent.items()
    assert (item.subject, item.evidence["code"]) == (first.end_to_end_id, "AM05")
    assert item.evidence["why"] == "The bank takes it for a copy of another, and may not pay it."
    await sent.booked(2)
    assert await sent.says(status="PART", payments=answered) == 0, "it has paid both"
    assert (await sent.look())[1] == ["succeeded"] * 2


async def test_an_item_stays_until_a_person_explains_it(bank: Banking) -> None:
    sent = await Sent.of(bank)
    await sent.booked(2)
    await sent.look()
    for _ in range(2):
        await sent.says(status="RJCT")
    report = await reconciliation.reconcile_rail(
        bank.database, bank.rails, bank.id, "bank", young_s=0.0
    )
    assert [item.cause for item in report.items] == ["unclear"]
    matters = await bank.database.fetch(attention.matters, bank.id)
    assert [(each.cause, each.subject) for each in matters] == [("unexplained", "unclear")]
    (item,) = await sent.items()

    async def explain() -> None:
        await bank.database.write(
            lambda db: resolve.resolve(
                db, bank.id, item.id, "explained", reason="the bank was wrong", actor=PERSON
            )
        )

    await explain()
    assert await sent.items() == []
    await sent.says(status="RJCT")
    assert len(await sent.items()) == 1, "it says so again"


@pytest.mark.parametrize("status", ["ACCP", "RCVD", "RJCT"])
async def test_a_bank_that_has_a_file_that_was_canceled_is_for_a_person(
    bank: Banking, status: str
) -> None:
    """What it pays of it, another file pays once more."""
    await bank.order(500)
    await bank.desk.process()
    file = await bank.approve(await bank.file())
    await bank.database.write(files.cancel, bank.id, file.id, PERSON)
    assert (await bank.cut()).file is not None
    [report] = (await bank.take(answer(file, status=status))).reports
    items = await bank.database.fetch(
        lambda db: resolve.list_page(db, bank.id, rail="bank", limit=50)
    )
    if status == "RJCT":
        assert (report.unmatched, items) == (0, []), "that is as it should be"
        return
    assert report.unmatched == 1
    (item,) = items
    assert (item.cause, item.subject) == ("unclear", f"bfl_{file.id}")
    assert item.evidence["why"] == "The file was canceled, or has not left, by our books."
