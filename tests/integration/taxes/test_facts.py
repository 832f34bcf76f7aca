"""What was paid to whom in a year: to the cent what the ledger says, whenever it came back."""

from datetime import UTC, datetime
from typing import Any

import pytest

from payviox.audit import service as audit
from payviox.taxes import service as taxes
from support import midnight
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def this_year() -> int:
    midnight.keep_clear()
    return datetime.now(UTC).year


async def facts(business: Any, year: int, **query: Any) -> list[Any]:
    """Every row of the year, two people a page."""
    found: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        answer = await business.client.get(
            "/payout/taxes", params={"year": year, "limit": 2} | query | more
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        if not answer.json()["has_more"]:
            return found
        more = {"after": found[-1]["id"]}


async def settled(business: Any) -> tuple[int, int]:
    """What the ledger holds as settled, and what it settled before anything came back."""
    rows = await business.rows(
        "SELECT coalesce((SELECT sum(balance) FROM accounts WHERE business_id = %s"
        " AND kind = 'settled'), 0), (SELECT sum(amount) FROM transfers"
        " WHERE business_id = %s AND kind = 'settle')",
        business.business_id,
    )
    return int(rows[0][0]), int(rows[0][1] or 0)


def move_into(year: int, urls: Any, business: Any) -> None:
    """Move all that was transferred until now into a year."""
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE transfers SET created_at = %s WHERE business_id = %s",
            [datetime(year, 7, 1, tzinfo=UTC), business.business_id],
        )


async def test_each_year_is_what_the_ledger_settled_less_what_came_back_whenever_it_did(
    business, urls, this_year
) -> None:
    desk = Desk.of(business)
    ada, grace = await desk.user(10_000, "ada@x.com"), await desk.user(10_000, "grace@x.com")
    desk.books.older_s = -3_600.0  # nothing comes back by itself, however slow this goes
    await desk.withdraw(ada, 3_000)
    coming_back = await desk.withdraw(ada, 1_100, {"email": "returned@example.com"})
    await desk.withdraw(grace, 500)
    await desk.process()
    assert (await desk.get(coming_back)).status == "succeeded"
    before = this_year - 1
    move_into(before, urls, business)
    await desk.withdraw(ada, 700)
    await desk.process()
    await desk.hurry(age_s=7_200)
    await desk.process()
    assert (await desk.get(coming_back)).status == "returned"

    years = {year: await facts(business, year) for year in (before, this_year)}
    totals = {(year, row["email"]): row["total"] for year, rows in years.items() for row in rows}
    assert totals == {
        (before, "ada@x.com"): 3_000,
        (before, "grace@x.com"): 500,
        (this_year, "ada@x.com"): 700,
    }
    held, ever = await settled(business)
    by_provider = [each for rows in years.values() for row in rows for each in row["providers"]]
    assert (sum(totals.values()), sum(each["paid"] for each in by_provider)) == (held, ever)
    [last] = [row["providers"] for row in years[before] if row["email"] == "ada@x.com"]
    assert [(each["paid"], each["returned"]) for each in last] == [(4_100, 1_100)]
    assert [row["email"] for row in await facts(business, before, at_least=501)] == ["ada@x.com"]
    assert await facts(business, this_year - 2) == []


async def test_what_is_noted_stands_beside_the_facts_and_in_the_audit_log(
    business, this_year
) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)
    await desk.withdraw(user, 1_000)
    await desk.process()
    path = f"/payout/users/usr_{user}/tax-note"
    for note in ({"state": "missing"}, {"state": "w9", "note": "received in March"}):
        assert (await business.client.put(path, json=note)).is_success
    [row] = await facts(business, this_year)
    assert (row["state"], row["note"]) == ("w9", "received in March")
    entries = await business.database.fetch(
        lambda db: audit.list_page(db, business.business_id, act="tax.note", limit=5)
    )
    assert [entry.after["state"] for entry in entries] == ["w9", "missing"]
    for bad in ({"state": "w2"}, {"state": "w9", "note": "a\nb"}):
        assert (await business.client.put(path, json=bad)).status_code == 400


async def test_a_year_that_is_to_come_or_none_is_refused(business, this_year) -> None:
    for year in (this_year + 1, 1, "x"):
        answer = await business.client.get("/payout/taxes", params={"year": year})
        assert (answer.status_code, list(answer.json())) == (400, ["year"])


async def test_thresholds_are_kept_changed_and_removed(business) -> None:
    async def kept(amount: int | None) -> list[tuple[str, int]]:
        await business.database.write(
            taxes.set_threshold, business.business_id, "1099", amount, "test"
        )
        found = await business.database.fetch(taxes.list_thresholds, business.business_id)
        return [(each.name, each.amount) for each in found]

    assert await kept(60_000) == [("1099", 60_000)]
    assert await kept(200_000) == [("1099", 200_000)]
    assert await kept(None) == []
