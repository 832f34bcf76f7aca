"""What we write a bank takes, and what the bank says of it we read as it is in the bank's books:
the bank of the demo shares no code with what is tested here."""

import random
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from payviox.cli.demo.bank import ach, answers
from payviox.cli.demo.bank.books import BankBooks, BankPayment, Course
from payviox.cli.demo.bank.files import FileRefused, Order, read
from payviox.rails.bank import calendars, instructions, reading, writing
from payviox.rails.bank.model import (
    AchAccount,
    Address,
    Iban,
    Instruction,
    Payer,
    Report,
    ReportEntry,
    Scheme,
    Unreadable,
)
from support.bank_files import iban_of, routing_number_of

MONDAY = date(2026, 11, 30)
NOW = datetime.combine(MONDAY, time(9), UTC)

PAYERS = {
    "sepa": Payer(
        scheme="sepa",
        name="Acme",
        iban="DE89370400440532013000",
        address=Address(city="Köln", country="DE"),
    ),
    "ach": Payer(scheme="ach", name="Acme", company_id="1234567890", originating_dfi="021000021"),
}
CURRENCY = {"sepa": "EUR", "ach": "USD"}
OWNERS = {"sepa": "DE89370400440532013000", "ach": "1234567890"}


def payment(scheme: Scheme, number: int, amount: int) -> Instruction:
    account: Iban | AchAccount = Iban(iban_of("DE", f"{number:018d}"))
    if scheme == "ach":
        account = AchAccount(
            routing_number=routing_number_of(f"0210{number % 9999:04d}"),
            account_number=f"77{number:07d}",
            account_type="checking" if number % 2 else "savings",
            holder="person" if number % 3 else "company",
        )
    return Instruction(
        id=f"P{number}",
        end_to_end_id=f"E{number:014d}",
        amount=amount,
        currency=CURRENCY[scheme],
        name="Ada Lovelace",
        account=account,
    )


def file_of(scheme: Scheme, name: str, payments: list[Instruction], day: date = MONDAY) -> bytes:
    form = writing.FORMATS[scheme][0]
    at = datetime.combine(day, time(9), UTC)
    asked = calendars.execution_date(scheme, at, time(15))
    modifier = name[-1]
    payer = PAYERS[scheme]
    return writing.write(form, payer, name, asked, at, payments, modifier=modifier).content


def books_of(scheme: Scheme, opening: int = 10**9, **courses: Course) -> BankBooks:
    def decide(order: Order) -> Course:
        return courses.get(order.end_to_end_id, Course())

    number = "000111222" if scheme == "ach" else None
    return BankBooks(OWNERS[scheme], CURRENCY[scheme], MONDAY, opening, decide, number)


def only(content: bytes) -> Report:
    (report,) = reading.read(content)
    return report


def by_id(report: Report) -> dict[str | None, list[ReportEntry]]:
    found: dict[str | None, list[ReportEntry]] = {}
    for entry in report.entries:
        found.setdefault(entry.end_to_end_id, []).append(entry)
    return found


COURSES = {
    "paid": Course(),
    "late": Course(late=2),
    "rejected": Course(rejected="AC01"),
    "returned": Course(returned="AC04", after=2),
}


@pytest.mark.parametrize("batch_booking", [False, True])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_a_sepa_account_is_read_as_the_bank_keeps_it(seed: int, batch_booking: bool) -> None:
    chance = random.Random(seed)
    names = list(COURSES)
    payments = [payment("sepa", n, chance.randint(1, 99_999)) for n in range(chance.randint(1, 30))]
    courses = {each.end_to_end_id: chance.choice(names) for each in payments}
    books = books_of("sepa", **{key: COURSES[name] for key, name in courses.items()})
    payer = replace(PAYERS["sepa"], batch_booking=batch_booking)
    day = calendars.execution_date("sepa", NOW, time(15))
    content = writing.write("pain.001.001.09", payer, "F1", day, NOW, payments).content

    taken = books.take(content)
    assert taken.refused is None
    answer = only(answers.answer_to(taken, 1, MONDAY))
    said = {each.end_to_end_id: each.status for each in answer.entries if each.end_to_end_id}
    assert said == {
        key: "rejected" if name == "rejected" else "accepted" for key, name in courses.items()
    }
    assert {each.file_id for each in answer.entries} == {"F1"}

    for _ in range(6):
        books.close_day()
    report = only(answers.statement(books, MONDAY, books.today))
    assert (report.opening, report.closing) == (10**9, books.balance)
    assert report.account_number == OWNERS["sepa"]
    found = by_id(report)
    for each in payments:
        name = courses[each.end_to_end_id]
        expected = {"rejected": [], "returned": ["booked", "returned"]}.get(name, ["booked"])
        entries = found.get(each.end_to_end_id, [])
        assert [entry.status for entry in entries] == expected
        assert all(entry.amount == each.amount for entry in entries)
        if name == "returned":
            assert entries[1].reason_code == "AC04"
        assert isinstance(each.account, Iban)
        assert all(each.account.number not in str(entry.evidence) for entry in entries)


