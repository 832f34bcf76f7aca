"""The account as its statements have it: everything that moved it is named, to the cent."""

import re
from datetime import date

import pytest

from payviox.bank import account_books
from payviox.bank.account_books import AccountBooks
from support.banking import Banking, entry, statement
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    return await Banking.of(business)


def other(ref: str, cents: int, day: str = "2026-11-30") -> str:
    """A fee (negative), or what somebody paid in."""
    sign, family = ("DBIT", "MDOP") if cents < 0 else ("CRDT", "RCDT")
    return (
        f'<Ntry><NtryRef>{ref}</NtryRef><Amt Ccy="USD">{abs(cents) / 100:.2f}</Amt>'
        f"<CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>{ref}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>CHRG</SubFmlyCd></Fmly></Domn>"
        "</BkTxCd></Ntry>"
    )


async def books(bank: Banking) -> AccountBooks:
    [found] = await bank.database.fetch(account_books.read, bank.id)
    return found


def lines(found: AccountBooks) -> dict[str, tuple[int, int]]:
    return {each.line: (each.entries, each.amount) for each in found.moved}


async def test_before_the_first_statement_there_are_no_books(bank: Banking) -> None:
    assert await bank.database.fetch(account_books.read, bank.id) == []


async def test_every_cent_between_opening_and_closing_has_a_name(bank: Banking) -> None:
    orders = [await bank.order(100 * n, email=f"p{n}@example.com") for n in (1, 2, 3)]
    await bank.desk.process()
    await bank.released()
    paid = [await bank.payment(order) for order in orders]
    first = [
        *(entry(each, ref=f"p{n}") for n, each in enumerate(paid)),
        other("fee", -25),
        other("in", 5_000),
    ]
    await bank.take(statement(first, opening=1_000, closing=5_375))
    back = [entry(paid[0], ref="back", credit=True, code="AC04")]
    await bank.take(
        statement(back, opening=5_375, closing=5_475, number="2", day=date(2026, 12, 1))
    )
    found = await books(bank)
    assert (found.opening, found.closing, found.statements) == (1_000, 5_475, 2)
    assert lines(found) == {
        "payments": (3, -600),
        "returns": (1, 100),
        "paid_in": (1, 5_000),
        "fees": (1, -25),
    }
    assert (found.gaps, found.difference, found.not_stated) == ([], 0, None)


async def test_a_day_without_a_statement_and_an_overlap_are_told_apart(bank: Banking) -> None:
    orders = [await bank.order(100 * n, email=f"p{n}@example.com") for n in (1, 2, 3)]
    await bank.desk.process()
    await bank.released()
    a, b, c = [entry(await bank.payment(order), ref=f"p{n}") for n, order in enumerate(orders)]
    await bank.take(statement([a, b], opening=1_000, closing=700))
    await bank.take(statement([b, c], opening=900, closing=400, number="2", day=date(2026, 12, 1)))
    overlap = await books(bank)
    assert (overlap.gaps, overlap.difference) == ([], 0)
    await bank.take(
        statement(
            [other("in", 50, "2026-12-03")],
            opening=300,
            closing=350,
            number="4",
            day=date(2026, 12, 3),
        )
    )
    found = await books(bank)
    [gap] = found.gaps
    assert (gap.after, gap.before, gap.amount) == (date(2026, 12, 1), date(2026, 12, 3), -100)
    assert found.difference == 0, "the gap says all of it"


async def test_a_gap_has_both_days_where_statements_do_not_say_from_when_on_they_are(
    bank: Banking,
) -> None:
    for day, opening, closing in ((2, 100, 110), (4, 130, 135)):
        content = statement(
            [other(f"d{day}", closing - opening, f"2026-12-0{day}")],
            opening=opening,
            closing=closing,
            number=str(day),
            day=date(2026, 12, day),
        )
        await bank.take(re.sub(rb"<FrToDt>.*</FrToDt>", b"", content))
    [gap] = (await books(bank)).gaps
    assert (gap.after, gap.before, gap.amount) == (date(2026, 12, 2), date(2026, 12, 4), 20)


async def test_a_skipped_day_that_a_later_statement_tells_is_no_gap(bank: Banking) -> None:
    first, second, third, fourth = (date(2026, 12, day) for day in range(1, 5))
    one, two, four = other("a", 10, "2026-12-01"), other("b", 20, "2026-12-02"), other("d", 5)
    await bank.take(statement([two], opening=110, closing=130, number="2", day=second))
    await bank.take(statement([four], opening=150, closing=155, number="4", day=fourth))
    [gap] = (await books(bank)).gaps
    assert (gap.after, gap.before, gap.amount) == (second, fourth, 20)
    three = other("c", 20, "2026-12-03")
    late = statement(
        [one, two, three], opening=100, closing=150, number="3", day=first, until=third
    )
    await bank.take(late)
    found = await books(bank)
    assert (found.opening, found.closing) == (100, 155)
    assert (lines(found), found.gaps) == ({"paid_in": (4, 55)}, [])
    assert found.difference == 0
