"""Restricted keys on pages: made with bounds as they are typed, shown once, changed, revoked."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from payviox.auth import keys
from payviox.auth.restrictions import Restrictions
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.treasury import restricted_keys
from support.businesses import TestBusiness
from support.dashboard import Browser, hidden, signed_in

pytestmark = pytest.mark.anyio

TYPED = {
    "name": "Survey server",
    "scope_allocate": "yes",
    "scope_read": "yes",
    "amount_limit": "50",
    "daily_limit": "1,000.50",
    "networks": "192.0.2.7\r\n2001:db8::/48\r\n",
    "expires_on": "2126-01-31",
}


async def kept(database: Database, business: TestBusiness) -> Any:
    return await database.fetch(restricted_keys.list_of, business.business_id)


async def test_a_key_is_made_shown_once_changed_and_revoked(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "developer")
    address = f"{base}/developer/keys/restricted"
    form = TYPED | {"key": hidden(await browser.get(address), "key")}
    shown = await browser.post(address, **form)
    made = re.search(r'class="secret"[^>]*>(rk_test_[^<]+)<', shown.text)
    assert made is not None
    again = await browser.post(address, **form)
    assert "made already" in again.text
    assert made[1] not in again.text
    [key] = await kept(database, business)
    assert (key.name, key.scopes, key.amount_limit, key.daily_limit, key.networks) == (
        "Survey server", ["allocate", "read"], 5_000, 100_050, ["192.0.2.7/32", "2001:db8::/48"],
    )  # fmt: skip
    assert key.expires_at.isoformat() == "2126-02-01T00:00:00+00:00", "to the end of its last day"
    caller = await database.fetch(keys.find_business, made[1])
    assert (caller.business_id, key.made_by[:12]) == (business.business_id, "operator:op_")

    one = f"{address}/key_{key.id}"
    page = await browser.get(f"{one}/change")
    for text in ("Survey server", 'value="1000.50"', "192.0.2.7/32", 'value="2126-01-31"'):
        assert text in page.text
    typed = {"name": "Survey server", "scope_read": "yes"}
    assert (await browser.post(f"{one}/change", **typed)).status_code == 303
    [key] = await kept(database, business)
    assert (key.scopes, key.daily_limit, key.networks, key.expires_at) == (["read"], None, [], None)

    listed = await browser.get(f"{base}/developer/keys")
    assert made[1] not in listed.text
    assert made[1][-4:] in listed.text
    asked = await browser.get(f"{one}/revoke")
    assert (await browser.post(f"{one}/revoke", key=hidden(asked, "key"))).status_code == 303
    assert await kept(database, business) == []
    assert await database.fetch(keys.find_business, made[1]) is None


async def test_another_name_does_not_lengthen_the_life_of_a_key(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "developer")
    end = datetime(2126, 1, 31, 10, tzinfo=UTC)
    bounds = Restrictions("Shop", ("read",), expires_at=end)
    made = await database.write(restricted_keys.create, business.business_id, bounds, "test")
    address = f"{base}/developer/keys/restricted/key_{made.key.id}/change"
    assert 'value="2126-01-31"' in (await browser.get(address)).text
    for day, ends in (("2126-01-31", end), ("2126-01-30", datetime(2126, 1, 31, tzinfo=UTC))):
        typed = {"name": "Store", "scope_read": "yes", "expires_on": day}
        assert (await browser.post(address, **typed)).status_code == 303
        [key] = await kept(database, business)
        assert (key.name, key.expires_at) == ("Store", ends)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", ""), ("amount_limit", "1.234,50"), ("daily_limit", "0"),
        ("networks", "10.0.0.1/8"), ("expires_on", "soon"), ("scope_allocate", ""),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    browser: Browser, database: Database, business: TestBusiness, field: str, text: str
) -> None:
    base = await signed_in(browser, database, business, "developer")
    address = f"{base}/developer/keys/restricted"
    form = {
        **TYPED,
        "scope_read": "",
        field: text,
        "key": hidden(await browser.get(address), "key"),
    }
    answer = await browser.post(address, **form)
    assert answer.status_code == 422
    assert 'class="error"' in answer.text
    assert ("Survey server" in answer.text) == (field != "name")
    assert await kept(database, business) == []


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_makes_keys_as_the_table_says_whatever_the_page_shows(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    may = "key.create" in RIGHTS[role]
    page = await browser.get(f"{base}/developer/keys")
    assert ("Make a restricted key" in page.text) == may
    answer = await browser.post(f"{base}/developer/keys/restricted", **TYPED, key="form:1")
    assert answer.status_code == (200 if may else 403)
    assert len(await kept(database, business)) == may
