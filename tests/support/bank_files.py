"""Random payers and payments for banks' files, and readers of those files that share nothing with
the product's: the fields of ISO 20022 and of Nacha's rules, as their documents have them."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from payviox.rails.bank import calendars
from payviox.rails.bank.characters import NotWritable, written
from payviox.rails.bank.model import (
    MOST_CHARACTERS_OF_NAME,
    AchAccount,
    Address,
    Iban,
    Instruction,
    Payer,
    Scheme,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]

BBANS = {"DE": 18, "AT": 16, "GB": 14, "CH": 17, "DK": 14}
"""Digits of an account in these countries, in GB after a bank's four letters."""


class Payment(NamedTuple):
    """A payment as a file says it, whatever its format."""

    end_to_end_id: str
    amount: int
    account: str
    name: str


def iban_of(country: str, bban: str) -> str:
    """With its check digits, by the definition (ISO 7064, MOD 97-10)."""
    digits = "".join(str(int(character, 36)) for character in bban + country + "00")
    return f"{country}{98 - int(digits) % 97:02d}{bban}"


def routing_number_of(eight: str) -> str:
    """With its check digit."""
    total = sum(weight * int(digit) for weight, digit in zip((3, 7, 1) * 3, eight, strict=False))
    return eight + str(-total % 10)


@st.composite
def ibans(draw: Draw, countries: tuple[str, ...] = ("DE", "AT", "GB", "CH", "DK")) -> str:
    country = draw(st.sampled_from(countries))
    digits = BBANS[country]
    bban = f"{draw(st.integers(0, 10**digits - 1)):0{digits}d}"
    return iban_of(country, ("NWBK" if country == "GB" else "") + bban)


@st.composite
def routing_numbers(draw: Draw) -> str:
    return routing_number_of(f"{draw(st.integers(1, 12)):02d}{draw(st.integers(0, 999_999)):06d}")


ANY = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=40)


def texts(scheme: Scheme, most: int) -> st.SearchStrategy[str]:
    """Any text that fits into so many characters of the scheme's files: as much of it as does."""

    def fitting(text: str) -> str:
        return next((text[:end] for end in range(len(text), 0, -1) if _fits(text[:end])), "Ada")

    def _fits(text: str) -> bool:
        try:
            written(text, scheme, most)
        except NotWritable:
            return False
        return True

    return ANY.map(lambda text: fitting(text[: most + 5]))


def names(scheme: Scheme) -> st.SearchStrategy[str]:
    return texts(scheme, MOST_CHARACTERS_OF_NAME[scheme])


def addresses() -> st.SearchStrategy[Address]:
    return st.builds(
        Address,
        city=texts("sepa", 35),
        country=st.sampled_from(["DE", "CH", "GB"]),
        street=st.none() | texts("sepa", 70),
        postal_code=st.none() | texts("sepa", 16),
    )


def payers(scheme: Scheme) -> st.SearchStrategy[Payer]:
    if scheme == "sepa":
        return st.builds(
            Payer,
            scheme=st.just(scheme),
            name=names("sepa"),
            iban=st.just("DE89370400440532013000"),
            bic=st.sampled_from([None, "COBADEFF", "COBADEFFXXX"]),
            address=addresses(),
            batch_booking=st.booleans(),
        )
    return st.builds(
        Payer,
        scheme=st.just(scheme),
        name=texts("ach", 16),
        company_id=st.text("AZ09", min_size=10, max_size=10),
        originating_dfi=routing_numbers(),
        bank_name=st.none() | texts("ach", 23),
    )


@st.composite
def instructions(draw: Draw, scheme: Scheme, number: int) -> Instruction:
    """`number` makes its ids its own."""
    if scheme == "sepa":
        account: Iban | AchAccount = Iban(
            draw(ibans().filter(lambda i: i != "DE89370400440532013000"))
        )
    else:
        account = AchAccount(
            routing_number=draw(routing_numbers()),
            account_number=draw(
                st.text("0123456789ABC-", min_size=3, max_size=16).map(lambda rest: f"7{rest}")
            ),
            account_type=draw(st.sampled_from(["checking", "savings"])),
            holder=draw(st.sampled_from(["person", "company"])),
        )
    return Instruction(
        id=f"P-{number}",
        end_to_end_id=f"{draw(st.text('AZ09', max_size=9))}{number:06d}",
        amount=draw(st.integers(1, 9_999_999_999)),
        currency="EUR" if scheme == "sepa" else "USD",
        name=draw(names(scheme)),
        account=account,
        address=draw(st.none() | addresses()) if scheme == "sepa" else None,
        remittance=draw(st.none() | texts("sepa", 30)) if scheme == "sepa" else None,
    )


