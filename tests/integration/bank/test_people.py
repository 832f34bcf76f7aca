"""Who lets money go to a bank account: the one who reviews a new account, two people who approve a
file, and the clock at which one is cut."""

import asyncio
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from payviox import actors
from payviox.actors import WORKER, Actor
from payviox.approvals.service import Refused
from payviox.bank import files, schedule
from payviox.bank.model import BankFile
from payviox.cli.demo.bank import ach
from payviox.cli.demo.bank.books import BankPayment, Course
from payviox.cli.demo.bank.files import read
from payviox.db.pool import Connection
from payviox.errors import Conflict, Forbidden
from payviox.rights.roles import Role
from support.banking import ACH, KEYRING, Banking, entry, statement
from support.businesses import TestBusiness
from support.dashboard import make_operator
from support.databases import Urls

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    return await Banking.of(business)


async def person(bank: Banking, role: Role) -> Actor:
    email = f"{uuid4().hex}@example.com"
    return actors.operator(await make_operator(bank.database, email, bank.business, role))


async def waiting(bank: Banking, amount: int = 500) -> None:
    await bank.order(amount, email=f"{uuid4().hex}@example.com")
    await bank.desk.process()


async def test_two_people_approve_a_file_and_who_cut_it_is_one_of_them(bank: Banking) -> None:
    await bank.business.set(second_person_amount=1_000_000)
    ann, ben, eve = [await person(bank, role) for role in ("finance", "approver", "viewer")]
    await waiting(bank)
    cut = (await bank.cut(actor=ann)).file
    assert cut is not None
    with pytest.raises(Forbidden):
        await bank.approve(cut, eve)
    assert (await bank.approve(cut, ann)).status == "draft", "whoever cut it signs once"
    with pytest.raises(Refused):
        await bank.approve(cut, ann)
    assert (await bank.approve(cut, ben)).status == "approved"
    with pytest.raises(Forbidden):
        await bank.download(cut, ben)
    await bank.download(cut, ann)
    assert (await bank.look(cut)).status == "released"


async def test_a_file_that_the_clock_cut_needs_two_and_of_two_at_once_each_signs(
    bank: Banking,
) -> None:
    await bank.business.set(second_person_amount=1_000_000)
    ann, ben = await person(bank, "finance"), await person(bank, "approver")
    await waiting(bank)
    cut = (await bank.cut(actor=WORKER)).file
    assert cut is not None
    with pytest.raises(Conflict):
        await bank.approve(cut)  # a command that names nobody
    ends = await asyncio.gather(bank.approve(cut, ann), bank.approve(cut, ben))
    assert sorted(each.status for each in ends) == ["approved", "draft"]
    rows = await bank.business.rows(
        "SELECT act FROM audit_entries WHERE business_id = %s AND act LIKE 'bank%%'"
    )
    assert sorted(row[0] for row in rows) == ["bank_file.approve", "bank_file.cut"]


async def test_a_canceled_file_and_a_released_one_cannot_be_approved_or_canceled(
    bank: Banking,
) -> None:
    await waiting(bank)
    first = await bank.file()
    await bank.database.write(files.cancel, bank.id, first.id, "command:test")
    second = await bank.released()
    for file in (first, second):
        with pytest.raises(Conflict):
            await bank.approve(file)
        with pytest.raises(Conflict):
            await bank.database.write(files.cancel, bank.id, file.id, "command:test")


async def test_a_new_account_is_reviewed_and_waits_and_so_is_one_that_its_bank_has_changed(
    bank: Banking, urls: Urls
) -> None:
    await bank.business.set(review_new_bank_account=True, bank_cooling_hours=24)
    user = await bank.desk.user(5_000)
    first = await bank.order(1_000, user_id=user)
    assert (first.status, first.review_reasons) == ("review", ["new_bank_account"])
    await bank.desk.approve(first)
    first = await bank.settled(first)
    assert (first.status, first.waiting) == ("sent", "bank_cooling")
    assert (await bank.cut()).file is None, "its waiting time is not over"
    bank.pass_cooling(urls)
    file = await bank.approve(await bank.file())
    content = await bank.download(file)
    payment = await bank.payment(first)
    await bank.take(statement([entry(payment, ref="1")], opening=9_000, closing=8_000))
    assert (await bank.settled(first)).status == "succeeded"
    assert (await bank.order(1_000, user_id=user)).status == "queued"

    said = read(content)
    (told,) = said.orders
    change = BankPayment(said, told, Course(changed=("C01", "111222333")), "booked")
    await bank.take(ach.returns([change], date(2026, 12, 2)), "changes.ach")
    again = await bank.order(1_000, user_id=user)
    assert (again.status, again.review_reasons) == ("review", ["new_bank_account"])
    renamed = await bank.order(1_000, {**ACH, "name": "A. Lovelace"}, user_id=user)
    assert renamed.status == "review"
    rows = await bank.business.rows(
        "SELECT evidence::text FROM bank_entries WHERE business_id = %s"
    )
    assert all("111222333" not in row[0] for row in rows)


async def test_a_file_is_cut_once_at_its_time_by_whichever_worker(business: TestBusiness) -> None:
    bank = await Banking.of(business, cut_at="09:00", check_float="no")
    await waiting(bank)
    account = await bank.account()
    nine = datetime(2026, 12, 1, 14, 0, tzinfo=UTC)  # in New York

    async def look(at: datetime) -> list[BankFile]:
        await asyncio.gather(
            *(schedule.cut_due(bank.database, KEYRING, account, at) for _ in range(2))
        )
        return await bank.database.fetch(lambda db: files.list_page(db, bank.id))

    assert await look(nine.replace(hour=13)) == []
    (file,) = await look(nine)
    assert (file.created_by, file.status) == ("worker", "draft")


async def test_the_time_of_a_file_is_told_by_the_clock_that_dates_it(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host whose clock is ahead would cut a further file in each turn, one behind none."""

    async def nine(_: Connection) -> datetime:
        return datetime(2026, 12, 1, 14, 0, tzinfo=UTC)

    bank = await Banking.of(business, cut_at="09:00", check_float="no")
    await waiting(bank)
    monkeypatch.setattr(schedule.queries, "now", nine)
    await schedule.cut_due(bank.database, KEYRING, await bank.account())
    assert len(await bank.database.fetch(lambda db: files.list_page(db, bank.id))) == 1
