"""Reconciling: one rail of one business after the other, from the rail's statement to the kept
report. A rail that cannot be asked is not compared, which is no difference, and stops nobody."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.event_log import EventLogger
from payviox.rails.protocol import Rail, RailError
from payviox.reconciliation import alerts
from payviox.reconciliation.apply import carry_out, open_paid_after_all
from payviox.reconciliation.compare import Progress, compare, liability, read_statement
from payviox.reconciliation.entries import Entries
from payviox.reconciliation.model import Float, Report
from payviox.reconciliation.queries import reports as queries
from payviox.reconciliation.verdicts import Terms
from payviox.withdrawals.routing import Rails

__all__ = [
    "DEFAULT_PERIOD",
    "Progress",
    "Report",
    "forget_old",
    "rails_of",
    "reconcile",
    "reconcile_all",
    "reconcile_rail",
]

forget_old = queries.delete_old

logger = EventLogger(__name__)

DEFAULT_PERIOD = timedelta(days=35)
"""How far back is compared: longer than a payee may take to claim a payment."""

STATEMENT_S = 4 * 3_600.0
"""How long a rail may take to tell its books: one that has to be asked for each payment, and not
more often than it allows, takes its time."""

FLOAT_S = 60.0

YOUNG_S = 300.0
"""What is younger is still moving: no difference is made of it."""

rails_of = queries.rails_of
latest = queries.latest


async def reconcile(
    database: Database,
    rails: Rails,
    business_id: UUID,
    *,
    rail: str | None = None,
    since: datetime | None = None,
    progress: Progress = lambda *_: None,
) -> list[Report]:
    """Compare every rail of a business, or this one."""
    names = await database.fetch(rails_of, business_id)
    return [
        await reconcile_rail(database, rails, business_id, name, since=since, progress=progress)
        for name in names
        if rail in (None, name)
    ]


async def reconcile_rail(
    database: Database,
    rails: Rails,
    business_id: UUID,
    rail_name: str,
    *,
    since: datetime | None = None,
    young_s: float = YOUNG_S,
    progress: Progress = lambda *_: None,
) -> Report:
    """Compare one rail, make and close suspense items, keep the report and tell of a low float."""
    await open_paid_after_all(database, business_id, rail_name)
    asked_at = await database.fetch(queries.now)
    report = Report(business_id, rail_name, since or asked_at - DEFAULT_PERIOD, asked_at)
    report.float = Float(problem="the rail was not asked")
    # Of our books alone, also where nothing is compared; a comparison reads it again.
    report.liability = await database.fetch(liability, business_id, rail_name)
    async with _turn(database, business_id, rail_name) as ours:
        if not ours:
            report.not_compared = "it is being compared by somebody else just now"
            return report
        try:
            rail = rails.named(rail_name)
        except LookupError:
            report.not_compared = "the rail is not configured any more"
        else:
            report.float = await _read_float(rail, business_id)
            with Entries() as entries:
                await _compare(database, rail, report, entries, young_s, progress)
        await database.write(_keep, report)
    return report


async def _compare(
    database: Database,
    rail: Rail,
    report: Report,
    entries: Entries,
    young_s: float,
    progress: Progress,
) -> None:
    try:
        async with asyncio.timeout(STATEMENT_S):
            await read_statement(
                database, report.business_id, rail, report.since, entries, progress
            )
    except RailError as error:
        report.not_compared = str(error)
        return
    except TimeoutError:
        report.not_compared = f"the rail did not tell its books within {STATEMENT_S:.0f} s"
        return
    except Exception as error:
        logger.exception("a rail's statement could not be read", rail=rail.name)
        report.not_compared = f"its books could not be read ({type(error).__name__})"
        return
    terms = Terms(report.asked_at, report.since, rail.lists_all, young_s=young_s)
    await compare(database, report, entries, terms, progress)
    await carry_out(database, report, entries, terms)


async def _read_float(rail: Rail, business_id: UUID) -> Float:
    try:
        async with asyncio.timeout(FLOAT_S):
            return Float(tuple(await rail.read_float(business_id)))
    except RailError as error:
        return Float(problem=str(error))
    except TimeoutError:
        return Float(problem=f"the rail did not answer within {FLOAT_S:.0f} s")
    except Exception as error:
        logger.exception("a rail's float could not be read", rail=rail.name)
        return Float(problem=f"its float could not be read ({type(error).__name__})")


async def _keep(connection: Connection, report: Report) -> None:
    business_id, rail = report.business_id, report.rail
    report.items = await queries.open_items(connection, business_id, rail)
    before = await queries.last(connection, business_id, rail)
    await alerts.tell_of_floats(connection, report, before)
    await queries.keep(
        connection, business_id, rail, report.since, report.asked_at, report.as_json()
    )


@asynccontextmanager
async def _turn(database: Database, business_id: UUID, rail: str) -> AsyncIterator[bool]:
    """Whether it is our turn: of several who compare one rail at once, the first does. Items are
    safe without it; it spares the rail."""
    async with database.read() as connection:
        ours = await queries.take_turn(connection, business_id, rail)
        try:
            yield ours
        finally:
            if ours and not connection.broken:
                await queries.end_turn(connection, business_id, rail)


async def reconcile_all(database: Database, rails: Rails, business_ids: Sequence[UUID]) -> int:
    """Compare every rail of these businesses, one after the other; answers how many were not in
    order. What goes wrong with one business is logged, and the next one compared."""
    troubled = 0
    for business_id in business_ids:
        try:
            reports = await reconcile(database, rails, business_id)
            await database.write(lambda db, at=business_id: alerts.tell_of_items(db, at))  # type: ignore[misc]  # a default binds it
        except Exception:
            logger.exception("a business could not be reconciled", business=str(business_id))
            troubled += 1
            continue
        for report in reports:
            if report.not_compared is not None:
                logger.warning("rail not compared", rail=report.rail, why=report.not_compared)
        troubled += any(not report.is_clean for report in reports)
    return troubled
