"""What the bank has said of payments that have not left by our books: after a restore, or where a
person or the bank was wrong. Nobody is paid twice."""

from datetime import date
from uuid import UUID

import pytest
from msgspec.structs import replace

from payviox.bank import files, holds, imports
from payviox.bank.files import KnownToTheBank
from payviox.bank.model import Payment
from payviox.bank.queries import files as files_queries
from payviox.bank.queries import payments as payments_queries
from payviox.bank.rail import end_to_end_id
from payviox.giftcards import restores
from payviox.withdrawals.model import Order, reference
from support.banking import PERSON, Banking, answer, entry, rejected, statement
from support.businesses import TestBusiness
from support.databases import Urls

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    return await Banking.of(business)


async def forgotten(bank: Banking) -> tuple[Order, Payment]:
    """An order that is older than the backup, and its payment, which was made and left after it."""
    other = await bank.order(300, email="bob@example.com")
    await bank.desk.process()
    order = await bank.order(500)
    name = end_to_end_id(reference(order.id, 1))
    return order, replace(await bank.payment(other), end_to_end_id=name, amount=500)


@pytest.mark.parametrize("made_again_first", [True, False])
async def test_after_a_restore_what_is_made_again_is_not_paid_again(
    bank: Banking, made_again_first: bool
) -> None:
    order, payment = await forgotten(bank)
    await bank.database.write(restores.hold_after_restore, PERSON)
    said = statement([entry(payment, ref="1")], opening=1_000, closing=500)
    if made_again_first:
        await bank.desk.process()
        await bank.take(said)
        await bank.database.write(holds.end, bank.id, PERSON)
    else:
        await bank.take(said)
        await bank.database.write(holds.end, bank.id, PERSON)
        await bank.desk.process()
    file = (await bank.cut()).file
    assert file is not None
    assert file.payments == 1, "the other one's alone"
    assert (await bank.payment(order)).status == "booked"
    assert (await bank.settled(order)).status == "succeeded"
    assert (await bank.cut()).file is None


@pytest.mark.parametrize(("status", "code"), [("RJCT", "AM05"), ("CANC", "NARR")])
async def test_whatever_an_answer_says_of_a_payment_it_has_left_before_the_restore(
    bank: Banking, status: str, code: str
) -> None:
    order, payment = await forgotten(bank)
    file = await bank.file()
    await bank.database.write(restores.hold_after_restore, PERSON)
    said = rejected(payment, code).replace("RJCT", status)
    await bank.take(answer(file, status="PART", payments=[said]))
    await bank.database.write(holds.end, bank.id, PERSON)
    await bank.desk.process()
    assert (await bank.cut()).file is None
    assert (await bank.payment(order)).status == "released"


async def test_nothing_is_taken_back_while_it_is_not_known_what_has_left(bank: Banking) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    await bank.database.write(restores.hold_after_restore, PERSON)
    await bank.desk.cancel(await bank.desk.get(order))
    assert (await bank.settled(order)).status == "sent"
    line = [entry(await bank.payment(order), ref="1")]
    await bank.take(statement(line, opening=1_000, closing=500))
    assert (await bank.settled(order)).status == "succeeded"


