"""What a bank says of a file of ours: ISO 20022 pain.002, in every version, read by the elements
that they share. A rejection may be of the whole file or of single payments."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from payviox.rails.bank import amounts, xml
from payviox.rails.bank.model import EntryStatus, Report, ReportEntry, Unreadable

STATUS: dict[str, EntryStatus] = {
    "RJCT": "rejected",
    "ACCP": "accepted",
    "ACSC": "accepted",
    "ACSP": "accepted",
    "ACTC": "accepted",
    "ACWC": "accepted",
    "ACCC": "accepted",
    "ACFC": "accepted",
    "PDNG": "noted",
    "RCVD": "noted",
}
"""Any other code says nothing that is known here, and somebody has to look. So does `PART`, which
says that some of a file was rejected, where the answer does not name which."""

DUPLICATES = frozenset({"AM05", "DU01", "DU02", "DU03", "DU04", "DUPL"})
"""A rejection of these says that the bank has the same already: of a file that was handed over
twice, the first is paid all the same. What it is about is then never taken for unpaid, at whatever
level of the answer the code stands."""

MOST_ENTRIES = 200_000

GROUP, BLOCK = "OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts"


def read(content: bytes, digest: str) -> list[Report]:
    """The report, whole files before their payments. Raises Unreadable."""
    answer = _Answer()
    for event, path, element in xml.parts(content):
        if event == "end" and len(path) == 3:
            answer.take(path[1], path[2], element)
        elif event == "end" and len(path) == 2:
            answer.close(path[1])
    if answer.file_id is None:
        raise Unreadable("The answer does not name the file that it is about")
    return [
        Report(
            kind="pain.002",
            digest=digest,
            message_id=answer.id or "",
            entries=answer.entries(),
        )
    ]


class _Answer:
    """One answer as its parts come by."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.file_id: str | None = None
        self.status: str | None = None
        self.reasons: list[str] = []
        self.of_group: list[str] = []
        self.is_duplicate = False
        self.files: list[ReportEntry] = []
        self.payments: list[ReportEntry] = []

    def take(self, block: str, name: str, element: Element) -> None:
        """One part of the header, of what is said of the file, or of a block of payments."""
        if (block, name) == ("GrpHdr", "MsgId"):
            self.id = xml.text(element)
        elif (block, name) == (GROUP, "OrgnlMsgId"):
            self.file_id = xml.text(element, most=35)
        elif name in {"GrpSts", "PmtInfSts"}:
            self.status = xml.text(element, most=4)
        elif name == "StsRsnInf":
            self.reasons += _reasons([element])
        elif (block, name) == (BLOCK, "TxInfAndSts"):
            self.payments.append(self._payment(element))
            if len(self.payments) > MOST_ENTRIES:
                raise Unreadable(f"The answer names more than {MOST_ENTRIES:,} payments")

    def close(self, block: str) -> None:
        """A block is over: what it said of the whole file, if anything, is an entry. All of a file
        of ours is one block."""
        if block == GROUP:
            self.of_group = self.reasons
        reason = _told(self.reasons)
        self.is_duplicate |= reason in DUPLICATES
        if block in {GROUP, BLOCK} and self.status is not None:
            self.files.append(
                ReportEntry(
                    status=_status(self.status, reason),
                    entry_ref=amounts.reference(self.id, self.file_id, block, self.status),
                    file_id=self.file_id,
                    reason_code=reason,
                    evidence={"status": self.status},
                )
            )
        self.status, self.reasons = None, []

    def entries(self) -> list[ReportEntry]:
        """All that is said. Where a code of a duplicate stands anywhere, no file is rejected. A
        payment that is one alone, of a file that is taken, is no copy of what was handed over."""
        names_the_rest = any(each.status != "accepted" for each in self.payments)
        noted = {"PART"} if names_the_rest else set()
        if self.is_duplicate:
            noted |= {"RJCT", "PART"}
        self.files = [
            replace(each, status="noted") if each.evidence["status"] in noted else each
            for each in self.files
        ]
        if not self._is_of_a_copy():
            self.payments = [
                replace(each, status="other") if _is_alike(each) else each for each in self.payments
            ]
        return self.files + self.payments

    def _is_of_a_copy(self) -> bool:
        said = {each.evidence["status"] for each in self.files}
        return "RJCT" in said if said else all(_is_alike(each) for each in self.payments)

    def _payment(self, element: Element) -> ReportEntry:
        payment = amounts.end_to_end_id(element, "OrgnlEndToEndId")
        status = xml.text(element, "TxSts", most=4) or ""
        money = amounts.money(xml.find(element, "OrgnlTxRef", "Amt", "InstdAmt"))
        details = xml.text(element, "StsRsnInf", "AddtlInf")
        name = xml.text(element, "StsId")
        own = _reasons(element.iterfind("StsRsnInf"))
        reason = _told(own)
        above = _told([*own, *self.reasons, *self.of_group])
        self.is_duplicate |= above in DUPLICATES
        return ReportEntry(
            status=_status(status, above),
            entry_ref=amounts.reference(self.id, self.file_id, payment, status, name),
            end_to_end_id=payment,
            file_id=self.file_id,
            amount=money and money[0],
            currency=money and money[1],
            reason_code=reason,
            evidence={"status": status}
            | ({"text": xml.without_numbers(details)} if details else {}),
        )


def _status(status: str, reason: str | None) -> EntryStatus:
    return "noted" if reason in DUPLICATES else STATUS.get(status, "other")


def _is_alike(entry: ReportEntry) -> bool:
    """Whether a payment is rejected as a duplicate."""
    return entry.status == "noted" and entry.evidence["status"] == "RJCT"


def _reasons(elements: Iterable[Element]) -> list[str]:
    words = [
        xml.text(each, "Rsn", "Cd", most=4) or xml.text(each, "Rsn", "Prtry", most=35)
        for each in elements
    ]
    return [word for word in words if word is not None]


def _told(reasons: list[str]) -> str | None:
    """The one that counts of several: that of a duplicate, else the first."""
    return next((each for each in reasons if each in DUPLICATES), reasons[0] if reasons else None)
