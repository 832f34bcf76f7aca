"""What a comparison of our books with a rail's came to. Amounts are US cents."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from payviox.rails.protocol import Holding


@dataclass(slots=True)
class Side:
    """One side's cents, each in exactly one class, and what that side says they are in all."""

    matched: int = 0
    in_transit: int = 0
    suspense: int = 0
    explained: int = 0
    told: int = 0

    @property
    def sum(self) -> int:
        return self.matched + self.in_transit + self.suspense + self.explained

    @property
    def difference(self) -> int:
        """0, or somebody has miscounted."""
        return self.told - self.sum


@dataclass(frozen=True, slots=True)
class Float:
    """What the rail's account still holds. `cents` is None where that is not known; `problem` says
    why the rail could not tell."""

    holdings: tuple[Holding, ...] = ()
    problem: str | None = None

    @property
    def cents(self) -> int | None:
        known = [holding.cents for holding in self.holdings if holding.cents is not None]
        return sum(known) if known and len(known) == len(self.holdings) else None


@dataclass(frozen=True, slots=True)
class Liability:
    """What the business owes: orders under way on the rail, and what payout users may still ask to
    be paid on any rail."""

    in_transit: int = 0
    users: int = 0

    def coverage(self, held: int | None) -> str | None:
        """How much of it a float covers, as a percentage; None where either is unknown or none."""
        owed = self.in_transit + self.users
        if held is None or not owed:
            return None
        return str((Decimal(100) * held / owed).quantize(Decimal("0.1")))


@dataclass(frozen=True, slots=True)
class OpenItems:
    """How many items of a cause are open, and what they come to."""

    cause: str
    number: int
    amount: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A report as it was kept."""

    rail: str
    report: dict[str, Any]
    finished_at: datetime


@dataclass(slots=True)
class Report:
    """One rail of one business. `ours` are our books: what its compared orders paid, and all that
    is in transit; `theirs` is the rail's statement. `not_compared` says why it was not.

    `settled` is the rail's account in our ledger, of which `settled_before` is what no order that
    was compared explains: it is older than the comparison. `low` are the assets that the operator
    was told of as low.
    """

    business_id: UUID
    rail: str
    since: datetime
    asked_at: datetime
    not_compared: str | None = None
    orders: int = 0
    entries: int = 0
    ours: Side = field(default_factory=Side)
    theirs: Side = field(default_factory=Side)
    costs_booked: int = 0
    costs_charged: int = 0
    settled: int = 0
    settled_before: int = 0
    look_ups: int = 0
    opened: int = 0
    closed: int = 0
    items: list[OpenItems] = field(default_factory=list)
    float: Float = field(default_factory=Float)
    low: list[str] = field(default_factory=list)
    liability: Liability = field(default_factory=Liability)

    @property
    def is_clean(self) -> bool:
        """Whether it was compared and nothing is unexplained."""
        return not (
            self.not_compared or self.items or self.ours.difference or self.theirs.difference
        )

    def as_json(self) -> dict[str, Any]:
        """The report as it is kept and printed, without the business's id."""
        fields = asdict(self)
        del fields["business_id"]
        for name in ("since", "asked_at"):
            fields[name] = fields[name].isoformat().replace("+00:00", "Z")
        for name, side in (("ours", self.ours), ("theirs", self.theirs)):
            fields[name] |= {"sum": side.sum, "difference": side.difference}
        fields["float"]["cents"] = self.float.cents
        fields["coverage_percent"] = self.liability.coverage(self.float.cents)
        return fields
