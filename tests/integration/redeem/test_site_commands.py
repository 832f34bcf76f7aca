"""`payviox business embed` and `host`: where the redemption page lives, by commands."""

from pathlib import Path

import pytest

from payviox import ids
from payviox.audit import service as audit
from payviox.db.pool import Database
from support.businesses import TestBusiness
from support.databases import Urls
from support.installation import Installation
from support.live import environment

pytestmark = pytest.mark.anyio


@pytest.fixture
def payviox(urls: Urls, tmp_path: Path) -> Installation:
    """An installation that people reach by https."""
    home = tmp_path / "home"
    given = environment(home, urls.application, PAYVIOX_PUBLIC_URL="https://pay.example.com")
    return Installation(home, given | {"PAYVIOX_ALLOW_PRIVATE_WEBHOOKS": "0"})


@pytest.fixture
def shown(business: TestBusiness) -> str:
    return ids.show(ids.BUSINESS, business.business_id)


async def _acts(database: Database, business: TestBusiness) -> list[str]:
    entries = await database.fetch(lambda db: audit.list_page(db, business.business_id, limit=9))
    return [entry.act for entry in entries if entry.act.startswith("site.")]


async def test_embed_names_all_sites_at_once_shows_them_and_stops_them(
    payviox: Installation, shown: str, database: Database, business: TestBusiness
) -> None:
    embed = ("business", "embed", shown)
    assert payviox.done(*embed) == ""
    first, second = "https://shop.example.com", "https://b.example.org:8443"
    named = ("--origin", f"{first}/", "--origin", second)
    assert payviox.done(*embed, *named).split() == [first, second]
    assert payviox.done(*embed).split() == [first, second]
    assert payviox.done(*embed, "--origin", second) == second
    said = payviox.refused(*embed, "--origin", "http://shop.example.com")
    assert "The address begins with https" in said
    assert payviox.done(*embed) == second
    assert payviox.done(*embed, "--nowhere") == ""
    assert await _acts(database, business) == ["site.set_origins"] * 3


async def test_host_keeps_the_host_and_says_whether_it_leads_here(
    payviox: Installation, shown: str, database: Database, business: TestBusiness
) -> None:
    host, name = ("business", "host", shown), f"pay.{business.business_id}.invalid"
    assert payviox.done(*host) == ""
    assert payviox.done(*host, "--set", f"https://{name}/").split() == [
        *("host", name),
        *("state", "waiting"),
    ]
    assert name in payviox.done(*host)
    for typed in ("not a host", "redeem.example.com/path"):
        assert "Type the name of a host" in payviox.refused(*host, "--set", typed)
    assert payviox.done(*host, "--set", "") == ""
    assert await _acts(database, business) == ["site.set_host"] * 2


async def test_a_host_of_ones_own_needs_https(
    payviox: Installation, shown: str, database: Database, business: TestBusiness
) -> None:
    payviox.more["PAYVIOX_PUBLIC_URL"] = "http://pay.example.com"
    said = payviox.refused("business", "host", shown, "--set", "redeem.example.com")
    assert "needs https" in said
    assert "PAYVIOX_PUBLIC_URL" in said
    assert await _acts(database, business) == []
