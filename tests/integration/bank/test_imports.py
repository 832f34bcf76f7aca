"""What the bank gives back: taken once, matched by ids and by nothing looser, and refused whole
where it is another's or broken."""

from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from payviox.bank import imports, rail
from payviox.bank.imports import OfAnother
from payviox.bank.model import Entry, Payment
from payviox.db.pool import Database
from payviox.errors import FieldErrors
from payviox.reconciliation import service as reconciliation
from support.banking import Banking, answer, entry, rejected, statement
from support.businesses import TestBusiness, open_business

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    return await Banking.of(business)


async def sent(bank: Banking, *amounts: int) -> list[Payment]:
    """Payments of a file that was released."""
    orders = [
        await bank.order(amount, email=f"p{number}@example.com")
        for number, amount in enumerate(amounts)
    ]
    await bank.desk.process()
    await bank.released()
    return [await bank.payment(order) for order in orders]


async def entries(bank: Banking) -> list[Entry]:
    """Everything that was imported, the first first."""
    found: list[Entry] = []
    for each in await bank.database.fetch(lambda db: imports.list_page(db, bank.id)):
        found += await bank.database.fetch(imports.list_entries, bank.id, each.id)
    return sorted(found, key=lambda one: one.id)


async def statuses(bank: Banking) -> list[str]:
    rows = await bank.business.rows(
        "SELECT status FROM bank_payments WHERE business_id = %s ORDER BY amount"
    )
    return [row[0] for row in rows]


async def test_an_overlap_changes_nothing_and_a_skipped_day_loses_nothing(bank: Banking) -> None:
    first, second, third = await sent(bank, 100, 200, 300)
    a, b, c = (entry(each, ref=ref) for each, ref in ((first, "1"), (second, "2"), (third, "3")))
    await bank.take(statement([a, b], opening=1_000, closing=700))
    assert await statuses(bank) == ["booked", "booked", "released"]
    overlap = (await bank.take(statement([b, c], opening=900, closing=400, number="3"))).reports
    assert [(each.entries, each.repeated, each.unmatched) for each in overlap] == [(2, 1, 0)]
    assert await statuses(bank) == ["booked"] * 3
    assert len(await entries(bank)) == 3


async def test_money_that_left_twice_is_named_and_settles_nothing_more(bank: Banking) -> None:
    (payment,) = await sent(bank, 500)
    twice = [entry(payment, ref="1"), entry(payment, ref="2")]
    taken = await bank.take(statement(twice, opening=1_000, closing=0))
    assert [each.unmatched for each in taken.reports] == [1]
    assert [each.unmatched for each in await entries(bank)] == [None, "twice"]
    await bank.desk.process()
    assert (await bank.business.ledger())["settled:bank"] == 500
    report = await reconciliation.reconcile_rail(
        bank.database, bank.rails, bank.id, "bank", young_s=0.0
    )
    assert [(each.cause, each.amount) for each in report.items] == [("paid_twice", 500)]


async def test_what_is_not_ours_to_the_cent_and_the_letter_is_nobodys(bank: Banking) -> None:
    first, second = await sent(bank, 500, 700)
    stranger = entry(first, ref="3").replace(first.end_to_end_id, first.end_to_end_id[:-1] + "x")
    back = entry(second, ref="2", credit=True, amount=699, code="AC04")
    lines = [entry(first, ref="1", amount=499), back, stranger]
    await bank.take(statement(lines, opening=1_000, closing=700))
    assert [each.unmatched for each in await entries(bank)] == ["amount", "amount", "unknown"]
    assert await statuses(bank) == ["released", "released"]


async def test_a_payment_whose_file_has_not_left_is_not_booked(bank: Banking) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    await bank.file()
    payment = await bank.payment(order)
    await bank.take(statement([entry(payment, ref="1")], opening=1_000, closing=500))
    assert [each.unmatched for each in await entries(bank)] == ["not_released"]
    assert await statuses(bank) == ["in_file"]


async def test_a_file_booked_as_one_sum_books_its_payments_if_it_is_theirs(bank: Banking) -> None:
    one, _ = await sent(bank, 500, 700)
    file_id = one.file_id
    assert file_id is not None
    file = await bank.database.fetch(imports.get_file, bank.id, file_id)

    def sum_of(amount: int, ref: str) -> str:
        line = entry(one, ref=ref, amount=amount)
        named = f"<EndToEndId>{one.end_to_end_id}</EndToEndId>"
        return line.replace(named, f"<PmtInfId>{file.message_id}</PmtInfId>")

    await bank.take(statement([sum_of(1_199, "1")], opening=2_000, closing=801))
    assert await statuses(bank) == ["released", "released"]
    await bank.take(statement([sum_of(1_200, "2")], opening=2_000, closing=800, number="2"))
    assert await statuses(bank) == ["booked", "booked"]


