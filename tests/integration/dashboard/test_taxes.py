"""Tax facts on their page: thresholds, notes, and lists as files."""

from datetime import UTC, datetime

import pytest

from support import midnight
from support.dashboard import signed_in
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def test_the_page_sets_thresholds_notes_states_and_has_the_lists_as_files(
    browser, database, business
) -> None:
    midnight.keep_clear()
    this_year = datetime.now(UTC).year
    desk = Desk.of(business)
    for email, amount in (("ada@x.com", 3_000), ("grace@x.com", 500)):
        await desk.withdraw(await desk.user(amount, email), amount)
    await desk.process()
    base = await signed_in(browser, database, business, "finance")
    here = f"{base}/balance/taxes"
    assert (await browser.post(f"{here}/threshold", name="1099", amount="20.00")).status_code == 303
    wrong = await browser.post(f"{here}/note", email="nobody@x.com", state="w9", note="kept")
    assert (wrong.status_code, "No payout user" in wrong.text, "kept" in wrong.text) == (
        422, True, True,
    )  # fmt: skip
    noted = await browser.post(f"{here}/note", email="ada@x.com", state="w9", note="=1+1")
    assert noted.status_code == 303
    page = await browser.get(here)
    assert ("1099" in page.text, "$20.00" in page.text) == (True, True)
    answer = await browser.get(f"{here}/taxes.csv?year={this_year}&at_least=2000")
    assert f'"taxes-{this_year}-from-20.00.csv"' in answer.headers["content-disposition"]
    lines = answer.text.splitlines()
    assert len(lines) == 2
    assert "ada@x.com" in lines[1]
    assert "30.00" in lines[1]
    assert ",=1+1" not in lines[1]
    everybody = await browser.get(f"{here}/taxes.xlsx?year={this_year}")
    assert (everybody.status_code, everybody.content[:2]) == (200, b"PK")
    assert f'"taxes-{this_year}.xlsx"' in everybody.headers["content-disposition"]
    for other_year in (str(this_year + 1), "1999", "last"):
        other = await browser.get(f"{here}/taxes.csv?year={other_year}")
        assert other.status_code == 404, "no other year's file in its place"
    viewer = await signed_in(browser, database, business, "viewer")
    refused = await browser.post(f"{viewer}/balance/taxes/threshold", name="x", amount="1")
    assert refused.status_code == 403