def test_statements_that_overlap_name_their_entries_alike() -> None:
    books = books_of("sepa", **{f"E{2:014d}": Course(late=1)})
    books.take(file_of("sepa", "F1", [payment("sepa", n, 100 + n) for n in range(4)]))
    days = [books.close_day() for _ in range(3)]
    first = only(answers.statement(books, days[0], days[1]))
    second = only(answers.statement(books, days[1], days[2]))
    whole = only(answers.statement(books, days[0], days[2]))
    names = [{entry.entry_ref for entry in each.entries} for each in (first, second, whole)]
    assert len(names[2]) == 4
    assert names[0] | names[1] == names[2]
    assert len(names[0] & names[1]) == 1
    # What a notification told before is the statement's entry.
    told = only(answers.notification(books, books.lines[:2], 1))
    assert {entry.entry_ref for entry in told.entries} < names[2]


def test_a_statement_that_lies_about_its_balance_is_refused() -> None:
    books = books_of("sepa")
    books.take(file_of("sepa", "F1", [payment("sepa", 1, 100)]))
    day = books.close_day()
    assert only(answers.statement(books, day, day)).closing == 10**9 - 100
    with pytest.raises(Unreadable, match="changed or cut"):
        reading.read(answers.statement(books, day, day, wrong_by=1))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_what_comes_back_of_ach_is_read_as_the_bank_sends_it(seed: int) -> None:
    chance = random.Random(seed)
    payments = [payment("ach", n, chance.randint(1, 99_999)) for n in range(chance.randint(2, 30))]
    courses = {
        each.end_to_end_id: chance.choice(
            [Course(), Course(returned="R03"), Course(changed=("C01", "9988776655"))]
        )
        for each in payments
    }
    books = books_of("ach", **courses)
    assert books.take(file_of("ach", "FA", payments)).refused is None
    for _ in range(4):
        books.close_day()
    news = [p for p in books.payments if p.course.returned or p.course.changed]
    report = only(answers.statement(books, MONDAY, books.today))
    assert report.closing == books.balance
    assert sum(each.status == "booked" for each in report.entries) == len(payments)
    if not news:
        return

    returns = only(ach.returns(news, books.today))
    assert returns.kind == "nacha.returns"
    amounts = {each.end_to_end_id: each.amount for each in payments}
    said = {entry.end_to_end_id: entry for entry in returns.entries}
    assert set(said) == {each.order.end_to_end_id for each in news}
    for each in news:
        entry = said[each.order.end_to_end_id]
        if each.course.returned:
            assert (entry.status, entry.reason_code) == ("returned", "R03")
            assert entry.amount == amounts[each.order.end_to_end_id]
        else:
            assert (entry.status, entry.reason_code) == ("changed", "C01")
            assert entry.amount is None
            assert entry.corrected == "9988776655"
            assert "9988776655" not in repr(entry)


@pytest.mark.parametrize("scheme", ["sepa", "ach"])
def test_the_bank_takes_a_file_once_and_only_what_it_may(scheme: Scheme) -> None:
    books = books_of(scheme, opening=1000)
    content = file_of(scheme, "F1", [payment(scheme, 1, 600)])
    assert books.take(content).refused is None
    assert books.take(content).refused == "DU01"
    other = file_of(scheme, "F2", [payment(scheme, 2, 600)])
    assert books.take(other).refused == "AM04"
    stranger = BankBooks("DE02120300000000202051", CURRENCY[scheme], MONDAY, 10**6)
    assert stranger.take(content).refused == "AC02"
    late = BankBooks(OWNERS[scheme], CURRENCY[scheme], MONDAY + timedelta(days=20), 10**6)
    assert late.take(content).refused == "DT01"
    for _ in range(3):
        books.close_day()
    assert [each.times_paid for each in books.payments] == [1]
    assert books.balance == 400
    answer = only(answers.answer_to(books.answers[1], 2, MONDAY))
    assert [(each.status, each.reason_code) for each in answer.entries] == [("noted", "DU01")]


