"""Whose word counts: a report that somebody uploads may be forged, and a file that the bank has may
be taken for lost. Over the business's threshold one person alone gives no money back."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from payviox import actors
from payviox.actors import WORKER, Actor
from payviox.agreements import service as agreements
from payviox.approvals import service as approvals
from payviox.approvals.service import Refused, WaitingAct
from payviox.bank import files, imports, second_person
from payviox.bank.imports import Taken
from payviox.bank.model import BankFile, Source
from payviox.bank.queries import files as files_queries
from payviox.bank.releasing import handing_over
from payviox.bank.releasing.folder import Folder
from payviox.bank.second_person import ImportToApprove, OtherAmount
from payviox.errors import Conflict, Forbidden
from payviox.reporting import attention
from payviox.rights.roles import Role
from payviox.withdrawals.model import Order
from support.banking import KEYRING, PERSON, Banking, answer, entry, rejected, statement
from support.businesses import TestBusiness
from support.dashboard import make_operator
from support.polling import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    """Whose acts over $10.00 need two people."""
    await business.set(second_person_amount=1_000)
    return await Banking.of(business)


async def person(bank: Banking, role: Role = "finance") -> Actor:
    email = f"{uuid4().hex}@example.com"
    return actors.operator(await make_operator(bank.database, email, bank.business, role))


async def sent(bank: Banking, amount: int) -> tuple[Order, BankFile]:
    """An order that the bank has, in a file."""
    order = await bank.order(amount, email=f"{uuid4().hex}@example.com")
    await bank.desk.process()
    file = await bank.file()
    await bank.database.write(lambda db: files_queries.update(db, file, {"status": "approved"}))
    await bank.download(file)
    return order, file


async def take(
    bank: Banking, content: bytes, actor: Actor, source: Source = "upload"
) -> Taken | WaitingAct:
    account = await bank.account()
    return await imports.take(bank.database, account, "said.xml", content, source, actor)


async def money(bank: Banking) -> dict[str, int]:
    """What is in transit, settled and on payout users' balances; every invariant holds."""
    await bank.desk.hurry()
    await bank.desk.process()
    await bank.business.ledger()
    rows = await bank.business.rows(
        "SELECT kind, sum(balance)::bigint FROM accounts WHERE business_id = %s"
        " AND (rail = 'bank' OR kind = 'user') GROUP BY kind"
    )
    return {str(kind): int(cents) for kind, cents in rows if cents}


async def waiting(bank: Banking) -> list[WaitingAct]:
    return await bank.database.fetch(approvals.list_waiting, bank.id, 10)


async def test_a_report_that_gives_back_over_the_threshold_is_imported_by_two(
    bank: Banking,
) -> None:
    ann, ben, eve = [await person(bank, role) for role in ("finance", "owner", "approver")]
    order, file = await sent(bank, 1_001)
    content = answer(file, payments=[rejected(await bank.payment(order), "AC04")])
    asked = await take(bank, content, ann)
    assert isinstance(asked, WaitingAct)
    assert (asked.act, asked.amount) == ("bank_report.import", 1_001)
    assert await money(bank) == {"in_transit": 1_001}
    with pytest.raises(Refused):
        await take(bank, content, ann)
    with pytest.raises(Forbidden):
        await take(bank, content, eve)
    with pytest.raises(ImportToApprove):
        await bank.database.write(agreements.approve, bank.id, asked.id, ben)
    assert await money(bank) == {"in_transit": 1_001}
    assert await bank.business.rows("SELECT id FROM bank_imports WHERE business_id = %s") == []
    taken = await take(bank, content, ben)
    assert isinstance(taken, Taken)
    assert await money(bank) == {"user": 1_001}
    assert await waiting(bank) == []
    again = await take(bank, content, ann)
    assert isinstance(again, Taken)
    assert again.is_repeated
    rows = await bank.business.rows(
        "SELECT act FROM audit_entries WHERE business_id = %s"
        " AND (act LIKE 'approval%%' OR act LIKE 'bank_report%%') ORDER BY id"
    )
    assert [row[0] for row in rows] == ["approval.ask", "approval.sign", "bank_report.import"]


