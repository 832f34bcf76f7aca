"""Statements that prove themselves: what an account held before a period, every row of it, and what
it held afterwards; and what any account held at any moment. Reading only; amounts are US cents.

At a moment an account holds what it held after its last transfer recorded until then (decision 48).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.ledger.queries import statements as queries
from payviox.ledger.queries.statements import KindSum, Position
from payviox.ledger.queries.transfers import MovementRow

__all__ = [
    "MOST_SUMMED",
    "KindSum",
    "MovementRow",
    "OwnAccount",
    "Period",
    "Position",
    "balances_at",
    "boundary",
    "list_between",
    "list_rows",
    "own_accounts_at",
    "period",
    "period_of_user",
    "require_past",
    "sums_by_kind",
    "user_balances_at",
    "version_of",
]

OwnAccount = Literal["main", "payout"]
MOST_SUMMED = 50_000
"""Rows of one period that a page adds up; files hold however many there are."""

OWN_KINDS = (
    "main",
    "payout",
    "in_transit",
    "settled",
    "fee_income",
    "rail_cost",
    "exchange",
    "suspense",
    "world",
)
INSTANT = timedelta(microseconds=1)
"""The database's clock counts these: just before a moment is one of them earlier."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing was recorded before."""
NOW = datetime(9999, 1, 1, tzinfo=UTC)
"""Later than whatever was recorded."""

boundary = queries.boundary
list_between = queries.list_between


@dataclass(frozen=True, slots=True)
class Period:
    """One account over a period. `first` is the version before its first row, `last` its last
    one's: versions follow each other without a gap, so there are `number` rows."""

    account_id: UUID
    opening: int
    closing: int
    first: int
    last: int

    @property
    def number(self) -> int:
        return self.last - self.first


async def require_past(connection: Connection, **moments: datetime | None) -> None:
    """Refuse moments that are still to come, by the database's clock. Raises FieldErrors, which
    names each."""
    errors = {
        name: [f"The {name} must not be in the future."]
        for name, moment in moments.items()
        if moment is not None and not await queries.is_past(connection, moment)
    }
    if errors:
        raise FieldErrors(errors)


async def balances_at(
    connection: Connection, business_id: UUID, moment: datetime
) -> dict[str, int]:
    """What the main and the payout account held at this moment."""
    rows = await queries.of_business(connection, business_id, ["main", "payout"], [moment])
    return {row.kind: row.balance for row in rows}


async def own_accounts_at(
    connection: Connection, business_id: UUID, moment: datetime | None
) -> list[Position]:
    """What each of the business's own accounts held at this moment, or holds, in the order of
    OWN_KINDS. All accounts together hold nothing: payout users have what is missing to zero."""
    rows = await queries.of_business(connection, business_id, OWN_KINDS, [moment or NOW])
    return sorted(rows, key=lambda row: (OWN_KINDS.index(row.kind), row.rail))


async def user_balances_at(
    connection: Connection, business_id: UUID, user_ids: Sequence[UUID], moment: datetime
) -> dict[UUID, int]:
    """What these payout users had at this moment; nothing before they were made."""
    rows = await queries.of_accounts(connection, business_id, user_ids, [moment])
    return {row.id: row.balance for row in rows}


async def period(
    connection: Connection,
    business_id: UUID,
    account: OwnAccount,
    since: datetime,
    until: datetime,
) -> Period:
    """A business's account from one moment on, before another."""
    return _period(
        await queries.of_business(connection, business_id, [account], _edges(since, until))
    )


async def period_of_user(
    connection: Connection, business_id: UUID, user_id: UUID, since: datetime, until: datetime
) -> Period:
    """A payout user's account from one moment on, before another."""
    return _period(
        await queries.of_accounts(connection, business_id, [user_id], _edges(since, until))
    )


def _edges(since: datetime, until: datetime) -> list[datetime]:
    return [max(edge, EARLIEST) - INSTANT for edge in (since, until)]


def _period(positions: Sequence[Position]) -> Period:
    before, after = sorted(positions, key=lambda position: position.number)
    return Period(before.id, before.balance, after.balance, before.version, after.version)


async def version_of(
    connection: Connection, business_id: UUID, period: Period, transfer_id: int
) -> int | None:
    """Which version a transfer of the period made; None where it is none of them."""
    version = await queries.version_of(connection, business_id, period.account_id, transfer_id)
    return version if version is not None and period.first < version <= period.last else None


async def list_rows(
    connection: Connection, business_id: UUID, period: Period, after: int, limit: int
) -> list[MovementRow]:
    """Rows of a period, oldest first, after the version `after`, which is at least `first`."""
    return await queries.list_of_account(
        connection, business_id, period.account_id, max(after, period.first), period.last, limit
    )


async def sums_by_kind(
    connection: Connection, business_id: UUID, period: Period
) -> list[KindSum] | None:
    """What each kind of transfer moved; None where the period has more rows than are added up."""
    if period.number > MOST_SUMMED:
        return None
    return await queries.sums_by_kind(
        connection, business_id, period.account_id, period.first, period.last
    )
