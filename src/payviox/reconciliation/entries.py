"""A rail's statement while it is compared: kept in a private temporary file, so that a million
entries are never held in memory, and found again by the order that each is about. The file has no
name, and goes when it is closed or the process ends."""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self
from uuid import UUID

import msgspec

from payviox import ids
from payviox.rails.protocol import Entry

PAGE = 500
MAX_SUBJECT = 200

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE entries (
  key TEXT PRIMARY KEY, subject TEXT NOT NULL, order_id TEXT, claimed INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL, amount INTEGER, entry BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX entries_of_order ON entries (order_id);
CREATE INDEX entries_of_subject ON entries (subject);
CREATE TABLE noted (subject TEXT PRIMARY KEY) WITHOUT ROWID;
"""


def subject_of(entry: Entry) -> str:
    """Names a payment that no order of ours made, the same whenever the rail tells it."""
    name = entry.rail_order_id or entry.reference
    if name is not None and len(name) <= MAX_SUBJECT and name.isprintable():
        return name
    digest = hashlib.sha256(msgspec.json.encode([name, entry.amount, entry.at])).hexdigest()
    return f"entry {digest[:32]}"


def order_in(reference: str | None) -> UUID | None:
    """The order in an attempt's reference, `ord_<uuid>.<number>`; whether it is ours, our books
    say."""
    return None if reference is None else ids.parse(ids.ORDER, reference.rpartition(".")[0])


class Entries:
    """One rail's statement, to be used in a `with` block."""

    def __init__(self) -> None:
        # An empty name is a file of SQLite's own, which nobody needs after a crash.
        self._file = sqlite3.connect("", isolation_level=None)

    def __enter__(self) -> Self:
        self._file.executescript(_TABLES)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, entries: Sequence[Entry], named: Mapping[str, UUID]) -> None:
        """Keep a page. `named` are orders by the rail's own names of them. An entry that a rail
        tells twice, because its pages moved meanwhile, is kept once, as it is told last."""
        self._file.execute("BEGIN")
        self._file.executemany(
            "INSERT OR REPLACE INTO entries (key, subject, order_id, state, amount, entry)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [_row(entry, named) for entry in entries],
        )
        self._file.execute("COMMIT")

    def of_orders(self, order_ids: Sequence[UUID]) -> dict[UUID, list[Entry]]:
        """The entries of these orders' attempts."""
        by_order: dict[UUID, list[Entry]] = defaultdict(list)
        marks = ",".join("?" * len(order_ids))
        for order_id, raw in self._file.execute(
            f"SELECT order_id, entry FROM entries WHERE order_id IN ({marks}) ORDER BY key",  # noqa: S608  # question marks
            [str(order_id) for order_id in order_ids],
        ):
            by_order[UUID(order_id)].append(_entry(raw))
        return by_order

    def of_subject(self, subject: str) -> list[Entry]:
        """The entries of a payment that no order of ours made."""
        rows = self._file.execute(
            "SELECT entry FROM entries WHERE subject = ? AND claimed = 0 ORDER BY key", [subject]
        )
        return [_entry(row[0]) for row in rows]

    def has_subject(self, subject: str) -> bool:
        """Whether the rail tells of it at all."""
        row = self._file.execute("SELECT 1 FROM entries WHERE subject = ?", [subject]).fetchone()
        return row is not None

    def claim(self, order_ids: Sequence[UUID]) -> None:
        """These orders are ours, and so are their entries."""
        self._file.execute("BEGIN")
        self._file.executemany(
            "UPDATE entries SET claimed = 1 WHERE order_id = ?", [(str(o),) for o in order_ids]
        )
        self._file.execute("COMMIT")

    def orders_not_claimed(self) -> Iterator[list[UUID]]:
        """Orders that entries name and that were not claimed, page by page."""
        for page in self._pages("order_id"):
            yield [UUID(text) for text in page]

    def subjects_not_claimed(self) -> Iterator[list[str]]:
        """What no order of ours made, page by page."""
        return self._pages("subject")

    def _pages(self, column: str) -> Iterator[list[str]]:
        after = ""
        while True:
            rows = self._file.execute(
                f"SELECT DISTINCT {column} FROM entries WHERE {column} > ? AND claimed = 0"  # noqa: S608  # our own column
                f" ORDER BY {column} LIMIT ?",
                [after, PAGE],
            ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield [row[0] for row in rows]

    def paid(self) -> int:
        """Everything that the statement says was paid, in cents, as far as it names amounts."""
        row = self._file.execute(
            "SELECT coalesce(sum(amount), 0) FROM entries WHERE state = 'paid'"
        ).fetchone()
        return int(row[0])

    def __len__(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM entries").fetchone()[0])

    def note(self, subjects: Sequence[str]) -> None:
        """Something is to be done about these, once all is compared."""
        self._file.executemany(
            "INSERT OR IGNORE INTO noted VALUES (?)", [(subject,) for subject in subjects]
        )

    def noted(self) -> Iterator[str]:
        """What was noted, in order."""
        after = ""
        while rows := self._file.execute(
            "SELECT subject FROM noted WHERE subject > ? ORDER BY subject LIMIT ?", [after, PAGE]
        ).fetchall():
            after = rows[-1][0]
            yield from (row[0] for row in rows)


def _row(entry: Entry, named: Mapping[str, UUID]) -> tuple[object, ...]:
    order_id = order_in(entry.reference) or named.get(entry.rail_order_id or "")
    subject = subject_of(entry)
    return (
        f"{entry.reference} {subject}",
        subject,
        None if order_id is None else str(order_id),
        entry.state,
        entry.amount,
        msgspec.json.encode(entry),
    )


def _entry(raw: bytes) -> Entry:
    return msgspec.json.decode(raw, type=Entry)
