"""`payviox bank`, as a process of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from payviox import ids
from payviox.bank import files
from support.banking import ACCOUNT_NUMBER, Banking, answer
from support.businesses import TestBusiness
from support.databases import Urls
from support.installation import Installation
from support.live import environment

pytestmark = pytest.mark.anyio


async def test_a_file_is_cut_approved_handed_over_and_answered(
    business: TestBusiness, urls: Urls, tmp_path: Path
) -> None:
    bank = await Banking.of(business, release="folder")
    await bank.order(2_500)
    await bank.desk.process()
    folder = tmp_path / "bank"
    given = environment(tmp_path / "home", urls.application) | {"PAYVIOX_BANK_FOLDER": str(folder)}
    payviox = Installation(tmp_path / "home", given).run
    business_id = ids.show(ids.BUSINESS, bank.id)
    printed: list[str] = []

    def run(*arguments: str) -> Any:
        done = payviox("bank", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout + done.stderr)
        return json.loads(done.stdout)

    cut = run("cut", business_id, "ach")
    assert (cut["payments"], cut["total"], cut["status"]) == (1, "25.00 USD", "draft")
    assert run("approve", business_id, cut["id"])["status"] == "approved"
    assert run("release", business_id, cut["id"], "--yes")["status"] == "released"
    (left,) = (folder / business_id / "out").iterdir()
    assert ACCOUNT_NUMBER in left.read_text()
    (file,) = await bank.database.fetch(lambda db: files.list_page(db, bank.id))
    report = tmp_path / "answer.xml"
    report.write_bytes(answer(file, status="ACCP"))
    assert run("import", business_id, str(report)) == [
        {
            "kind": "pain.002",
            "entries": 1,
            "repeated": 0,
            "unmatched": 0,
            "already_imported": False,
        }
    ]
    (payment,) = run("payments", business_id, "--file", cut["id"])
    assert (payment["status"], payment["total"]) == ("accepted", "25.00 USD")
    assert ACCOUNT_NUMBER not in "".join(printed)
