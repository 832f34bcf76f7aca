"""What the bank did: the files that it took, each payment's course, and one account's lines day by
day. It never pays what it did not take, and takes no file twice."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct, field

from payviox.cli.demo.bank.files import CustomerFile, FileRefused, Order, read

PaymentState = Literal["taken", "rejected", "paid", "returned"]


class Course(Struct, frozen=True):
    """How the bank lets a payment end. `rejected` is a code of its answer to the file; `returned` a
    code with which it comes back `after` days from its booking, which is `late` days from the day
    that was asked for. `changed` is a notification of change with what to write instead."""

    rejected: str | None = None
    returned: str | None = None
    after: int = 1
    late: int = 0
    changed: tuple[str, str] | None = None


PAID = Course()

PAST = timedelta(days=15)
"""How far an execution date may be over: it is booked on the next day then."""


class BankPayment(Struct):
    """A payment of a file that was taken. `times_paid` is how often money left for it."""

    file: CustomerFile
    order: Order
    course: Course
    state: PaymentState = "taken"
    times_paid: int = 0
    paid_on: date | None = None
    returned_on: date | None = None


class Line(Struct, frozen=True):
    """A line of the account: `amount` is signed, in cents, as the account's owner sees it. Of one
    payment where it has one, of a whole file where it has none."""

    number: int
    day: date
    amount: int
    text: str
    payments: tuple[BankPayment, ...] = ()
    named: str | None = None
    reason: str | None = None


class TakenFile(Struct, frozen=True):
    """What the bank answers to a file: `refused` is a code where it took none of it."""

    file: CustomerFile | None
    message_id: str
    refused: str | None
    words: str
    rejected: tuple[BankPayment, ...] = ()
    taken: tuple[BankPayment, ...] = ()


class BankBooks(Struct):
    """One account at the bank. `owner` is what files name: its IBAN, or for ACH the company's id;
    `number` is what statements name, where it is not the same. `decide` is asked for the course of
    each payment, in order."""

    owner: str
    currency: str
    today: date
    opening: int = 0
    decide: Callable[[Order], Course] = field(default=lambda _: PAID)
    number: str | None = None
    payments: list[BankPayment] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    answers: list[TakenFile] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @property
    def balance(self) -> int:
        """What the account holds now, in cents."""
        return self.opening + sum(line.amount for line in self.lines)

    @property
    def is_waiting(self) -> bool:
        """Whether anything will be booked by time alone."""
        return any(
            each.state == "taken" or (each.state == "paid" and each.course.returned is not None)
            for each in self.payments
        )

    def take(self, content: bytes) -> TakenFile:
        """Takes a file, or refuses it: answers what the bank says of it."""
        answer = self._take(content)
        self.answers.append(answer)
        return answer

    def _take(self, content: bytes) -> TakenFile:
        try:
            file = read(content)
        except FileRefused as refusal:
            return TakenFile(None, refusal.message_id or "UNKNOWN", refusal.code, str(refusal))
        refused = self._refusal(file)
        if refused is not None:
            return TakenFile(file, file.id, *refused)
        self.seen.add(file.id)
        payments = [BankPayment(file, order, self.decide(order)) for order in file.orders]
        for payment in payments:
            if payment.course.rejected is not None:
                payment.state = "rejected"
        self.payments += payments
        return TakenFile(
            file,
            file.id,
            None,
            "Taken",
            tuple(each for each in payments if each.state == "rejected"),
            tuple(each for each in payments if each.state == "taken"),
        )

    def _refusal(self, file: CustomerFile) -> tuple[str, str] | None:
        if file.id in self.seen:
            return "DU01", "The bank has had this file"
        if file.payer != self.owner or file.currency != self.currency:
            return "AC02", "The paying account is not this customer's"
        if file.day + PAST < self.today:
            return "DT01", "The execution date is over"
        waiting = sum(each.order.amount for each in self.payments if each.state == "taken")
        if file.total + waiting > self.balance:
            return "AM04", "The account does not hold so much"
        return None

    def deposit(self, amount: int, text: str = "DEPOSIT") -> None:
        """Somebody pays in, or the bank takes a fee (negative)."""
        self._book(amount, text)

    def close_day(self) -> date:
        """Books what is due, and lets the next day begin. Answers the day that is over."""
        over = self.today
        due = [each for each in self.payments if each.state == "taken" and _due(each) <= over]
        for group in _together(due):
            self._book(
                -sum(each.order.amount for each in group), "PAYMENT", group, group[0].file.named
            )
            for payment in group:
                payment.state, payment.paid_on = "paid", over
                payment.times_paid += 1
        for payment in self.payments:
            code = payment.course.returned
            if payment.state != "paid" or code is None or payment.paid_on is None:
                continue
            if payment.paid_on + timedelta(days=payment.course.after) <= over:
                payment.state, payment.returned_on = "returned", over
                self._book(payment.order.amount, "RETURN", [payment], reason=code)
        self.today = over + timedelta(days=1)
        return over

    def _book(
        self,
        amount: int,
        text: str,
        payments: list[BankPayment] | None = None,
        named: str | None = None,
        reason: str | None = None,
    ) -> None:
        number = len(self.lines) + 1
        self.lines.append(
            Line(number, self.today, amount, text, tuple(payments or ()), named, reason)
        )


def _due(payment: BankPayment) -> date:
    return payment.file.day + timedelta(days=payment.course.late)


def _together(due: list[BankPayment]) -> Iterator[list[BankPayment]]:
    """Payments that are one line: a file's, where its customer wants that, else each alone."""
    files: dict[str, list[BankPayment]] = {}
    for payment in due:
        if payment.file.batch_booking:
            files.setdefault(payment.file.id, []).append(payment)
        else:
            yield [payment]
    yield from files.values()
