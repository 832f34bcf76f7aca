"""Files of payments as a bank reads them: pain.001 and NACHA, by the fields of their documentation.
Whatever breaks a rule is refused as a whole, as banks do."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from msgspec import Struct

Kind = Literal["pain.001", "nacha"]

BASIC = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]+", re.ASCII)
"""What SEPA's banks print."""
DECIMAL = re.compile(r"([0-9]{1,15})\.([0-9]{2})", re.ASCII)
NAMESPACE = re.compile(r"\{(urn:iso:std:iso:20022:tech:xsd:pain\.001\.001\.(?:03|09))\}Document")

RECORDS = {
    "1": r"(1)(01) (?P<bank>\d{9})(?P<origin>[ -~]{10})(?P<made>\d{10})(?P<modifier>[A-Z0-9])"
    r"(094)(10)(1)([ -~]{23})([ -~]{23})(?P<reference>[ -~]{8})",
    "5": r"(5)(220)(?P<name>[ -~]{16})( {20})(?P<company>[ -~]{10})(?P<class>PPD|CCD)([ -~]{10})"
    r"( {6})(?P<day>\d{6})( {3})(1)(?P<bank>\d{8})(?P<number>\d{7})",
    "6": r"(6)(?P<code>22|32)(?P<bank>\d{8})(?P<check>\d)(?P<account>[ -~]{17})"
    r"(?P<amount>\d{10})(?P<id>[ -~]{15})(?P<name>[ -~]{22})(  )(0)(?P<trace>\d{15})",
    "8": r"(8)(220)(?P<count>\d{6})(?P<hash>\d{10})(0{12})(?P<credits>\d{12})"
    r"(?P<company>[ -~]{10})( {25})(?P<bank>\d{8})(?P<number>\d{7})",
    "9": r"(9)(?P<batches>\d{6})(?P<blocks>\d{6})(?P<count>\d{8})(?P<hash>\d{10})(0{12})"
    r"(?P<credits>\d{12})( {39})",
}
"""A file of credits, record by record and field by field."""


class Order(Struct, frozen=True):
    """A payment that a customer asks for, in cents. `account` is an IBAN, or routing and account
    number with a blank between; `record` is what an ACH return repeats."""

    end_to_end_id: str
    amount: int
    account: str
    name: str
    record: str = ""


class CustomerFile(Struct, frozen=True):
    """A file that satisfies its rules. `id` tells it from every other file of its customer, `named`
    is what statements call it; `payer` is an IBAN, or the company's id."""

    kind: Kind
    message: str
    id: str
    named: str
    payer: str
    currency: str
    day: date
    batch_booking: bool
    orders: tuple[Order, ...]

    @property
    def total(self) -> int:
        return sum(order.amount for order in self.orders)


class FileRefused(Exception):
    """A rule is broken: ISO's code of it, the message's id where it could be read, and words."""

    def __init__(self, code: str, words: str, message_id: str | None = None) -> None:
        super().__init__(words)
        self.code, self.message_id = code, message_id


def read(content: bytes) -> CustomerFile:
    """The file. Raises FileRefused."""
    return _read_nacha(content) if content[:3] == b"101" else _read_pain001(content)


def _read_pain001(content: bytes) -> CustomerFile:
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise FileRefused("FF01", "The file is no XML") from error
    matched = NAMESPACE.fullmatch(root.tag)
    if matched is None:
        raise FileRefused("FF01", "The file is no credit transfer that this bank takes")
    return _Transfer(root, matched[1]).read()


