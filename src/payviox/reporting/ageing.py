"""Unclaimed money by its age: sums as the worker last saw them, and whose it is. Reading only;
amounts are US cents."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from payviox.db.pool import Connection
from payviox.reporting.queries import ageing as queries
from payviox.reporting.queries.ageing import UnclaimedRow

__all__ = ["BUCKETS", "Ageing", "Bucket", "UnclaimedRow", "bucket_of", "find", "list_page"]

MAX_DAYS = 36_500
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
NOBODY = UUID(int=0)


class Bucket(msgspec.Struct, frozen=True):
    """Money that came from `least` to `most` days ago."""

    least: int
    most: int

    @property
    def name(self) -> str:
        return f"{self.least}" if self.most == MAX_DAYS else f"{self.least}-{self.most}"


BUCKETS = (Bucket(0, 30), Bucket(31, 90), Bucket(91, 180), Bucket(181, 365), Bucket(366, MAX_DAYS))
EVERYTHING = Bucket(0, MAX_DAYS)


class Ageing(msgspec.Struct, frozen=True):
    """What each bucket comes to, and when that was summed; None where it never was."""

    sums: list[tuple[Bucket, int]]
    summed_at: datetime | None

    @property
    def total(self) -> int:
        return sum(amount for _, amount in self.sums)


def bucket_of(name: str) -> Bucket | None:
    """The bucket of this name."""
    return next((bucket for bucket in BUCKETS if bucket.name == name), None)


async def find(connection: Connection, business_id: UUID) -> Ageing:
    """The sums of every bucket."""
    ages = await queries.list_ages(connection, business_id)
    sums = [
        (bucket, sum(row.amount for row in ages if bucket.least <= row.age <= bucket.most))
        for bucket in BUCKETS
    ]
    return Ageing(sums, max((row.summed_at for row in ages), default=None))


async def list_page(
    connection: Connection,
    business_id: UUID,
    bucket: Bucket | None,
    after: UUID | None,
    limit: int,
) -> list[UnclaimedRow]:
    """Who has money whose oldest is as old, the oldest first, after this payout user. Whoever took
    theirs meanwhile is no place to go on from: it begins again."""
    chosen = bucket or EVERYTHING
    since = None if after is None else await queries.since_of(connection, business_id, after)
    position = (BEGINNING, NOBODY) if since is None or after is None else (since, after)
    least = chosen.least or -1  # one from this very moment, too
    return await queries.list_page(connection, business_id, least, chosen.most + 1, position, limit)
