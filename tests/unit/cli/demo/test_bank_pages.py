"""The demo's bank on its page: a file is handed over, its day ends, and its reports are taken."""

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from payviox.cli.demo.bank.accounts import COMPANY_ID, IBAN, OPENING, ROUTING_NUMBER, DemoAccounts
from payviox.cli.demo.bank.pages import BankPages
from payviox.cli.demo.bank.server import SETTINGS
from payviox.rails.bank import calendars, payers, reading, terms, writing
from payviox.rails.bank.model import AchAccount, Iban, Instruction, Payer, Scheme
from support.bank_files import iban_of, routing_number_of

pytestmark = pytest.mark.anyio

TODAY = date(2026, 11, 30)
NOW = datetime.combine(TODAY, time(9), UTC)
PAYERS = {
    "sepa": Payer(scheme="sepa", name="Demo", iban=IBAN),
    "ach": Payer(scheme="ach", name="Demo", company_id=COMPANY_ID, originating_dfi=ROUTING_NUMBER),
}
SEPA = Instruction(
    id="P1",
    end_to_end_id="E1",
    amount=1250,
    currency="EUR",
    name="Ada",
    account=Iban(iban_of("DE", f"{8:018d}")),
)
ACH = replace(
    SEPA,
    currency="USD",
    account=AchAccount(
        routing_number=routing_number_of("02100099"),
        account_number="77000008",
        account_type="checking",
        holder="person",
    ),
)


def file_of(scheme: Scheme, name: str, *payments: Instruction) -> bytes:
    day = calendars.execution_date(scheme, NOW, time(15))
    form = writing.FORMATS[scheme][0]
    return writing.write(form, PAYERS[scheme], name, day, NOW, payments).content


def test_the_demos_business_can_pay_from_these_accounts() -> None:
    assert not payers.problems(PAYERS["sepa"])
    assert not payers.problems(PAYERS["ach"])


def test_the_demos_business_takes_the_statements_of_both_accounts(tmp_path: Path) -> None:
    accounts = DemoAccounts(tmp_path, TODAY)
    accounts.end_day()
    ours = terms.read(SETTINGS).account_numbers
    stated = [reading.read(report.content)[0].account_number for report in accounts.reports]
    assert len(stated) == 2
    assert set(stated) <= ours


async def test_a_file_is_handed_over_and_its_reports_are_taken(tmp_path: Path) -> None:
    server, address = await BankPages(DemoAccounts(tmp_path, TODAY)).start()
    origin = {"Origin": address.rstrip("/")}
    content = file_of("sepa", "F1", SEPA)
    async with server, httpx.AsyncClient(base_url=address, follow_redirects=True) as browser:
        for _ in range(2):
            page = await browser.post("/files", files={"file": ("f.xml", content)}, headers=origin)
            assert page.status_code == 200
        assert "Taken: 1 payment<" in page.text
        assert "Refused (DU01)" in page.text
        page = await browser.post("/day", headers=origin)
        assert f"{(OPENING - 1250) // 100}.50 EUR" in page.text

        reports = re.findall(r'href="(/reports/[^"]+)"', page.text)
        found = [reading.read((await browser.get(each)).content)[0] for each in reports]
        kinds = sorted(report.kind for report in found)
        assert kinds == ["camt.053", "camt.053", "pain.002", "pain.002"]
        booked = [entry for report in found for entry in report.entries if entry.amount == 1250]
        assert {(entry.status, entry.end_to_end_id) for entry in booked} == {
            ("booked", "E1"),
            ("accepted", "E1"),
        }
        assert (await browser.get("/reports/99/x")).status_code == 404


async def test_nobody_else_hands_files_over(tmp_path: Path) -> None:
    accounts = DemoAccounts(tmp_path, TODAY)
    server, address = await BankPages(accounts).start()
    async with server, httpx.AsyncClient(base_url=address) as browser:
        for headers in ({}, {"Origin": "http://elsewhere.example"}, {"Origin": "null"}):
            assert (await browser.post("/day", headers=headers)).status_code == 403
        assert (await browser.get("/", headers={"Host": "elsewhere.example"})).status_code == 421
        empty = await browser.post("/files", headers={"Origin": address.rstrip("/")})
        assert empty.status_code == 400
        assert "Choose a file first." in empty.text
    assert not accounts.reports


def test_the_bank_is_the_same_after_a_restart(tmp_path: Path) -> None:
    first = DemoAccounts(tmp_path, TODAY)
    first.take(file_of("sepa", "F1", SEPA))
    first.take(file_of("ach", "F2", ACH))
    first.end_day()
    first.take(file_of("sepa", "F1", SEPA))
    again = DemoAccounts(tmp_path, TODAY + timedelta(days=3))
    assert again.reports == first.reports
    assert [each.refused for each in again.taken] == [None, None, "DU01"]
    for name, books in again.books.items():
        assert books.balance == first.books[name].balance
    again.end_day()
    assert len(DemoAccounts(tmp_path, TODAY).reports) == len(again.reports)


def test_the_last_digit_of_an_account_chooses_how_a_payment_ends(tmp_path: Path) -> None:
    accounts = DemoAccounts(tmp_path, TODAY)
    accounts.take(
        file_of(
            "sepa",
            "F1",
            *(
                replace(
                    SEPA,
                    id=f"P{number}",
                    end_to_end_id=f"E{number}",
                    account=Iban(iban_of("DE", f"{number:018d}")),
                )
                for number in range(1, 5)
            ),
        )
    )
    accounts.take(
        file_of("ach", "F2", replace(ACH, account=replace(ACH.account, account_number="77000002")))
    )
    for _ in range(4):
        accounts.end_day()
    said = [
        (entry.end_to_end_id, entry.status, entry.reason_code)
        for report in accounts.reports
        for entry in reading.read(report.content)[0].entries
        if entry.end_to_end_id and "EUR" in report.name
    ]
    assert sorted(said, key=str) == [
        ("E2", "booked", None),
        ("E2", "returned", "AC04"),
        ("E3", "booked", None),
        ("E4", "booked", None),
    ]
    assert [each.order.end_to_end_id for each in accounts.taken[0].rejected] == ["E1"]
    (returns,) = [each for each in accounts.reports if each.name.startswith("returns")]
    assert reading.read(returns.content)[0].entries[0].reason_code == "R02"
