"""A rail's statement while it is compared: kept in a private temporary file, so that a million
entries are never held in memory, and found again by the order that each is about. The file has no
name, and goes when it is closed or the process ends."""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast
from uuid import UUID

import msgspec

from payviox import ids
from payviox.rails.base import Entry, EntryState

_TABLES = """
CREATE TABLE entries (
  key TEXT PRIMARY KEY, subject TEXT, order_id TEXT, claimed INTEGER NOT NULL DEFAULT 0,
  state TEXT, amount INTEGER, cost INTEGER, at TEXT, entry BLOB
) WITHOUT ROWID;
CREATE INDEX entries_of_order ON entries (order_id);
CREATE TABLE looked_into (subject TEXT PRIMARY KEY) WITHOUT ROWID;
"""
PAGE = 500


def subject_of(entry: Entry) -> str:
    """Names a payment that no order of ours made, the same whenever the rail tells it."""
    name = entry.rail_order_id or entry.reference
    if name is not None and len(name) <= ids.MAX_NAME:
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
        self._file = sqlite3.connect("", isolation_level=None)

    def __enter__(self) -> Self:
        # An empty name is a file of SQLite's own; nobody needs it after a crash.
        self._file.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
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
            "INSERT OR REPLACE INTO entries (key, subject, order_id, state, amount, cost, at, entry)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [self._row(entry, named) for entry in entries],
        )
        self._file.execute("COMMIT")

    def _row(self, entry: Entry, named: Mapping[str, UUID]) -> tuple[object, ...]:
        order_id = order_in(entry.reference) or named.get(entry.rail_order_id or "")
        subject = subject_of(entry)
        return (
            f"{entry.reference}\0{entry.rail_order_id or subject}",
            subject,
            order_id and str(order_id),
            entry.state,
            entry.amount,
            entry.cost,
            entry.at and entry.at.isoformat(),
            msgspec.json.encode(entry),
        )

    def of_orders(self, order_ids: Sequence[UUID]) -> dict[UUID, list[Entry]]:
        """The entries of these orders' attempts."""
        found: dict[UUID, list[Entry]] = defaultdict(list)
        marks = ",".join("?" * len(order_ids))
        for order_id, raw in self._file.execute(
            f"SELECT order_id, entry FROM entries WHERE order_id IN ({marks}) ORDER BY key",  # noqa: S608  # question marks
            [str(order_id) for order_id in order_ids],
        ):
            found[UUID(order_id)].append(_decode(raw))
        return found

    def claim(self, order_ids: Sequence[UUID]) -> None:
        """These orders are ours: so are their entries."""
        self._file.executemany(
            "UPDATE entries SET claimed = 1 WHERE order_id = ?", [(str(o),) for o in order_ids]
        )

    def orders_not_claimed(self) -> Iterator[list[UUID]]:
        """Orders that entries name and that were not claimed, page by page."""
        after = ""
        while True:
            rows = self._file.execute(
                "SELECT DISTINCT order_id FROM entries WHERE order_id > ? AND claimed = 0"
                " ORDER BY order_id LIMIT ?",
                [after, PAGE],
            ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield [UUID(row[0]) for row in rows]

    def not_claimed(self) -> Iterator[list[tuple[str, Entry]]]:
        """(subject, entry) of what no order of ours made, page by page."""
        after = ""
        while True:
            rows = self._file.execute(
                "SELECT key, subject, entry FROM entries WHERE key > ? AND claimed = 0"
                " ORDER BY key LIMIT ?",
                [after, PAGE],
            ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield [(row[1], _decode(row[2])) for row in rows]

    def find(self, subject: str) -> tuple[Entry, bool] | None:
        """The entry of this subject, and whether it is an order's of ours."""
        row = self._file.execute(
            "SELECT entry, claimed FROM entries WHERE subject = ?", [subject]
        ).fetchone()
        return None if row is None else (_decode(row[0]), bool(row[1]))

    def note(self, subject: str) -> None:
        """Something is to be done about this subject, once all is compared."""
        self._file.execute("INSERT OR IGNORE INTO looked_into VALUES (?)", [subject])

    def noted(self) -> Iterator[str]:
        """What was noted, in order."""
        after = ""
        while True:
            rows = self._file.execute(
                "SELECT subject FROM looked_into WHERE subject > ? ORDER BY subject LIMIT ?",
                [after, PAGE],
            ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield from (row[0] for row in rows)

    def __len__(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM entries").fetchone()[0])


def _decode(raw: bytes) -> Entry:
    fields: dict[str, Any] = msgspec.json.decode(raw)
    at = fields["at"]
    return Entry(
        fields["reference"],
        fields["rail_order_id"],
        cast("EntryState", fields["state"]),
        fields["amount"],
        fields["cost"],
        datetime.fromisoformat(at) if at else None,
        fields["evidence"],
    )
