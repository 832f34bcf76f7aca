"""The SQL of what the last comparisons with the rails came to: nothing here asks a rail."""

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.db.sweeps import EACH_BUSINESS


class Compared(msgspec.Struct, frozen=True):
    """The last comparisons of one rail, all businesses together, in cents; the float where it is
    known. `age_s` is that of the business that was compared longest ago."""

    mode: str
    rail: str
    float_cents: int | None
    in_transit_cents: int
    age_s: float


async def compared(connection: Connection) -> list[Compared]:
    async with connection.cursor(row_factory=class_row(Compared)) as cursor:
        await cursor.execute(
            "SELECT b.mode, r.rail,"  # noqa: S608  # a constant
            " sum((l.report->'float'->>'cents')::bigint)::bigint AS float_cents,"
            " sum((l.report->'liability'->>'in_transit')::bigint)::bigint AS in_transit_cents,"
            " extract(epoch FROM now() - min(l.finished_at))::float AS age_s"
            f" FROM {EACH_BUSINESS} CROSS JOIN LATERAL ("
            "   SELECT rail FROM accounts"
            "   WHERE business_id = home.business_id AND kind = 'in_transit'"
            "   UNION SELECT rail FROM rail_accounts WHERE business_id = home.business_id) r"
            " CROSS JOIN LATERAL (SELECT report, finished_at FROM reconciliations"
            "   WHERE business_id = home.business_id AND rail = r.rail"
            "   AND report->>'not_compared' IS NULL"
            "   ORDER BY finished_at DESC LIMIT 1) l"
            " GROUP BY b.mode, r.rail"
        )
        return await cursor.fetchall()
