"""A payment to a bank account from the order to the statement: the file that it is in, who approves
and releases that, and what the bank says of it. The ledger is looked at after each step."""

import asyncio

import pytest

from payviox.bank import files, holds
from payviox.bank.holds import HeldFiles
from payviox.errors import Conflict, ProviderUnavailable
from payviox.giftcards import restores
from payviox.rails.bank import nacha_records
from payviox.reconciliation import service as reconciliation
from support.banking import (
    ACCOUNT_NUMBER,
    IBAN,
    PERSON,
    SEPA,
    Banking,
    answer,
    entry,
    everything,
    rejected,
    statement,
)
from support.businesses import TestBusiness
from support.databases import Urls

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    return await Banking.of(business)


async def money(bank: Banking) -> tuple[int, int, int]:
    """In transit, settled, and on the payout users' balances, in cents; every invariant holds."""
    await bank.business.ledger()
    rows = dict(
        await bank.business.rows(
            "SELECT kind, sum(balance)::bigint FROM accounts WHERE business_id = %s"
            " AND (rail = 'bank' OR kind = 'user') GROUP BY kind"
        )
    )
    return rows.get("in_transit", 0), rows.get("settled", 0), rows.get("user", 0)


async def test_an_order_goes_from_a_file_to_the_statement_that_shows_it(bank: Banking) -> None:
    order = await bank.order(2_500)
    order = await bank.settled(order)
    assert (order.status, order.waiting) == ("sent", "bank_file")
    assert await money(bank) == (2_500, 0, 0)

    cut = await bank.cut()
    file = cut.file
    assert file is not None
    assert (file.status, file.payments, file.total, file.currency) == ("draft", 1, 2_500, "USD")
    order = await bank.settled(order)
    assert order.waiting == "bank_release"
    with pytest.raises(Conflict, match="not approved"):
        await bank.download(file)

    assert (await bank.approve(file)).status == "approved"
    content = await bank.download(file)
    payment = await bank.payment(order)
    (read,) = nacha_records.read(content).batches[0].entries
    assert (read.individual_id, read.amount) == (payment.end_to_end_id, 2_500)
    assert await bank.download(file) == content, "again the same bytes"
    order = await bank.settled(order)
    assert (order.status, order.waiting) == ("sent", "bank_answer")
    assert order.details == {
        "end_to_end_id": payment.end_to_end_id,
        "file": f"bfl_{file.id}",
    }
    assert await money(bank) == (2_500, 0, 0)

    shown = statement([entry(payment, ref="1")], opening=10_000, closing=7_500)
    taken = await bank.take(shown)
    assert [(each.entries, each.unmatched) for each in taken.reports] == [(1, 0)]
    order = await bank.settled(order)
    assert order.status == "succeeded"
    assert (await bank.look(file)).status == "settled"
    assert await money(bank) == (0, 2_500, 0)
    report = await reconciliation.reconcile_rail(
        bank.database, bank.rails, bank.id, "bank", young_s=0.0
    )
    assert report.is_clean, report.items
    assert (report.ours.matched, report.theirs.told) == (2_500, 2_500)
    assert [each.amount for each in report.float.holdings] == ["75.00"]
    assert (await bank.take(shown)).is_repeated
    assert await bank.desk.states(order) == [
        *("created", "queued", "sending", "sent", "sent", "sent", "succeeded"),
    ]


async def test_two_who_cut_at_once_put_each_payment_into_one_file(bank: Banking) -> None:
    for number in range(6):
        await bank.order(100 + number, email=f"p{number}@example.com")
    await bank.desk.process()
    cuts = await asyncio.gather(*(bank.cut() for _ in range(4)))
    made = [cut.file for cut in cuts if cut.file is not None]
    assert sum(file.payments for file in made) == 6
    assert sum(file.total for file in made) == sum(range(100, 106))
    assert (await bank.cut()).file is None


async def test_a_payment_is_taken_back_until_it_is_in_a_file_and_again_once_that_is_canceled(
    bank: Banking,
) -> None:
    first, second = await bank.order(500), await bank.order(700, email="bob@example.com")
    await bank.desk.process()
    await bank.desk.cancel(await bank.desk.get(first))
    assert (await bank.settled(first)).status == "canceled"
    file = await bank.file()
    assert file.payments == 1
    await bank.desk.process()
    with pytest.raises(Conflict):
        await bank.desk.cancel(await bank.desk.get(second))
    await bank.database.write(files.cancel, bank.id, file.id, "command:test")
    assert (await bank.settled(second)).waiting == "bank_file"
    with pytest.raises(Conflict, match="canceled"):
        await bank.download(file)
    await bank.desk.cancel(await bank.desk.get(second))
    assert (await bank.settled(second)).status == "canceled"
    assert await money(bank) == (0, 0, 1_200)


