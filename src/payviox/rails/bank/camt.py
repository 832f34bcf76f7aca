"""What a bank says of an account: statements (camt.053), notifications (camt.054) and reports of a
day that is not over (camt.052), in every version, read by the elements that they share. Only booked
entries count. A statement whose entries do not come to its balances is refused."""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from payviox.rails.bank import amounts, iban, routing_number, xml
from payviox.rails.bank.model import (
    Direction,
    EntryStatus,
    Report,
    ReportEntry,
    ReportKind,
    Unreadable,
)

MESSAGES: dict[str, ReportKind] = {
    "BkToCstmrAcctRpt": "camt.052",
    "BkToCstmrStmt": "camt.053",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
}
OPENING, CLOSING = frozenset({"OPBD", "PRCD"}), frozenset({"CLBD"})
RETURNS = frozenset({"RRTN", "RPCR"})
"""Sub-families of bank transaction codes: a credit transfer that came back, or was called back."""

MOST_ENTRIES = 200_000


def read(content: bytes, digest: str) -> list[Report]:
    """Each statement of the file. Raises Unreadable."""
    reports: list[Report] = []
    statement: _Statement | None = None
    kind: ReportKind | None = None
    for event, path, element in xml.parts(content):
        if event == "start":
            if len(path) == 1:
                kind = MESSAGES.get(path[0])
            elif len(path) == 2 and path[1] in {"Stmt", "Ntfctn", "Rpt"} and kind is not None:
                statement = _Statement(kind, digest)
        elif statement is not None and len(path) == 3:
            statement.take(path[2], element)
        elif statement is not None and len(path) == 2:
            reports.append(statement.report())
            statement = None
    if not reports:
        raise Unreadable("The file has no statement and no notification")
    return reports


class _Statement:
    """One statement as its parts come by."""

    def __init__(self, kind: ReportKind, digest: str) -> None:
        self.kind, self.digest = kind, digest
        self.said: dict[str, Any] = {}
        self.number: str | None = None
        self.entries: list[ReportEntry] = []
        self.seen: Counter[str] = Counter()
        self.currency = ""
        self.booked = 0
        self.total = 0
        self.lines = 0
        self.summary: tuple[str | None, str | None] = (None, None)

    def take(self, name: str, element: Element) -> None:
        """One child of the statement."""
        if name == "Id":
            self.said["message_id"] = xml.text(element)
        elif name in {"ElctrncSeqNb", "LglSeqNb"}:
            self.said.setdefault("sequence", xml.text(element))
        elif name == "FrToDt":
            for field, of in (("period_from", "FrDtTm"), ("period_to", "ToDtTm")):
                word = xml.text(element, of) or xml.text(element, of.replace("Tm", ""))
                self.said[field] = word and amounts.as_date(word)
        elif name == "Acct":
            self._account(element)
        elif name == "Bal":
            self._balance(element)
        elif name == "TxsSummry":
            totals = element.find("TtlNtries")
            self.summary = xml.text(totals, "NbOfNtries"), xml.text(totals, "Sum")
        elif name == "Ntry":
            self._entry(element)

    def report(self) -> Report:
        """What the statement said. Raises Unreadable where it contradicts itself, or could be of
        any account."""
        if self.number is None:
            raise Unreadable("The statement does not name its account")
        opening, closing = self.said.get("opening"), self.said.get("closing")
        if opening is not None and closing is not None and opening + self.booked != closing:
            raise Unreadable(
                f"The statement's entries come to {self.booked} cents and its balances differ by"
                f" {closing - opening}: it was changed or cut"
            )
        count, total = self.summary
        if count is not None and count != str(self.lines):
            raise Unreadable(f"The statement says {count} entries and has {self.lines}")
        if total is not None and amounts.minor(total, self.currency) != self.total:
            raise Unreadable("The statement's entries do not come to the sum that it says")
        return Report(
            kind=self.kind,
            digest=self.digest,
            account=_masked(self.number),
            account_number=self.number,
            entries=self.entries,
            **{"message_id": "", **self.said},
        )

    def _account(self, element: Element) -> None:
        number = xml.text(element, "Id", "IBAN") or xml.text(element, "Id", "Othr", "Id")
        self.number = number and iban.normalized(number)
        self.said["currency"] = xml.text(element, "Ccy")

    def _balance(self, element: Element) -> None:
        code = xml.text(element, "Tp", "CdOrPrtry", "Cd")
        found = amounts.money(element.find("Amt"))
        if found is None or code not in OPENING | CLOSING:
            return
        field = "opening" if code in OPENING else "closing"
        self.said.setdefault(field, amounts.signed(found[0], amounts.direction(element)))
        # What a statement may leave out, its closing balance says.
        if field == "closing":
            self.said["currency"] = self.said.get("currency") or found[1]
            self.said["period_to"] = self.said.get("period_to") or amounts.day(element, "Dt")

    def _entry(self, element: Element) -> None:
        self.lines += 1
        if self.lines > MOST_ENTRIES:
            raise Unreadable(f"The statement has more than {MOST_ENTRIES:,} entries")
        found, way = amounts.money(element.find("Amt")), amounts.direction(element)
        if found is None or way is None:
            raise Unreadable("The statement has an entry without an amount or a direction")
        self.total += found[0]
        self.currency = found[1]
        if (xml.text(element, "Sts", "Cd") or xml.text(element, "Sts")) != "BOOK":
            return
        self.booked += amounts.signed(found[0], way)
        for entry in _entries(element, found, way):
            self.seen[entry.entry_ref] += 1
            number = self.seen[entry.entry_ref]
            # The same line twice in one statement is two.
            again = amounts.reference(entry.entry_ref, number)
            self.entries.append(replace(entry, entry_ref=again) if number > 1 else entry)


