"""Statements that prove themselves: what an account held before a period, every row of it, and what
it held afterwards; and what it held at any moment. Reading only; amounts are US cents."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from payviox.db.pool import Connection
from payviox.ledger.queries import statements as queries
from payviox.ledger.queries.statements import KindSum
from payviox.ledger.queries.transfers import MovementRow

__all__ = [
    "MOST_SUMMED",
    "KindSum",
    "MovementRow",
    "OwnAccount",
    "Period",
    "balances_at",
    "boundary",
    "list_between",
    "list_rows",
    "period",
    "sums_by_kind",
]

OwnAccount = Literal["main", "payout"]
MOST_SUMMED = 50_000
"""Rows of one period that a page adds up; files hold however many there are."""

boundary = queries.boundary
list_between = queries.list_between


@dataclass(frozen=True, slots=True)
class Period:
    """One account over a period. `first` is the version before its first row, `last` its last
    one's: versions follow each other without a gap, so there are `number` rows."""

    account: OwnAccount
    opening: int
    closing: int
    first: int
    last: int

    @property
    def number(self) -> int:
        return self.last - self.first


async def period(
    connection: Connection,
    business_id: UUID,
    account: OwnAccount,
    since: datetime,
    until: datetime,
) -> Period:
    """An account from one moment on, before another."""
    edges = [
        await queries.boundary(connection, business_id, since),
        await queries.boundary(connection, business_id, until),
    ]
    found = await queries.positions(connection, business_id, [account], edges)
    at = {each.boundary: each for each in found}
    before, after = at[edges[0]], at[edges[1]]
    return Period(account, before.balance, after.balance, before.version, after.version)


async def balances_at(
    connection: Connection, business_id: UUID, moment: datetime
) -> dict[str, int]:
    """What the main and the payout account held just before this moment."""
    edge = await queries.boundary(connection, business_id, moment)
    found = await queries.positions(connection, business_id, ["main", "payout"], [edge])
    return {each.kind: each.balance for each in found}


async def list_rows(
    connection: Connection, business_id: UUID, period: Period, after: int, limit: int
) -> list[MovementRow]:
    """Rows of a period, oldest first, after the version `after`, which is at least `first`."""
    return await queries.list_of_account(
        connection, business_id, period.account, max(after, period.first), period.last, limit
    )


async def sums_by_kind(
    connection: Connection, business_id: UUID, period: Period
) -> list[KindSum] | None:
    """What each kind of transfer moved; None where the period has more rows than are added up."""
    if period.number > MOST_SUMMED:
        return None
    return await queries.sums_by_kind(
        connection, business_id, period.account, period.first, period.last
    )
