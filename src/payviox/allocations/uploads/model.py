"""An upload, its rows, and what the process that reads a file says of it. Amounts are US cents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from payviox.actors import Actor
from payviox.errors import Conflict

MAX_FILE = 20_000_000
"""Bytes of the largest file."""
RECENT_DAYS = 7
"""Somebody who got the same amount within so many days may have been paid this already."""

KEPT_FOR = timedelta(days=7)
"""What nobody confirms within so long is forgotten, but what waits for a second person."""

Field = Literal["email", "amount", "reference", "note"]
FIELDS: tuple[Field, ...] = ("email", "amount", "reference", "note")
REQUIRED: tuple[Field, ...] = ("email", "amount")

Status = Literal[
    "checking", "unmapped", "checked", "scheduled", "paying", "stopped", "done", "canceled"
]
OPEN: tuple[Status, ...] = ("scheduled", "paying", "stopped")
"""Confirmed, and some of it may still be paid."""

RowStatus = Literal["bad", "ready", "left_out", "paid", "refused"]
"""`bad` and `left_out` are never paid; `ready` is paid once the upload is confirmed."""


class UploadChanged(Conflict):
    message = (
        "What this upload would pay has changed since the page was shown. Nothing was done: look"
        " again, then repeat it."
    )


class Opened(msgspec.Struct, tag="opened"):
    """The file's head. Without `columns` a person has to say which column holds what; `guesses` is
    what the header suggests."""

    header: list[str]
    sheet: str | None
    columns: dict[Field, int] | None
    guesses: dict[Field, int]


class ReadRow(msgspec.Struct):
    """A row as the file alone tells it. `number` is the row's in a spreadsheet. `occurrence` counts
    the rows so far that pay the same person the same amount under the same reference; `repeats` is
    the first row that this one seems to repeat."""

    number: int
    cells: list[str]
    email: str | None = None
    amount: int | None = None
    reference: str | None = None
    note: str | None = None
    problem: str | None = None
    fingerprint: str | None = None
    occurrence: int | None = None
    repeats: int | None = None


class Chunk(msgspec.Struct, tag="rows"):
    rows: list[ReadRow]


class Ended(msgspec.Struct, tag="ended"):
    pass


class Unreadable(msgspec.Struct, tag="unreadable"):
    message: str


Frame = Opened | Chunk | Ended | Unreadable


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded. The counts are of the rows that it was confirmed to pay;
    `stopped_why` says what keeps it from going on."""

    id: UUID
    file_name: str
    file_digest: bytes
    sheet: str | None
    header: Sequence[str]
    columns: dict[Field, int] | None
    status: Status
    created_by: str
    created_at: datetime
    checked_at: datetime | None
    asked: "Asked | None"
    started_by: str | None
    started_at: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    stopped_why: str | None
    payments: int
    amount: int
    people: int
    paid: int
    paid_amount: int
    refused: int

    @property
    def digest(self) -> str:
        """The SHA-256 of the file, as hex."""
        return self.file_digest.hex()

    @property
    def kind(self) -> Literal["csv", "xlsx"]:
        """What kind of file it came as: a sheet is an Excel file's."""
        return "csv" if self.sheet is None else "xlsx"

    @property
    def left(self) -> int:
        """Payments that were confirmed and not tried yet."""
        return self.payments - self.paid - self.refused


@dataclass(frozen=True, slots=True)
class Choices:
    """Which of the rows that may have been paid already are paid all the same."""

    repeats: bool = False
    earlier: bool = False
    recent: bool = False


class Asked(msgspec.Struct, frozen=True):
    """What one person has confirmed and a second one has to."""

    by: Actor
    repeats: bool
    earlier: bool
    recent: bool
    due_at: datetime | None

    @property
    def choices(self) -> Choices:
        return Choices(self.repeats, self.earlier, self.recent)


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of an upload and what they come to."""

    payments: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upload holds, and what it would pay by the choices made."""

    rows: int
    bad: int
    repeats: Part
    earlier: Part
    recent: Part
    chosen: Part
    people: int
    new_people: int


@dataclass(frozen=True, slots=True)
class UploadRow:
    """A row and what became of it; `transfer_id` and `user_id` where it was paid."""

    number: int
    cells: Sequence[str]
    email: str | None
    amount: int | None
    reference: str | None
    status: RowStatus
    problem: str | None
    repeats: int | None
    earlier: UUID | None
    recent: datetime | None
    transfer_id: int | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A worker's claim on an upload: it alone pays while its number is the upload's."""

    upload_id: UUID
    started_by: str
    number: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A row that is to be paid."""

    number: int
    email: str
    amount: int
    reference: str | None
