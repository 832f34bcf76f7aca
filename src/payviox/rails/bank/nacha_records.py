"""The records of a NACHA file and the rules that hold them together: 94 characters a record, ten
records a block, batches, counts, entry hashes and totals. Files of ours and files of a bank are
held to the same."""

from collections.abc import Iterator

from msgspec import Struct, field

from payviox.rails.bank.model import Unreadable

WIDTH = 94
BLOCK = 10
PADDING = "9" * WIDTH

MOST_BYTES = 32 * 2**20
"""Some three hundred thousand records."""

CREDITS, DEBITS = "1234", "6789"
"""The second digit of a transaction code: which way the money goes."""


class NachaEntry(Struct):
    """One entry with its addenda records, whole. Amounts in cents."""

    transaction_code: str
    receiving_dfi: str
    check_digit: str
    account_number: str
    amount: int
    individual_id: str
    name: str
    trace: str
    addenda: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"NachaEntry({self.trace})"


class NachaBatch(Struct):
    """Entries of one kind (`entry_class`: PPD, CCD, COR, …) and one company."""

    service_class: str
    company_name: str
    company_id: str
    entry_class: str
    description: str
    effective_date: str
    settlement_day: str
    originating_dfi: str
    number: int
    entries: list[NachaEntry] = field(default_factory=list)


class NachaFile(Struct):
    """A whole file. `created` is as its header has it: YYMMDDHHMM."""

    destination: str
    origin: str
    created: str
    modifier: str
    reference: str
    batches: list[NachaBatch] = field(default_factory=list)
    credits: int = 0
    debits: int = 0
    entry_hash: int = 0


def read(content: bytes) -> NachaFile:
    """The file, every rule checked. Raises Unreadable with the record that breaks one."""
    return _Reading(list(_records(content))).run()


def _records(content: bytes) -> Iterator[str]:
    if len(content) > MOST_BYTES:
        raise Unreadable(f"The file is larger than {MOST_BYTES // 2**20} MB")
    try:
        text = content.decode("ascii").rstrip("\r\n\x1a")
    except UnicodeDecodeError as error:
        raise Unreadable("A NACHA file has ASCII characters alone, and this one others") from error
    if "\n" in text:
        lines = text.replace("\r\n", "\n").split("\n")
    else:  # some banks write no ends of lines
        lines = [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]
    for number, line in enumerate(lines, 1):
        if len(line) != WIDTH or not line.isprintable():
            raise Unreadable(f"Record {number} has not the {WIDTH} characters of a NACHA record")
        yield line
    if len(lines) % BLOCK:
        raise Unreadable(f"The file's {len(lines)} records do not fill blocks of {BLOCK}")


class _Reading:
    """One pass over the records, which knows what may follow."""

    def __init__(self, records: list[str]) -> None:
        self.records = records
        self.number = 0

    def run(self) -> NachaFile:
        header = self._next("1", "a file header")
        self._must(header[34:40] == "094101", "names another record size or blocking factor")
        file = NachaFile(
            destination=header[3:13].strip(),
            origin=header[13:23].strip(),
            created=header[23:33],
            modifier=header[33],
            reference=header[86:94].strip(),
        )
        while self._peek() == "5":
            file.batches.append(self._batch(file))
        control = self._next("9", "a file control")
        while self.number < len(self.records):
            self._must(self.records[self.number] == PADDING, "stands after the file control", 1)
            self.number += 1
        entries = [entry for batch in file.batches for entry in batch.entries]
        count = sum(1 + len(entry.addenda) for entry in entries)
        self._equal(control[1:7], len(file.batches), "batches")
        self._equal(control[7:13], len(self.records) // BLOCK, "blocks")
        self._equal(control[13:21], count, "entries and addenda")
        self._equal(control[21:31], file.entry_hash % 10**10, "entry hash")
        self._equal(control[31:43], file.debits, "debits")
        self._equal(control[43:55], file.credits, "credits")
        return file

    def _batch(self, file: NachaFile) -> NachaBatch:
        header = self._next("5", "a batch header")
        batch = NachaBatch(
            service_class=header[1:4],
            company_name=header[4:20].strip(),
            company_id=header[40:50],
            entry_class=header[50:53],
            description=header[53:63].strip(),
            effective_date=header[69:75],
            settlement_day=header[75:78].strip(),
            originating_dfi=header[79:87],
            number=self._digits(header[87:94], "batch number"),
        )
        count = entry_hash = credits_ = debits = 0
        while self._peek() == "6":
            entry = self._entry()
            batch.entries.append(entry)
            count += 1 + len(entry.addenda)
            entry_hash += self._digits(entry.receiving_dfi, "receiving bank")
            if entry.transaction_code[1] in CREDITS:
                credits_ += entry.amount
            else:
                debits += entry.amount
        control = self._next("8", "a batch control")
        self._must(control[44:54] == header[40:50], "is another company's than the batch's header")
        self._must(control[79:94] == header[79:94], "is of another bank or batch than its header")
        self._equal(control[4:10], count, "entries and addenda of the batch")
        self._equal(control[10:20], entry_hash % 10**10, "entry hash of the batch")
        self._equal(control[20:32], debits, "debits of the batch")
        self._equal(control[32:44], credits_, "credits of the batch")
        file.entry_hash += entry_hash
        file.credits += credits_
        file.debits += debits
        return batch

    def _entry(self) -> NachaEntry:
        record = self._next("6", "an entry")
        code = record[1:3]
        self._must(code.isdigit() and code[1] in CREDITS + DEBITS, "has an unknown kind of entry")
        entry = NachaEntry(
            transaction_code=code,
            receiving_dfi=record[3:11],
            check_digit=record[11],
            account_number=record[12:29].strip(),
            amount=self._digits(record[29:39], "amount"),
            individual_id=record[39:54].strip(),
            name=record[54:76].strip(),
            trace=record[79:94],
        )
        announced = record[78]
        while self._peek() == "7":
            entry.addenda.append(self._next("7", "an addenda record"))
        self._must((announced == "1") == bool(entry.addenda), "miscounts its addenda records")
        return entry

    def _peek(self) -> str:
        return self.records[self.number][0] if self.number < len(self.records) else ""

    def _next(self, kind: str, name: str) -> str:
        if self._peek() != kind:
            raise Unreadable(f"Record {self.number + 1} should be {name}")
        self.number += 1
        return self.records[self.number - 1]

    def _must(self, condition: bool, otherwise: str, ahead: int = 0) -> None:
        if not condition:
            raise Unreadable(f"Record {self.number + ahead} {otherwise}")

    def _digits(self, text: str, name: str) -> int:
        self._must(text.isdigit(), f"has no number as its {name}")
        return int(text)

    def _equal(self, text: str, number: int, name: str) -> None:
        self._must(
            text.isdigit() and int(text) == number,
            f"says {text} {name} and the file comes to {number}",
        )