async def test_one_person_imports_what_gives_back_no_more_than_the_threshold(
    bank: Banking,
) -> None:
    ann = await person(bank)
    order, file = await sent(bank, 1_000)
    content = answer(file, payments=[rejected(await bank.payment(order), "AC04")])
    assert isinstance(await take(bank, content, ann), Taken)
    order, _ = await sent(bank, 5_000)
    line = [entry(await bank.payment(order), ref="1")]
    booked = statement(line, opening=9_000, closing=4_000)
    assert isinstance(await take(bank, booked, ann), Taken), "it gives back nothing"
    assert await money(bank) == {"user": 1_000, "settled": 5_000}


async def test_a_return_of_what_had_succeeded_is_imported_by_two(bank: Banking) -> None:
    ann, ben = await person(bank), await person(bank)
    order, _ = await sent(bank, 5_000)
    payment = await bank.payment(order)
    booked = statement([entry(payment, ref="1")], opening=9_000, closing=4_000)
    await take(bank, booked, ann)
    assert await money(bank) == {"settled": 5_000}
    back = [entry(payment, ref="2", credit=True, code="AC04")]
    forged = statement(back, opening=4_000, closing=9_000, number="2")
    assert isinstance(await take(bank, forged, ann), WaitingAct)
    assert await money(bank) == {"settled": 5_000}
    assert isinstance(await take(bank, forged, ben), Taken)
    assert await money(bank) == {"user": 5_000}


async def test_many_small_payments_of_a_report_count_together(bank: Banking) -> None:
    ann = await person(bank)
    for amount in (600, 600):
        await bank.order(amount, email=f"{uuid4().hex}@example.com")
    await bank.desk.process()
    file = await bank.file()
    await bank.database.write(lambda db: files_queries.update(db, file, {"status": "approved"}))
    await bank.download(file)
    assert isinstance(await take(bank, answer(file, status="RJCT"), ann), WaitingAct)
    assert await money(bank) == {"in_transit": 1_200}


async def test_what_the_bank_brings_itself_waits_for_nobody(bank: Banking) -> None:
    ann = await person(bank)
    order, file = await sent(bank, 5_000)
    content = answer(file, payments=[rejected(await bank.payment(order), "AC04")])
    assert isinstance(await take(bank, content, ann), WaitingAct)
    assert isinstance(await take(bank, content, WORKER, "folder"), Taken)
    assert await money(bank) == {"user": 5_000}
    assert await waiting(bank) == [], "nothing is left to approve"


async def test_a_command_that_names_nobody_imports_no_such_report(bank: Banking) -> None:
    await person(bank)
    order, file = await sent(bank, 5_000)
    content = answer(file, payments=[rejected(await bank.payment(order), "AC04")])
    with pytest.raises(Conflict):
        await take(bank, content, PERSON)
    assert await money(bank) == {"in_transit": 5_000}


async def test_a_report_that_does_something_else_by_now_is_asked_for_anew(bank: Banking) -> None:
    ann, ben = await person(bank), await person(bank)
    for amount in (5_000, 7_000):
        await bank.order(amount, email=f"{uuid4().hex}@example.com")
    await bank.desk.process()
    file = await bank.file()
    await bank.database.write(lambda db: files_queries.update(db, file, {"status": "approved"}))
    await bank.download(file)
    payments = await bank.database.fetch(files.list_payments, bank.id, file.id)
    both = answer(file, payments=[rejected(each, "AC04") for each in payments])
    assert isinstance(await take(bank, both, ann), WaitingAct)
    one = answer(file, payments=[rejected(payments[0], "AC04")])
    await take(bank, one, WORKER, "folder")
    with pytest.raises(OtherAmount):
        await take(bank, both, ben)
    (asked,) = await waiting(bank)
    await bank.database.write(approvals.cancel, bank.id, asked.id, ann)
    assert isinstance(await take(bank, both, ben), WaitingAct)
    assert isinstance(await take(bank, both, ann), Taken)
    assert await money(bank) == {"user": 12_000}