@pytest.mark.parametrize("scheme", ["sepa", "ach"])
@given(at=st.integers(0, 3000), with_=st.sampled_from("0123456789"))
def test_a_file_that_was_changed_on_its_way_is_refused_or_is_another_banks_problem(
    scheme: Scheme, at: int, with_: str
) -> None:
    """A digit that is counted twice cannot change alone: the bank's own checks find it."""
    good = file_of(scheme, "F1", [payment(scheme, n, 100) for n in range(3)])
    at %= len(good)
    if not chr(good[at]).isdigit() or chr(good[at]) == with_:
        return
    changed = good[:at] + with_.encode() + good[at + 1 :]
    try:
        file = read(changed)
    except FileRefused:
        return
    before = read(good)
    assert file.total == before.total
    assert sorted(order.amount for order in file.orders) == [100] * 3


def returned_file() -> list[str]:
    books = books_of("ach", **{f"E{1:014d}": Course(returned="R03")})
    books.take(file_of("ach", "FA", [payment("ach", 1, 100), payment("ach", 2, 100)]))
    for _ in range(4):
        books.close_day()
    news = [each for each in books.payments if each.state == "returned"]
    assert isinstance(news[0], BankPayment)
    return ach.returns(news, books.today).decode().splitlines()


def join(lines: list[str], end: str = "\n") -> bytes:
    return "".join(line + end for line in lines).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_returns_are_read_whatever_ends_their_lines(end: str) -> None:
    (entry,) = only(join(returned_file(), end)).entries
    assert (entry.status, entry.end_to_end_id) == ("returned", f"E{1:014d}")


def test_damaged_returns_are_refused_with_words() -> None:
    lines = returned_file()
    header, batch, entry, addenda, control, end, *padding = lines

    def refused(*changed: str, match: str, more: bytes = b"") -> None:
        with pytest.raises(Unreadable, match=match):
            reading.read(join(list(changed)) + more)

    tail = (control, end, *padding)
    refused(header[:-1], batch, entry, addenda, *tail, match="Record 1 has not the 94 characters")
    refused(header, batch, entry, addenda, control, end, *padding[:-1], match="blocks of 10")
    refused(header, batch, entry, *tail, padding[0], match="miscounts its addenda")
    refused(header, batch, addenda, entry, *tail, match="should be a batch control")
    refused(header, batch, entry, addenda, end, control, *padding, match="a batch control")
    refused(header, batch, entry[:38] + "9" + entry[39:], addenda, *tail, match="credits of the")
    refused(header, batch, entry[:4] + "9" + entry[5:], addenda, *tail, match="entry hash")
    wrong = control[:9] + "9" + control[10:]
    refused(header, batch, entry, addenda, wrong, end, *padding, match="entries and addenda")
    wrong = end[:6] + "7" + end[7:]
    refused(header, batch, entry, addenda, control, wrong, *padding, match="batches")
    wrong = end[:12] + "7" + end[13:]
    refused(header, batch, entry, addenda, control, wrong, *padding, match="blocks")
    refused(*lines, *([header] + ["9" * 94] * 9), match="stands after the file control|blocks")
    refused(*lines, match="ASCII", more="ü".encode())
    refused(*lines, match="94 characters", more=b"x\n" * 10)
    refused(header.replace("094101", "080101"), *lines[1:], match="record size")
    content = file_of("ach", "FA", [payment("ach", 1, 100)])
    with pytest.raises(Unreadable, match="no return"):
        reading.read(content)
    with pytest.raises(Unreadable, match="larger than"):
        reading.read(join(lines) + b"9" * (40 * 2**20))


def test_totals_are_what_the_bank_counts() -> None:
    for scheme in ("sepa", "ach"):
        payments = [payment(scheme, n, 100 + n) for n in range(7)]  # type: ignore[arg-type]
        taken = read(file_of(scheme, "F1", payments))  # type: ignore[arg-type]
        totals = instructions.totals(payments)
        assert (totals.count, totals.amount) == (len(taken.orders), taken.total)
