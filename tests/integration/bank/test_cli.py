"""`payviox bank`, as a process of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from payviox import ids
from payviox.bank import files
from support.banking import ACCOUNT_NUMBER, Banking, answer
from support.businesses import TestBusiness
from support.databases import Urls
from support.installation import PAYVIOX, Installation
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


def to_a_full_disk(payviox: Installation, *arguments: str) -> "subprocess.CompletedProcess[str]":
    with Path("/dev/full").open("wb") as full:
        return subprocess.run(
            [PAYVIOX, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=payviox.environment,
            cwd=payviox.home.parent,
            check=False,
        )


async def test_a_file_that_cannot_be_written_has_not_left_or_is_said_to_have(
    business: TestBusiness, urls: Urls, tmp_path: Path
) -> None:
    bank = await Banking.of(business)
    await bank.order(2_500)
    await bank.desk.process()
    payviox = Installation(tmp_path / "home", environment(tmp_path / "home", urls.application))
    business_id = ids.show(ids.BUSINESS, bank.id)
    file = payviox.told("bank", "cut", business_id, "ach")["id"]
    payviox.done("bank", "approve", business_id, file)
    download = ("bank", "download", business_id, file)

    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    assert "exists already" in payviox.refused(*download, str(link))
    missing = payviox.refused(*download, str(tmp_path / "missing" / "file"))
    assert missing.endswith("No such file or directory. Nothing was done.")
    [before] = await bank.database.fetch(lambda db: files.list_page(db, bank.id))
    assert before.status == "approved"

    ended = to_a_full_disk(payviox, *download, "-")
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: The file counts as given to the bank, but ")
    [left] = await bank.database.fetch(lambda db: files.list_page(db, bank.id))
    assert left.status == "released"

    place = tmp_path / "file"
    payviox.done(*download, str(place))
    assert ACCOUNT_NUMBER in place.read_text()
    assert place.stat().st_mode & 0o777 == 0o600