@st.composite
def orders_to_banks(draw: Draw, scheme: Scheme) -> dict[str, Any]:
    """What a file is written from."""
    moment = draw(
        st.datetimes(datetime(2024, 1, 1), datetime(2035, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
    )
    count = draw(st.sampled_from([1, 2, 3, 6, 7, 8]))
    return {
        "payer": draw(payers(scheme)),
        "message_id": draw(st.text("Aa0.-", max_size=34).map(lambda rest: f"F{rest}")),
        "execution_date": calendars.on_or_after(
            scheme, moment.date() + timedelta(days=draw(st.integers(0, 30)))
        ),
        "created_at": moment,
        "instructions": [draw(instructions(scheme, number)) for number in range(count)],
    }


def read_pain001(content: bytes, version: str) -> tuple[list[Payment], dict[str, str]]:
    """Payments and what the file says of itself, by the paths of the message's documentation."""
    space = {"p": f"urn:iso:std:iso:20022:tech:xsd:{version}"}
    root = ET.fromstring(content)

    def said(path: str) -> str:
        found = root.find(path, space)
        assert found is not None, path
        assert found.text
        return found.text

    head = "p:CstmrCdtTrfInitn/p:GrpHdr/"
    block = "p:CstmrCdtTrfInitn/p:PmtInf/"
    day = block + ("p:ReqdExctnDt/p:Dt" if version.endswith("09") else "p:ReqdExctnDt")
    payments = []
    for payment in root.iterfind(block + "p:CdtTrfTxInf", space):
        amount = payment.find("p:Amt/p:InstdAmt", space)
        assert amount is not None
        assert amount.text
        assert amount.get("Ccy") == "EUR"
        whole, _, cents = amount.text.partition(".")
        payments.append(
            Payment(
                payment.findtext("p:PmtId/p:EndToEndId", "", space),
                int(whole) * 100 + int(cents.ljust(2, "0")),
                payment.findtext("p:CdtrAcct/p:Id/p:IBAN", "", space),
                payment.findtext("p:Cdtr/p:Nm", "", space),
            )
        )
    return payments, {
        "id": said(head + "p:MsgId"),
        "count": said(head + "p:NbOfTxs"),
        "sum": said(head + "p:CtrlSum"),
        "block count": said(block + "p:NbOfTxs"),
        "block sum": said(block + "p:CtrlSum"),
        "day": said(day),
        "payer": said(block + "p:DbtrAcct/p:Id/p:IBAN"),
    }


FIELDS = {
    "1": r"(?P<type>1)(01)( \d{9})(?P<origin>[ -~]{10})(\d{6})(\d{4})([A-Z0-9])(094)(10)(1)"
    r"([ -~]{23})([ -~]{23})([ -~]{8})",
    "5": r"(?P<type>5)(220)([ -~]{16})( {20})(?P<company>[ -~]{10})(?P<class>PPD|CCD)([ -~]{10})"
    r"( {6})(?P<day>\d{6})( {3})(1)(?P<bank>\d{8})(?P<number>\d{7})",
    "6": r"(?P<type>6)(?P<code>22|32)(?P<bank>\d{8})(?P<check>\d)(?P<account>[ -~]{17})"
    r"(?P<amount>\d{10})(?P<id>[ -~]{15})(?P<name>[ -~]{22})(  )(0)(?P<trace>\d{15})",
    "8": r"(?P<type>8)(220)(?P<count>\d{6})(?P<hash>\d{10})(?P<debits>0{12})(?P<credits>\d{12})"
    r"(?P<company>[ -~]{10})( {19})( {6})(?P<bank>\d{8})(?P<number>\d{7})",
    "9": r"(?P<type>9)(?P<batches>\d{6})(?P<blocks>\d{6})(?P<count>\d{8})(?P<hash>\d{10})"
    r"(?P<debits>0{12})(?P<credits>\d{12})( {39})",
}
"""The records of a file of credits, field by field."""


def read_nacha(content: bytes) -> tuple[list[Payment], dict[str, Any]]:
    """Payments and what the file says of itself. Fails where a rule of the format is broken."""
    lines = content.decode("ascii").split("\r\n")
    assert lines.pop() == ""
    assert len(lines) % 10 == 0
    assert all(len(line) == 94 for line in lines)
    while lines[-1] == "9" * 94:
        lines.pop()
    assert len(content) // 96 - len(lines) < 10
    records = []
    for line in lines:
        matched = re.fullmatch(FIELDS[line[0]], line)
        assert matched is not None, line
        records.append(matched.groupdict())
    kinds = "".join(record["type"] for record in records)
    assert re.fullmatch("1(56+8)+9", kinds)

    payments, batches, days = [], [], set()
    count = banks = total = 0
    for record in records:
        match record["type"]:
            case "5":
                header, batch = record, []
                days.add(record["day"])
            case "6":
                batch.append(record)
                payments.append(
                    Payment(
                        record["id"].rstrip(),
                        int(record["amount"]),
                        f"{record['bank']}{record['check']} {record['account'].rstrip()}",
                        record["name"].rstrip(),
                    )
                )
            case "8":
                hashes = sum(int(each["bank"]) for each in batch)
                credits_ = sum(int(each["amount"]) for each in batch)
                assert int(record["count"]) == len(batch)
                assert int(record["hash"]) == hashes % 10**10
                assert int(record["credits"]) == credits_
                for same in ("company", "bank", "number"):
                    assert record[same] == header[same]
                assert all(each["trace"][:8] == header["bank"] for each in batch)
                batches.append(header)
                count, banks, total = count + len(batch), banks + hashes, total + credits_
    control = records[-1]
    assert int(control["batches"]) == len(batches)
    assert int(control["blocks"]) == len(content) // 96 // 10
    assert int(control["count"]) == count
    assert int(control["hash"]) == banks % 10**10
    assert int(control["credits"]) == total
    assert [int(each["number"]) for each in batches] == list(range(1, len(batches) + 1))
    traces = [record["trace"] for record in records if record["type"] == "6"]
    assert traces == sorted(set(traces))
    return payments, {"days": days, "classes": [each["class"] for each in batches]}


def as_date(day: str) -> date:
    return datetime.strptime(day, "%y%m%d").replace(tzinfo=UTC).date()