async def test_a_rejected_payment_that_is_booked_after_all_is_paid_from_suspense(
    bank: Banking,
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    file = await bank.released()
    payment = await bank.payment(order)
    await bank.take(answer(file, payments=[rejected(payment, "AC04")]))
    assert (await bank.settled(order)).status == "failed"
    await bank.take(statement([entry(payment, ref="1")], opening=1_000, closing=500))
    assert (await bank.settled(order)).status == "failed"
    books = await bank.business.ledger()
    assert (books["settled:bank"], books["suspense:bank"]) == (500, -500)


async def test_an_empty_account_at_the_bank_makes_another_attempt_and_no_second_payment(
    bank: Banking,
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    file = await bank.released()
    first = await bank.payment(order)
    await bank.take(answer(file, payments=[rejected(first, "AM04")]))
    order = await bank.settled(order)
    assert (order.status, order.waiting) == ("queued", "float_empty")
    await bank.desk.hurry()
    await bank.desk.process()
    second = await bank.payment(order)
    assert (second.status, second.end_to_end_id != first.end_to_end_id) == ("waiting", True)
    assert (await bank.cut()).file is not None


async def test_another_account_business_or_bank_and_what_is_broken_are_refused_whole(
    bank: Banking, database: Database
) -> None:
    (payment,) = await sent(bank, 500)
    file_id = payment.file_id
    assert file_id is not None
    file = await bank.database.fetch(imports.get_file, bank.id, file_id)
    other = await Banking.of(await open_business(database, bank.business.application))
    with pytest.raises(OfAnother):
        await other.take(answer(file, status="ACCP"))
    line = [entry(payment, ref="1")]
    elsewhere = "<Othr><Id>999888777</Id></Othr>"
    with pytest.raises(OfAnother, match="not the one that is connected"):
        await bank.take(statement(line, opening=1_000, closing=500, account=elsewhere))
    whole = statement(line, opening=1_000, closing=500)
    for broken in (
        whole[:-20],
        b"",
        b"\x00" * 10,
        statement(line, opening=1_000, closing=501),
        b'<!DOCTYPE d [<!ENTITY a "aa">]>' + whole,
    ):
        with pytest.raises(FieldErrors):
            await bank.take(broken)
    assert await entries(bank) == []
    assert await statuses(bank) == ["released"]


async def test_a_file_is_no_larger_than_what_the_statement_left(bank: Banking) -> None:
    await sent(bank, 500)
    await bank.take(statement([], opening=1_100, closing=1_100))
    for number, amount in enumerate((400, 300, 100)):
        await bank.order(amount, email=f"q{number}@example.com")
    await bank.desk.process()
    cut = await bank.cut()
    assert cut.file is not None
    assert (cut.file.total, cut.without_money) == (400, 2), "1,100 less the 500 on their way"
    await bank.connect(check_float="no")
    rest = await bank.cut()
    assert rest.file is not None
    assert (rest.file.total, rest.without_money) == (400, 0)


class Ahead(datetime):
    """A host's clock that is a year ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = UTC) -> "Ahead":
        return super().now(tz) + timedelta(days=365)


async def test_the_time_for_returns_is_the_databases(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = await Banking.of(business, success="not_returned")
    order = await bank.order(500)
    await bank.desk.process()
    await bank.take(answer(await bank.released(), status="ACCP"))
    monkeypatch.setattr(rail, "datetime", Ahead)
    await bank.desk.hurry()
    order = await bank.settled(order)
    assert (order.status, order.waiting) == ("sent", "bank_returns")


async def test_success_may_be_that_nothing_came_back_in_time(business: TestBusiness) -> None:
    bank = await Banking.of(business, success="not_returned")
    order = await bank.order(500)
    await bank.desk.process()
    file = await bank.released()
    assert (await bank.settled(order)).waiting == "bank_answer", "a download is no word of a bank's"
    await bank.take(answer(file, status="ACCP"))
    order = await bank.settled(order)
    assert (order.status, order.waiting) == ("sent", "bank_returns")
    await bank.database.write(
        lambda db: db.execute(
            "UPDATE bank_payments SET settles_on = settles_on - 30 WHERE business_id = %s",
            [bank.id],
        )
    )
    await bank.desk.hurry()
    assert (await bank.settled(order)).status == "succeeded"