async def test_what_was_taken_back_and_left_all_the_same_is_paid_from_suspense(
    bank: Banking,
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    await bank.desk.cancel(await bank.desk.get(order))
    assert (await bank.settled(order)).status == "canceled"
    line = [entry(await bank.payment(order), ref="1")]
    await bank.take(statement(line, opening=1_000, closing=500))
    assert (await bank.settled(order)).status == "canceled"
    books = await bank.business.ledger()
    assert (books["settled:bank"], books["suspense:bank"]) == (500, -500)


async def test_a_file_that_somebody_took_for_not_sent_has_left_where_the_bank_names_it(
    bank: Banking,
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    file = await bank.approve(await bank.file())
    begun = {"way": "folder", "step": None}
    await bank.database.write(lambda db: files_queries.update(db, file, begun))
    line = [entry(await bank.payment(order), ref="1")]
    await bank.take(statement(line, opening=1_000, closing=500))
    assert (await bank.look(file)).status == "settled"
    assert (await bank.settled(order)).status == "succeeded"


@pytest.mark.parametrize("restored", [False, True])
async def test_a_word_on_a_whole_file_that_was_taken_for_not_sent_is_one_on_each_payment(
    bank: Banking, restored: bool
) -> None:
    orders = [await bank.order(500, email=f"p{n}@example.com") for n in range(3)]
    await bank.desk.process()
    file = await bank.approve(await bank.file())
    if restored:
        await bank.database.write(restores.hold_after_restore, PERSON)
    else:
        begun = {"way": "folder", "step": None}
        await bank.database.write(lambda db: files_queries.update(db, file, begun))
    [report] = (await bank.take(answer(file, status="ACCP"))).reports
    assert report.unmatched == 0
    assert (await bank.look(file)).status == "accepted"
    assert [(await bank.payment(order)).status for order in orders] == ["accepted"] * 3
    assert {(await bank.settled(order)).waiting for order in orders} == {"bank_answer"}


async def test_a_file_of_which_the_bank_has_spoken_is_not_released_and_not_paid_by_another(
    bank: Banking,
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    file = await bank.approve(await bank.file())
    line = [entry(await bank.payment(order), ref="1")]
    await bank.take(statement(line, opening=1_000, closing=500))
    with pytest.raises(KnownToTheBank):
        await bank.download(file)
    await bank.database.write(files.cancel, bank.id, file.id, PERSON)
    assert (await bank.cut()).file is None
    assert (await bank.settled(order)).status == "succeeded"


async def test_an_answer_to_a_file_that_was_canceled_says_nothing_of_the_one_after_it(
    bank: Banking,
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    canceled = await bank.file()
    await bank.database.write(files.cancel, bank.id, canceled.id, PERSON)
    await bank.released()
    payment = await bank.payment(order)
    taken = await bank.take(answer(canceled, payments=[rejected(payment, "AC04")]))
    assert [each.unmatched for each in taken.reports] == [1]
    assert (await bank.payment(order)).status == "released"


async def test_a_rejection_that_the_bank_takes_back_makes_no_other_attempt(bank: Banking) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    file = await bank.released()
    payment = await bank.payment(order)
    await bank.take(answer(file, payments=[rejected(payment, "AM04")]))
    assert (await bank.settled(order)).status == "queued"
    await bank.take(statement([entry(payment, ref="1")], opening=1_000, closing=500))
    await bank.desk.hurry()
    assert (await bank.settled(order)).status == "succeeded"
    made = await bank.database.fetch(payments_queries.list_of_order, bank.id, order.id)
    assert [each.reference for each in made] == [payment.reference]


async def test_a_file_that_waited_for_its_people_is_executed_after_it_left(
    bank: Banking, urls: Urls
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    file = await bank.file()
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE bank_files SET execution_date = '2026-01-05' WHERE business_id = %s", [bank.id]
        )
    await bank.approve(file)
    await bank.download(file)
    settles_on = (await bank.payment(order)).settles_on
    assert settles_on is not None
    assert settles_on >= file.execution_date


async def test_what_was_notified_since_the_statement_is_not_there_to_be_paid_again(
    bank: Banking,
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    await bank.take(statement([], opening=1_100, closing=1_100, day=date(2026, 6, 29)))
    await bank.released()
    line = [entry(await bank.payment(order), ref="1")]
    notified = statement(line, opening=1_100, closing=600)
    for old, new in ((b"BkToCstmrStmt", b"BkToCstmrDbtCdtNtfctn"), (b"Stmt>", b"Ntfctn>")):
        notified = notified.replace(old, new)
    await bank.take(notified.replace(b"camt.053", b"camt.054"))
    assert (await bank.payment(order)).status == "booked"
    assert await left(bank) == {"USD": 600}
    await bank.take(statement(line, opening=1_100, closing=600))
    assert await left(bank) == {"USD": 600}


async def left(bank: Banking) -> dict[str, int]:
    business_id: UUID = bank.id
    found = await bank.database.fetch(imports.left_of_statements, business_id)
    return {each.currency: each.amount for each in found}