async def test_a_file_rejected_in_part_gives_back_what_is_not_paid(bank: Banking) -> None:
    paid, refused = await bank.order(500), await bank.order(700, email="bob@example.com")
    await bank.desk.process()
    file = await bank.released()
    second = await bank.payment(refused)
    await bank.take(answer(file, status="PART", payments=[rejected(second, "AC04")]))
    refused = await bank.settled(refused)
    assert refused.status == "failed"
    first = await bank.payment(paid)
    await bank.take(statement([entry(first, ref="9")], opening=1_000, closing=500))
    assert (await bank.settled(paid)).status == "succeeded"
    assert (await bank.look(file)).status == "partly_returned"
    assert await money(bank) == (0, 500, 700)


async def test_money_that_comes_back_after_success_is_the_payout_users_again(
    bank: Banking,
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    file = await bank.released()
    payment = await bank.payment(order)
    await bank.take(statement([entry(payment, ref="1")], opening=1_000, closing=500))
    assert (await bank.settled(order)).status == "succeeded"
    back = entry(payment, ref="2", credit=True, code="AC04")
    await bank.take(statement([back], opening=500, closing=1_000, number="2"))
    assert (await bank.settled(order)).status == "returned"
    assert (await bank.look(file)).status == "partly_returned"
    assert await money(bank) == (0, 0, 500)


async def test_the_number_is_in_the_file_and_in_no_row_event_or_log(
    bank: Banking, urls: Urls, caplog: pytest.LogCaptureFixture
) -> None:
    order = await bank.order(500)
    await bank.desk.process()
    file = await bank.approve(await bank.file())
    assert ACCOUNT_NUMBER.encode() in await bank.download(file)
    payment = await bank.payment(order)
    await bank.take(statement([entry(payment, ref="1")], opening=1_000, closing=500))
    await bank.settled(order)
    rows = everything(urls)
    for secret in (ACCOUNT_NUMBER, ACCOUNT_NUMBER.encode().hex()):
        assert secret not in rows
    assert ACCOUNT_NUMBER not in caplog.text
    events = await bank.business.rows("SELECT body FROM events WHERE business_id = %s")
    assert any(payment.end_to_end_id in body for (body,) in events)


async def test_after_a_restore_nothing_leaves_until_the_bank_was_heard_and_a_person_says_so(
    bank: Banking,
) -> None:
    gone, left_in_file = await bank.order(500), await bank.order(700, email="bob@example.com")
    await bank.desk.process()
    file = await bank.approve(await bank.file())
    late = await bank.order(900, email="eve@example.com")
    await bank.desk.process()
    await bank.database.write(restores.hold_after_restore, PERSON)
    for refused in (bank.cut, lambda: bank.download(file)):
        with pytest.raises(HeldFiles):
            await refused()
    # The bank knows one of the file's payments, and one that had no file when the backup was made.
    known = [await bank.payment(gone), await bank.payment(late)]
    lines = [entry(each, ref=each.end_to_end_id) for each in known]
    taken = await bank.take(statement(lines, opening=2_000, closing=600))
    assert taken.reports[0].unmatched == 0
    assert (await bank.settled(gone)).status == "succeeded"
    assert (await bank.settled(late)).status == "succeeded"
    assert (await bank.look(file)).status == "accepted"
    assert (await bank.settled(left_in_file)).waiting == "bank_answer"
    assert await money(bank) == (700, 1_400, 0)
    await bank.database.write(holds.end, bank.id, PERSON)
    assert (await bank.cut()).file is None, "nothing is paid again"


async def test_a_payment_by_sepa_is_paid_in_euros_and_books_the_dollars_that_it_took(
    bank: Banking,
) -> None:
    order = await bank.order(2_500, SEPA)
    await bank.desk.process()
    cut = await bank.cut("sepa")
    file = cut.file
    assert file is not None
    assert (file.currency, file.total, file.cents) == ("EUR", 2_300, 2_500)
    await bank.approve(file)
    content = await bank.download(file)
    payment = await bank.payment(order)
    for said in (IBAN, payment.end_to_end_id, 'Ccy="EUR">23.00<', "Ada Lovelace"):
        assert said.encode() in content
    ours = "<IBAN>DE02120300000000202051</IBAN>"
    line = [entry(payment, ref="1")]
    await bank.take(statement(line, opening=5_000, closing=2_700, account=ours, currency="EUR"))
    assert (await bank.settled(order)).status == "succeeded"
    assert await money(bank) == (0, 2_500, 0)


async def test_without_a_rate_nobody_is_paid_in_euros(bank: Banking) -> None:
    bank = await Banking.of(bank.business, converter=None)
    with pytest.raises(ProviderUnavailable):
        await bank.order(2_500, SEPA)
    assert (await bank.order(2_500)).status == "queued"
