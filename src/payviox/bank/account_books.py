"""The business's own bank account as its statements have it: opening, what moved it, closing. To
the cent: what does not add up has a name, or is the difference."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import Literal
from uuid import UUID

import msgspec

from payviox.bank.queries import account_books as queries
from payviox.bank.queries.account_books import EntrySum, NotStated, Statement
from payviox.db.pool import Connection

DAY = timedelta(days=1)

Line = Literal["payments", "returns", "paid_in", "fees", "unexplained"]

LINES: dict[Line, str] = {
    "payments": "Payments of ours",
    "returns": "Payments that came back",
    "paid_in": "Paid into the account",
    "fees": "Fees, and what else was taken",
    "unexplained": "Named by nobody's payment",
}
"""What moved the account, as people read it."""


class Moved(msgspec.Struct, frozen=True):
    """So many entries of a line, and what they moved the account by, in minor units."""

    line: Line
    entries: int
    amount: int


class Gap(msgspec.Struct, frozen=True):
    """Between two statements the account moved by `amount`, and no statement says how: one is
    missing. One that does not say from when on it is counts as its last day's."""

    after: date | None
    before: date | None
    amount: int


class AccountBooks(msgspec.Struct, frozen=True):
    """One currency of the account, in minor units. `not_stated` payments are booked by another
    report, and no statement shows them yet."""

    currency: str
    statements: int
    period_from: date | None
    period_to: date | None
    opening: int
    closing: int
    moved: list[Moved]
    gaps: list[Gap]
    not_stated: NotStated | None

    @property
    def difference(self) -> int:
        """What neither entries nor gaps explain; 0 where the books equal the statements."""
        explained = sum(each.amount for each in self.moved) + sum(g.amount for g in self.gaps)
        return self.closing - self.opening - explained


async def read(connection: Connection, business_id: UUID) -> list[AccountBooks]:
    """The account, currency by currency; nothing before its first statement."""
    statements = await queries.list_statements(connection, business_id)
    sums = await queries.sum_entries(connection, business_id)
    lacking = await queries.sum_not_stated(connection, business_id)
    return [
        _books(
            list(of_currency),
            [each for each in sums if each.currency == currency],
            next((each for each in lacking if each.currency == currency), None),
        )
        for currency, of_currency in groupby(statements, key=lambda each: each.currency)
    ]


def _books(
    statements: Sequence[Statement], sums: Sequence[EntrySum], not_stated: NotStated | None
) -> AccountBooks:
    first = min(statements, key=_begins)
    last = statements[-1]
    lines: dict[Line, Moved] = {}
    for each in sums:
        line = _line(each)
        before = lines.get(line, Moved(line, 0, 0))
        lines[line] = Moved(line, before.entries + each.entries, before.amount + each.moved)
    return AccountBooks(
        currency=first.currency,
        statements=len(statements),
        period_from=first.period_from,
        period_to=last.period_to,
        opening=first.opening,
        closing=last.closing,
        moved=[lines[line] for line in LINES if line in lines],
        gaps=[
            Gap(
                earlier.period_to,
                later.period_from or later.period_to,
                later.opening - earlier.closing,
            )
            for earlier, later in pairwise(statements)
            if later.opening != earlier.closing
            and not later.repeated
            and not _is_stated(earlier, later, statements)
        ],
        not_stated=not_stated,
    )


def _begins(statement: Statement) -> tuple[date, date]:
    """By what it begins with; among those of one day the one that ends first does."""
    end = statement.period_to or date.min
    return statement.period_from or end, end


def _is_stated(earlier: Statement, later: Statement, statements: Sequence[Statement]) -> bool:
    """Whether what happened between these two stands in a statement: in the later one, which goes
    back behind the earlier one's end, or in another that was imported after a day was skipped."""
    if earlier.period_to is None or later.period_from is None:
        return False
    if later.period_from < earlier.period_to:
        return True
    begin, end = sorted((earlier.period_to + DAY, later.period_from - DAY))
    return any(
        each.period_from <= begin and end <= each.period_to
        for each in statements
        if each not in (earlier, later) and each.period_from and each.period_to
    )


def _line(each: EntrySum) -> Line:
    if each.unmatched is None:
        return "returns" if each.status == "returned" else "payments"
    if each.unmatched != "not_ours":
        return "unexplained"
    return "paid_in" if each.moved > 0 else "fees"
