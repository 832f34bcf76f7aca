"""Two workers, two people and one file at once: whatever they do, it leaves once or never, and a
report counts once."""

import asyncio
from pathlib import Path

import pytest

from payviox import ids
from payviox.bank import files, schedule
from payviox.bank.imports import Taken
from payviox.bank.model import BankFile
from payviox.bank.queries import files as files_queries
from payviox.bank.releasing import handing_over
from payviox.bank.releasing.folder import Folder
from payviox.errors import Conflict
from support.banking import KEYRING, PERSON, Banking, entry, statement
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    return await Banking.of(business, release="folder")


async def approved(bank: Banking) -> BankFile:
    await bank.order(500)
    await bank.desk.process()
    return await bank.approve(await bank.file())


def names(place: Path) -> list[str]:
    return sorted(each.name for each in place.iterdir() if each.is_file())


@pytest.mark.parametrize("first", [0, 1, 2, 3])
async def test_of_all_who_decide_on_a_file_at_once_one_does(
    bank: Banking, tmp_path: Path, first: int
) -> None:
    file = await approved(bank)

    async def release() -> str:
        await handing_over.release(
            bank.database, KEYRING, "folder", Folder(tmp_path), bank.id, file.id, PERSON
        )
        return "handed over"

    async def download() -> str:
        await bank.download(file)
        return "downloaded"

    async def cancel() -> str:
        await bank.database.write(files.cancel, bank.id, file.id, PERSON)
        return "canceled"

    calls = [release, download, cancel, release]
    calls = calls[first:] + calls[:first]
    ends = await asyncio.gather(*(call() for call in calls), return_exceptions=True)
    assert all(isinstance(end, str | Conflict) for end in ends), ends
    done = {end for end in ends if isinstance(end, str)}
    # Who downloads after a release gets the same bytes once more.
    (what,) = done - {"downloaded"} or done
    after = await bank.look(file)
    assert after.status == ("canceled" if what == "canceled" else "released")
    assert names(tmp_path) == ([file.name] if what == "handed over" else [])
    if what == "canceled":
        assert done == {"canceled"}
    again = (await bank.cut()).file
    assert (again is not None) == (what == "canceled"), "what has left is in no other file"


async def test_of_workers_that_go_on_with_a_file_at_once_one_hands_it_over(
    bank: Banking, tmp_path: Path
) -> None:
    file = await approved(bank)
    begun = {"way": "folder", "step": "writing", "lease_s": -1.0}
    await bank.database.write(lambda db: files_queries.update(db, file, begun))
    account = await bank.account()
    await asyncio.gather(
        *(schedule.go_on(bank.database, KEYRING, account, tmp_path, file.id) for _ in range(4))
    )
    assert (await bank.look(file)).status == "released"
    assert names(tmp_path / ids.show(ids.BUSINESS, bank.id) / "out") == [file.name]


async def test_of_several_who_import_one_file_at_once_one_changes_something(
    bank: Banking,
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    await bank.released()
    line = [entry(await bank.payment(order), ref="1")]
    content = statement(line, opening=1_000, closing=500)
    ends: list[Taken] = await asyncio.gather(*(bank.take(content) for _ in range(5)))
    assert sorted(end.is_repeated for end in ends) == [False, True, True, True, True]
    assert len({end.reports[0].id for end in ends}) == 1
    await bank.settled(order)
    assert (await bank.business.ledger())["settled:bank"] == 500


async def test_two_workers_that_fetch_reports_at_once_take_each_once(
    bank: Banking, tmp_path: Path
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    await bank.released()
    payment = await bank.payment(order)
    place = tmp_path / ids.show(ids.BUSINESS, bank.id) / "in"
    place.mkdir(parents=True)
    days = (
        statement([entry(payment, ref="1")], opening=1_000, closing=500),
        statement([entry(payment, ref="2", credit=True, code="AC04")], opening=500, closing=1_000),
    )
    for number, content in enumerate(days):
        (place / f"{number}.xml").write_bytes(content)
    account = await bank.account()
    await asyncio.gather(
        *(schedule.fetch_reports(bank.database, account, tmp_path) for _ in range(3))
    )
    rows = await bank.business.rows("SELECT file_name FROM bank_imports WHERE business_id = %s")
    assert sorted(rows) == [("0.xml",), ("1.xml",)]
    assert (await bank.settled(order)).status == "returned"
    assert (await bank.business.ledger())["settled:bank"] == 0
