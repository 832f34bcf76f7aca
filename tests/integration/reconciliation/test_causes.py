"""Each cause of a difference, from the order through to its item, the ledger and its end."""

import pytest

from support.finance import Finance

pytestmark = pytest.mark.anyio


async def test_books_that_agree_leave_nothing_open(finance: Finance) -> None:
    await finance.order()
    await finance.order(500, "fail")
    report = await finance.compare()
    assert report.is_clean
    assert (report.ours.matched, report.theirs.matched) == (993, 993)
    assert (report.costs_booked, report.costs_charged) == (3, 3)


async def test_what_is_under_way_is_in_transit(finance: Finance) -> None:
    await finance.order(1_000, "accept")
    report = await finance.compare()
    assert report.is_clean
    assert (report.ours.matched, report.ours.in_transit, report.theirs.told) == (0, 1_000, 0)