async def test_of_two_who_import_at_once_one_asks_and_money_is_given_back_once(
    bank: Banking,
) -> None:
    people = [await person(bank), await person(bank)]
    order, file = await sent(bank, 5_000)
    content = answer(file, payments=[rejected(await bank.payment(order), "AC04")])
    ends: list[object] = []
    while not any(isinstance(end, Taken) for end in ends):
        ends += await asyncio.gather(
            *(take(bank, content, each) for each in people), return_exceptions=True
        )
        assert len(ends) <= 6, ends
    assert sum(isinstance(end, WaitingAct) for end in ends) == 1
    assert all(isinstance(end, Taken | WaitingAct | Conflict) for end in ends), ends
    assert await money(bank) == {"user": 5_000}
    assert await waiting(bank) == []


async def test_of_several_who_ask_at_once_one_does(
    bank: Banking, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await person(bank) for _ in range(3)]
    ask, arrived = approvals.ask, 0

    async def all_are_there() -> bool:
        held_up = await bank.business.scalar(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return arrived + int(str(held_up)) == len(people)

    async def ask_once_all_are_there(*given: Any) -> WaitingAct | None:
        nonlocal arrived
        arrived += 1
        await eventually(all_are_there)
        return await ask(*given)

    monkeypatch.setattr(approvals, "ask", ask_once_all_are_there)
    asked = [
        bank.database.write(second_person.ask, bank.id, each, "digest", "said.xml", 5_000)
        for each in people
    ]
    ends = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(end, WaitingAct) for end in ends) == 1
    assert all(isinstance(end, WaitingAct | Conflict) for end in ends), ends
    assert len(await waiting(bank)) == 1


def names(place: Path) -> list[str]:
    return [each.name for each in place.iterdir()]


async def unknown(bank: Banking) -> BankFile:
    """A file of which nobody knows whether the bank has it."""
    await bank.order(500)
    await bank.desk.process()
    file = await bank.file()
    changes = {"status": "approved", "way": "folder", "step": "person"}
    await bank.database.write(lambda db: files_queries.update(db, file, changes))
    return await bank.look(file)


async def test_that_the_bank_has_not_got_a_file_is_said_by_two(
    bank: Banking, tmp_path: Path
) -> None:
    ann, ben, eve = [await person(bank, role) for role in ("finance", "owner", "approver")]
    file = await unknown(bank)

    async def says(actor: Actor, *, sent: bool = False) -> BankFile:
        return await bank.database.write(
            lambda db: handing_over.settle(db, bank.id, file.id, actor, sent=sent)
        )

    matters = await bank.database.fetch(attention.matters, bank.id)
    assert [(each.cause, each.number, each.cents) for each in matters] == [
        ("bank_file_unknown", 1, 500)
    ]
    with pytest.raises(Forbidden):
        await says(eve)
    assert (await says(ann)).step == "person"
    with pytest.raises(Refused):
        await says(ann)
    with pytest.raises(Conflict):
        await says(PERSON)
    with pytest.raises(Conflict):
        await handing_over.release(
            bank.database, KEYRING, "folder", Folder(tmp_path), bank.id, file.id, ann
        )
    assert names(tmp_path) == []
    assert (await says(ben)).step is None
    matters = await bank.database.fetch(attention.matters, bank.id)
    assert [each.cause for each in matters] == ["bank_file_waiting"]
    target = Folder(tmp_path)
    await handing_over.release(bank.database, KEYRING, "folder", target, bank.id, file.id, ann)
    assert names(tmp_path) == [file.name]


async def test_that_the_bank_has_a_file_one_person_says(bank: Banking) -> None:
    ann = await person(bank)
    file = await unknown(bank)
    said = await bank.database.write(
        lambda db: handing_over.settle(db, bank.id, file.id, ann, sent=True)
    )
    assert said.status == "released"