def _entries(element: Element, money: amounts.Money, way: Direction) -> Iterator[ReportEntry]:
    """One for each payment of an entry that names them all, else one for the entry."""
    details = list(element.iterfind("NtryDtls/TxDtls"))
    found = [amounts.money(_detail_amount(each)) for each in details]
    if len(details) == 1 and found[0] is None:
        found = [money]
    whole = sum(each[0] for each in found if each is not None)
    if details and None not in found and whole == money[0]:
        for each, part in zip(details, found, strict=True):
            yield _line(element, each, part or money, way)
        return
    yield _line(element, None, money, way, contradicts=bool(details) and None not in found)


def _line(
    entry: Element,
    detail: Element | None,
    money: amounts.Money,
    way: Direction,
    *,
    contradicts: bool = False,
) -> ReportEntry:
    booked_on = amounts.day(entry, "BookgDt")
    batch = entry.find("NtryDtls/Btch")
    payment = amounts.end_to_end_id(detail, "Refs", "EndToEndId")
    file_id = (
        xml.text(detail, "Refs", "PmtInfId")
        or xml.text(batch, "PmtInfId")
        or xml.text(detail, "Refs", "MsgId")
        or xml.text(batch, "MsgId")
    )
    reason = xml.text(detail, "RtrInf", "Rsn", "Cd") or xml.text(detail, "RtrInf", "Rsn", "Prtry")
    bank = xml.text(detail, "Refs", "AcctSvcrRef") or xml.text(entry, "AcctSvcrRef")
    code = _code(detail) or _code(entry)
    evidence = {
        "bank_reference": bank,
        "code": code,
        "text": xml.text(entry, "AddtlNtryInf") or xml.text(detail, "AddtlTxInf"),
        "reason": xml.text(detail, "RtrInf", "AddtlInf"),
        "contradiction": "the details do not come to the entry's amount" if contradicts else None,
    }
    return ReportEntry(
        status="other"
        if contradicts
        else _status(entry, code, way, reason, payment=payment, file_id=file_id),
        entry_ref=amounts.reference(bank, booked_on, *money, way, payment, file_id),
        end_to_end_id=payment,
        file_id=file_id,
        amount=money[0],
        currency=money[1],
        direction=way,
        reason_code=reason,
        booked_on=booked_on,
        evidence={
            name: xml.without_numbers(words) if name in {"text", "reason"} else words
            for name, words in evidence.items()
            if words is not None
        },
    )


def _status(
    entry: Element,
    code: str | None,
    way: Direction,
    reason: str | None,
    *,
    payment: str | None,
    file_id: str | None,
) -> EntryStatus:
    """A file may be booked as a whole; what came back must name its payment."""
    came_back = xml.text(entry, "RvslInd") in {"true", "1"} or reason is not None
    if way == "debit":
        return "booked" if (payment or file_id) and not came_back else "other"
    came_back |= (code or "").rpartition("/")[2] in RETURNS
    return "returned" if payment and came_back else "other"


def _code(element: Element | None) -> str | None:
    """The bank transaction code, such as `PMNT/ICDT/ESCT`."""
    domain = xml.find(element, "BkTxCd", "Domn")
    words = (
        xml.text(domain, "Cd"),
        xml.text(domain, "Fmly", "Cd"),
        xml.text(domain, "Fmly", "SubFmlyCd"),
    )
    if domain is None:
        return xml.text(element, "BkTxCd", "Prtry", "Cd", most=35)
    return "/".join(word or "" for word in words)


def _detail_amount(detail: Element) -> Element | None:
    """What a payment of an entry moved on the account."""
    direct = detail.find("Amt")
    return direct if direct is not None else detail.find("AmtDtls/TxAmt/Amt")


def _masked(number: str) -> str:
    letters = number[:2].isalpha() and len(number) >= 15
    return iban.masked(number) if letters else routing_number.masked(number)
