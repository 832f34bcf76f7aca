"""API keys on pages: named, regenerated, shown once, and only for those who may."""

import re
from typing import Any

import pytest

from payviox.audit import service as audit
from payviox.auth import keys
from payviox.auth.keys import KINDS, Kind
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, signed_in

pytestmark = pytest.mark.anyio


async def is_live(database: Database, business: TestBusiness, key: str) -> bool:
    return await database.fetch(keys.is_live, business.business_id, key)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_regenerated_key_is_shown_once_and_the_old_one_stops(
    browser: Browser, database: Database, business: TestBusiness, kind: Kind
) -> None:
    olds = {"secret": business.secret_key, "public": business.public_key}
    base = await signed_in(browser, database, business, "developer")
    listed = await browser.get(f"{base}/developer/keys")
    assert heading(listed) == "API keys"
    assert listed.text.count("Regenerate API key") == 2
    assert all(old[-4:] in listed.text and old not in listed.text for old in olds.values())
    address = f"{base}/developer/keys/{kind}/regenerate"
    asked = await browser.get(address)
    assert olds[kind][-4:] in asked.text
    form = {"key": hidden(asked, "key")}
    shown = await browser.post(address, **form)
    made = re.search(r'class="secret"[^>]*>([a-z]{2}_[^<]+)<', shown.text)
    assert made is not None
    assert shown.headers["cache-control"] == "no-store"
    again = await browser.post(address, **form)
    assert "regenerated already" in again.text
    assert made[1] not in again.text
    for other, old in olds.items():
        assert await is_live(database, business, old) == (other != kind)
    assert await is_live(database, business, made[1])
    [entry] = await database.fetch(
        lambda db: audit.list_page(db, business.business_id, act="key.regenerate", limit=5)
    )
    assert entry.actor.startswith("operator:op_")


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_regenerates_as_the_table_says_whatever_the_page_shows(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    page = await browser.get(f"{base}/developer/keys")
    may = "key.regenerate" in RIGHTS[role]
    assert ("Regenerate API key" in page.text) == may
    answer = await browser.post(f"{base}/developer/keys/secret/regenerate", key="form:1")
    assert answer.status_code == (200 if may else 403)
    assert await is_live(database, business, business.secret_key) == (not may)


async def test_another_organizations_keys_and_other_kinds_are_not_there(
    browser: Browser, database: Database, business: TestBusiness, make_business: Any
) -> None:
    own = await signed_in(browser, database, await make_business())
    theirs = f"{base_of(business)}/developer/keys"
    for address in (
        theirs,
        f"{theirs}/secret/regenerate",
        f"{own}/developer/keys/other/regenerate",
    ):
        assert (await browser.get(address)).status_code == 404
    answer = await browser.post(f"{theirs}/secret/regenerate", key="form:1")
    assert answer.status_code == 404
    assert await is_live(database, business, business.secret_key)
