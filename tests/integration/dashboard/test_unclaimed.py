"""*Reminders and expiry* and *Unclaimed money*, on pages, in files and in the audit log."""

import csv
import re

import pytest

from payviox.businesses import service as businesses
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.unclaimed import ageing
from support.ageing import age, look
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, signed_in
from support.databases import Urls

pytestmark = pytest.mark.anyio

TYPED = {"reminder_days": "30, 7", "balance_lifetime_days": "90", "expiry_notice_days": "10"}


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text.partition("<main")[2]).split())


async def test_the_rules_are_saved_explained_and_written_down(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    assert f"{base}/settings/expiry" in (await browser.get(f"{base}/settings")).text
    page = await browser.get(f"{base}/settings/expiry")
    assert heading(page) == "Reminders and expiry"
    assert "Nothing expires" in page.text
    assert "sends its payout users no mails" in page.text
    answer = await browser.post(f"{base}/settings/expiry", **TYPED)
    assert answer.status_code == 303
    page = await browser.get(answer.headers["location"])
    assert "The rules are saved." in page.text
    assert "within 90 days returns" in words(page.text)
    assert 'value="7, 30"' in page.text
    kept = await database.fetch(businesses.get, business.business_id)
    assert (kept.reminder_days, kept.balance_lifetime_days) == ([7, 30], 90)
    assert kept.expiry_notice_days == 10
    log = await browser.get(f"{base}/audit?act=business.set")
    assert "balance_lifetime_days" in log.text


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("reminder_days", "7, 7"),
        ("reminder_days", "0"),
        ("reminder_days", "1,2,3,4,5,6"),
        ("reminder_days", "soon"),
        ("balance_lifetime_days", "0"),
        ("expiry_notice_days", ""),
        ("expiry_notice_days", "366"),
    ],
)
async def test_what_does_not_fit_is_said_at_its_field_and_kept(
    browser: Browser, database: Database, business: TestBusiness, field: str, typed: str
) -> None:
    base = await signed_in(browser, database, business, "owner")
    page = await browser.post(f"{base}/settings/expiry", **{**TYPED, field: typed})
    assert page.status_code == 422
    assert f'id="{field}-error"' in page.text
    assert f'value="{typed}"' in page.text
    kept = await database.fetch(businesses.get, business.business_id)
    assert kept.balance_lifetime_days is None


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_set_rules_may_set_these(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    may = "business.set" in RIGHTS[role]
    assert ("Save" in words((await browser.get(f"{base}/settings/expiry")).text)) is may
    answer = await browser.post(f"{base}/settings/expiry", **TYPED)
    assert answer.status_code == (303 if may else 403)


async def test_money_is_shown_by_its_age_with_whose_it_is(
    browser: Browser, database: Database, business: TestBusiness, urls: Urls
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    assert f"{base}/balance/ageing" in (await browser.get(f"{base}/balance")).text
    page = await browser.get(f"{base}/balance/ageing")
    assert heading(page) == "Unclaimed money"
    assert "No unclaimed money is summed yet" in page.text
    assert "$0.00" not in page.text
    await business.create("ada@example.com", 700)
    age(urls, business, 40)
    await business.create("grace@example.com", 300)
    await business.create("ada@example.com", 25)
    await look(database, business)
    text = words((await browser.get(f"{base}/balance/ageing")).text)
    assert "Up to 30 days $3.25" in text
    assert "31 to 90 days $7.00" in text
    assert text.index("ada@example.com $7.25") < text.index("grace@example.com $3.00")
    older = words((await browser.get(f"{base}/balance/ageing?age=31-90")).text)
    assert "ada@example.com" in older
    assert "grace@example.com" not in older
    none = words((await browser.get(f"{base}/balance/ageing?age=366")).text)
    assert "Nothing matches these filters." in none
    file = await browser.get(f"{base}/balance/ageing/unclaimed.csv")
    lines = list(csv.reader(file.text.splitlines()))
    assert [line[1:4] for line in lines[1:]] == [
        ["ada@example.com", "active", "7.25"],
        ["grace@example.com", "active", "3.00"],
    ]
    assert (await browser.get(f"{base}/balance/ageing/other.csv")).status_code == 404


async def test_the_list_goes_on_page_by_page_and_begins_again_where_somebody_is_gone(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "finance")
    items = [{"email": f"p{number}@example.com", "amount": 100} for number in range(53)]
    await business.client.post("/payout/batch", json={"items": items})
    await look(database, business)
    first = await browser.get(f"{base}/balance/ageing")
    onward = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert onward is not None
    second = await browser.get(onward[1])
    shown = [re.findall(r"p\d+@example\.com", page.text) for page in (first, second)]
    assert [len(set(each)) for each in shown] == [50, 3]
    assert not set(shown[0]) & set(shown[1])


async def test_another_organizations_money_is_nobodys_business(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    await signed_in(browser, database, business, "owner")
    foreign = base_of(business).replace("biz_", "biz_0")[: len(base_of(business))]
    for path in ("settings/expiry", "balance/ageing", "balance/ageing/unclaimed.csv"):
        assert (await browser.get(f"{foreign}/{path}")).status_code == 404


async def test_the_first_money_is_summed_before_the_hour(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    await business.create("ada@example.com", 700)
    await ageing.begin(database)
    text = words((await browser.get(f"{base}/balance/ageing")).text)
    assert "Up to 30 days $7.00" in text
    await business.create("ada@example.com", 100)
    await ageing.begin(database)
    assert "$7.00" in words((await browser.get(f"{base}/balance/ageing")).text)
