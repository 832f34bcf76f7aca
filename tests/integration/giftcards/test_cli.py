"""`payviox giftcards`, as a process of its own."""

import json
from pathlib import Path

import pytest

from payviox import ids
from payviox.db.pool import Database
from support.businesses import open_business
from support.databases import Urls
from support.giftcards import csv_of
from support.installation import Installation
from support.live import environment

pytestmark = pytest.mark.anyio

SECRET = "SECRET-CODE-4711"


async def test_a_file_is_imported_with_a_summary_and_every_bad_line_named(
    database: Database, urls: Urls, tmp_path: Path
) -> None:
    business = await open_business(database, mode="live")
    business_id = ids.show(ids.BUSINESS, business.business_id)
    payviox = Installation(tmp_path / "home", environment(tmp_path / "home", urls.application)).run
    file = tmp_path / "cards.csv"
    file.write_text(csv_of(["A1", "A2", "A1"]) + f"Shop,Shop,USA,{SECRET},,25,USD,2500,\nx\n")

    first = payviox("giftcards", "import", str(file), "--business", business_id)
    assert first.returncode == 1
    assert first.stdout == "2 imported, 1 duplicates left out, 2 bad\n"
    assert "line 5: the country must be its 2-letter ISO code\n" in first.stderr
    assert "line 6: 1 fields where the header has 9\n" in first.stderr

    again = payviox("giftcards", "import", str(file), "--business", business_id, "--json")
    assert json.loads(again.stdout) == {
        "imported": 0,
        "duplicates": 3,
        "bad": [
            {"line": 5, "reason": "the country must be its 2-letter ISO code"},
            {"line": 6, "reason": "1 fields where the header has 9"},
        ],
    }

    (stock,) = json.loads(payviox("giftcards", "stock", business_id, "--json").stdout)
    assert (stock["product"], stock["available"], stock["price"]) == ("Shop 25", 2, 2_500)

    file.write_text(csv_of(["A2"]))
    void = payviox("giftcards", "void", str(file), "--business", business_id, "--yes")
    assert (void.returncode, void.stdout) == (0, "1 voided\n")
    for done in (first, again, void):
        assert SECRET not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "says"), [("a,b\n1,2\n", "missing: product"), ("", "The file is empty")]
)
async def test_a_file_that_holds_no_cards_is_refused(
    database: Database, urls: Urls, tmp_path: Path, text: str, says: str
) -> None:
    business = await open_business(database)
    file = tmp_path / "cards.csv"
    file.write_text(text)
    business_id = ids.show(ids.BUSINESS, business.business_id)
    payviox = Installation(tmp_path / "home", environment(tmp_path / "home", urls.application)).run
    done = payviox("giftcards", "import", str(file), "--business", business_id)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
