"""The demo business's two accounts at the demo's bank, from one start to the next: what was done is
kept as files, and done again at the start."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from msgspec import Struct

from payviox.cli.demo.bank import ach, answers
from payviox.cli.demo.bank.books import PAID, BankBooks, Course, TakenFile
from payviox.cli.demo.bank.files import Order

IBAN = "DE75512108001245126199"
COMPANY_ID, ROUTING_NUMBER, ACCOUNT_NUMBER = "1234567890", "021000021", "000111222"
"""What the demo's business connects: its account in euros; for ACH what the bank assigned, and its
account in dollars."""

OPENING = 5_000_000
"""Cents in each account at the beginning."""

ENDINGS: dict[str, tuple[Course, Course, str]] = {
    "1": (Course(rejected="AC01"), Course(returned="R03"), "there is no such account"),
    "2": (Course(returned="AC04"), Course(returned="R02"), "comes back: the account is closed"),
    "3": (Course(late=2), Course(late=2), "is booked two days later"),
}
"""By the last digit of the payee's account: for SEPA, for ACH, in words. All others are paid."""

MOST_IDLE = 14
"""Days that may end at once until something is due."""


class BankReport(Struct, frozen=True):
    """A file that the bank has for its customer."""

    name: str
    content: bytes
    about: str


class DemoAccounts:
    """Takes files and ends days; `reports` are the newest last."""

    def __init__(self, folder: Path, today: date) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.reports: list[BankReport] = []
        self.taken: list[TakenFile] = []
        kept = sorted(each for each in folder.iterdir() if each.suffix in {".file", ".day"})
        self._number = int(kept[-1].stem) if kept else 0
        first = kept[0] if kept else None
        begun = today if first is None else date.fromisoformat(first.read_text())
        self.books = {
            "EUR": BankBooks(IBAN, "EUR", begun, OPENING, _decided_by(0)),
            "USD": BankBooks(COMPANY_ID, "USD", begun, OPENING, _decided_by(1), ACCOUNT_NUMBER),
        }
        if first is None:
            self._keep("day", begun.isoformat().encode())
        for each in kept[1:]:
            if each.suffix == ".file":
                self._take(each.read_bytes())
            else:
                self._end_day()

    def take(self, content: bytes) -> TakenFile:
        """A file of payments as the business hands it over."""
        self._keep("file", content)
        return self._take(content)

    def end_day(self) -> None:
        """Book what is due, or what is due next; state both accounts."""
        self._keep("day", b"")
        self._end_day()

    def _take(self, content: bytes) -> TakenFile:
        books = self.books["USD" if content[:3] == b"101" else "EUR"]
        taken = books.take(content)
        self.taken.append(taken)
        if books.currency == "EUR":
            number = len(self.taken)
            answer = answers.answer_to(taken, number, books.today)
            words = (
                taken.words
                if taken.refused
                else f"{_counted(len(taken.taken), 'payment', 'payments')} taken"
            )
            self._report(f"answer-{number}.xml", answer, f"Answer to a file: {words}")
        return taken

    def _end_day(self) -> None:
        first = self.books["EUR"].today
        before = self._lines()
        for _ in range(MOST_IDLE):
            for books in self.books.values():
                books.close_day()
            if self._lines() > before or not any(b.is_waiting for b in self.books.values()):
                break
        last = self.books["EUR"].today - timedelta(days=1)
        for name, books in self.books.items():
            lines = sum(first <= line.day <= last for line in books.lines)
            self._report(
                f"statement-{name}-{last}.xml",
                answers.statement(books, first, last),
                f"Statement of {first} to {last}, {name}: {_counted(lines, 'entry', 'entries')}",
            )
        came_back = [
            payment
            for payment in self.books["USD"].payments
            if payment.returned_on is not None and first <= payment.returned_on <= last
        ]
        if came_back:
            content = ach.returns(came_back, last)
            self._report(f"returns-{last}.ach", content, f"ACH returns: {len(came_back)}")

    def _lines(self) -> int:
        return sum(len(books.lines) for books in self.books.values())

    def _report(self, name: str, content: bytes, about: str) -> None:
        self.reports.append(BankReport(name, content, about))

    def _keep(self, kind: str, content: bytes) -> None:
        self._number += 1
        draft = self._folder / f"{self._number:06}.draft"
        draft.write_bytes(content)
        draft.rename(draft.with_suffix(f".{kind}"))


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _decided_by(which: int) -> Callable[[Order], Course]:
    def decide(order: Order) -> Course:
        ending = ENDINGS.get(order.account[-1])
        return PAID if ending is None else (ending[0], ending[1])[which]

    return decide
