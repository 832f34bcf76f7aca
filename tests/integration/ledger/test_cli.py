"""`payviox ledger verify`, as a process of its own."""

import json
from pathlib import Path

import pytest

from payviox import ids
from payviox.db.pool import Database
from support import books
from support.businesses import open_business
from support.databases import Urls
from support.installation import Installation
from support.live import environment

pytestmark = pytest.mark.anyio


async def test_verify_exits_0_on_good_books_and_1_naming_the_row_on_broken_ones(
    database: Database, urls: Urls, tmp_path: Path
) -> None:
    business = await open_business(database, funds=100_000)
    await books.fill(database, business.business_id)
    payviox = Installation(tmp_path / "home", environment(tmp_path / "home", urls.application)).run
    good = payviox("ledger", "verify")
    assert (good.returncode, good.stderr) == (0, "")
    assert "all is well" in good.stdout

    with urls.as_admin() as admin:
        row = admin.execute(
            "UPDATE transfers SET amount = amount + 1"
            " WHERE id = (SELECT max(id) FROM transfers WHERE kind = 'allocation') RETURNING id"
        ).fetchone()
    assert row is not None
    transfer_id = ids.show(ids.TRANSFER, str(row[0]))
    broken = payviox("ledger", "verify")
    assert broken.returncode == 1
    assert f"transfer {transfer_id}" in broken.stdout
    found = payviox("ledger", "verify", "--json")
    assert found.returncode == 1
    report = json.loads(found.stdout)
    assert not report["ok"]
    assert transfer_id in {problem["transfer_id"] for problem in report["problems"]}
    assert {problem["business_id"] for problem in report["problems"]} == {
        ids.show(ids.BUSINESS, business.business_id)
    }