class _Transfer:
    """One pain.001 document."""

    def __init__(self, root: Element, namespace: str) -> None:
        self.root, self.space = root, {"p": namespace}
        self.id: str | None = None

    def read(self) -> CustomerFile:
        group = "p:CstmrCdtTrfInitn/p:GrpHdr/p:"
        self.id = self.said(self.root, group + "MsgId")
        blocks = self.root.findall("p:CstmrCdtTrfInitn/p:PmtInf", self.space)
        self.must(len(blocks) == 1, "FF01", "This bank takes one block of payments a file")
        block = blocks[0]
        orders = tuple(self.order(each) for each in block.iterfind("p:CdtTrfTxInf", self.space))
        total = sum(order.amount for order in orders)
        for element, prefix in ((self.root, group), (block, "p:")):
            count = self.said(element, prefix + "NbOfTxs")
            self.must(count == str(len(orders)), "AM18", "The number of payments is wrong")
            said = self.cents(self.said(element, prefix + "CtrlSum"))
            self.must(said == total, "AM10", "The control sum is wrong")
        self.must(self.said(block, "p:PmtMtd") == "TRF", "FF01", "This is no transfer")
        level = self.said(block, "p:PmtTpInf/p:SvcLvl/p:Cd")
        self.must(level == "SEPA", "FF05", "The service level is not SEPA")
        self.must(self.said(block, "p:ChrgBr") == "SLEV", "FF05", "Charges must be shared")
        ids = {order.end_to_end_id for order in orders}
        self.must(len(ids) == len(orders), "AM05", "An end-to-end id is in the file twice")
        dated = block.find("p:ReqdExctnDt/p:Dt", self.space)
        day = self.said(block, "p:ReqdExctnDt") if dated is None else dated.text or ""
        return CustomerFile(
            kind="pain.001",
            message=self.space["p"].rpartition(":")[2],
            id=self.id,
            named=self.said(block, "p:PmtInfId"),
            payer=self.iban(block, "p:DbtrAcct/p:Id/p:IBAN"),
            currency="EUR",
            day=self.day(day),
            batch_booking=self.said(block, "p:BtchBookg") == "true",
            orders=orders,
        )

    def order(self, payment: Element) -> Order:
        amount = payment.find("p:Amt/p:InstdAmt", self.space)
        currency = None if amount is None else amount.get("Ccy")
        self.must(currency == "EUR", "AM03", "SEPA pays in euros")
        for text in payment.itertext():
            self.must(BASIC.fullmatch(text) is not None, "CH03", "A character is not allowed")
        name = self.said(payment, "p:Cdtr/p:Nm")
        self.must(len(name) <= 70, "FF01", "A name is too long")
        cents = self.cents(amount.text or "" if amount is not None else "")
        self.must(cents > 0, "AM01", "An amount is zero")
        return Order(
            self.said(payment, "p:PmtId/p:EndToEndId"),
            cents,
            self.iban(payment, "p:CdtrAcct/p:Id/p:IBAN"),
            name,
        )

    def must(self, condition: bool, code: str, words: str) -> None:
        if not condition:
            raise FileRefused(code, words, self.id)

    def said(self, element: Element, path: str) -> str:
        text = element.findtext(path, "", self.space).strip()
        self.must(bool(text), "FF01", f"{path.rpartition(':')[2]} is missing")
        return text

    def cents(self, text: str) -> int:
        matched = DECIMAL.fullmatch(text)
        if matched is None:
            raise FileRefused("AM09", "An amount is none", self.id)
        return int(matched[1] + matched[2])

    def iban(self, element: Element, path: str) -> str:
        number = self.said(element, path)
        turned = number[4:] + number[:4]
        good = number.isascii() and number.isalnum() and number == number.upper()
        digits = "".join(str(int(character, 36)) for character in turned) if good else "0"
        self.must(int(digits) % 97 == 1, "AC01", "An IBAN is wrong")
        return number

    def day(self, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise FileRefused("DT01", "The execution date is none", self.id) from error


def _read_nacha(content: bytes) -> CustomerFile:
    try:
        lines = content.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise FileRefused("FF01", "The file is not in ASCII") from error
    blocks, rest = divmod(len(lines), 10)
    _must(not rest, "FF01", "The records do not fill blocks of ten")
    while lines and lines[-1] == "9" * 94:
        lines.pop()
    records = list(_records(lines))
    kinds = "".join(line[0] for line in lines)
    _must(re.fullmatch(r"1(56+8)+9", kinds) is not None, "FF01", "Records are out of order")
    header, control = records[0], records[-1]

    orders: list[Order] = []
    days: set[str] = set()
    batches = hashes = 0
    for line, record in zip(lines, records, strict=True):
        if line[0] == "5":
            begun, batch = record, len(orders)
            batches += 1
            batch_hash = 0
            days.add(record["day"])
        elif line[0] == "6":
            digits = record["bank"] + record["check"]
            total = sum(w * int(d) for w, d in zip((3, 7, 1) * 3, digits, strict=True))
            _must(total % 10 == 0, "RC01", "A routing number is wrong")
            _must(record["trace"][:8] == begun["bank"], "FF01", "A trace number is another bank's")
            batch_hash += int(record["bank"])
            orders.append(
                Order(
                    record["id"].strip(),
                    int(record["amount"]),
                    f"{digits} {record['account'].strip()}",
                    record["name"].strip(),
                    line,
                )
            )
        elif line[0] == "8":
            hashes += batch_hash
            _check_totals(record, orders[batch:], batch_hash)
            same = all(record[field] == begun[field] for field in ("company", "bank", "number"))
            _must(same, "FF01", "A batch's control is another one's")
    _check_totals(control, orders, hashes)
    _must(int(control["batches"]) == batches, "AM18", "The number of batches is wrong")
    _must(int(control["blocks"]) == blocks, "AM18", "The number of blocks is wrong")
    _must(len(days) == 1, "DT01", "The batches are of several days")
    ids = {order.end_to_end_id for order in orders}
    _must(len(ids) == len(orders), "AM05", "An individual's id is in the file twice")
    try:
        day = datetime.strptime(days.pop(), "%y%m%d").date()  # noqa: DTZ007  # a day
    except ValueError as error:
        raise FileRefused("DT01", "The effective date is none") from error
    reference = header["reference"].strip()
    return CustomerFile(
        kind="nacha",
        message="nacha",
        id=header["made"] + header["modifier"],
        named=reference,
        payer=header["origin"].strip(),
        currency="USD",
        day=day,
        batch_booking=True,
        orders=tuple(orders),
    )


def _records(lines: list[str]) -> Iterator[dict[str, str]]:
    for number, line in enumerate(lines, 1):
        matched = re.fullmatch(RECORDS.get(line[:1], ""), line)
        if matched is None:
            raise FileRefused("FF01", f"Record {number} is none of a file of credits")
        yield matched.groupdict()


def _check_totals(control: dict[str, str], orders: list[Order], hashes: int) -> None:
    _must(int(control["count"]) == len(orders), "AM18", "The number of entries is wrong")
    _must(int(control["hash"]) == hashes % 10**10, "AM10", "An entry hash is wrong")
    total = sum(order.amount for order in orders)
    _must(int(control["credits"]) == total, "AM10", "A total is wrong")


def _must(condition: bool, code: str, words: str) -> None:
    if not condition:
        raise FileRefused(code, words)
