"""What somebody heard of orders at a rail: no more than a reason to look them up soon. Database
only, in the caller's transaction."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from payviox.acts import Alert
from payviox.audit import service as audit
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.event_log import EventLogger
from payviox.order_states import NOT_AT_A_RAIL, SURELY_NOT_SENT
from payviox.rails.protocol import Named
from payviox.withdrawals.queries import callbacks
from payviox.withdrawals.queries.callbacks import NamedAttempt

logger = EventLogger(__name__)


async def orders_named(
    connection: Connection, business_id: UUID, rail: str, named: Iterable[Named]
) -> list[UUID]:
    """The business's orders at this rail whose attempts are named. What names none is left out."""
    references, rail_order_ids = _names(named)
    attempts = await callbacks.find_attempts(
        connection, business_id, rail, references, rail_order_ids
    )
    return sorted({attempt.order_id for attempt in attempts})


async def heed(
    connection: Connection, business_id: UUID, rail: str, named: Sequence[Named]
) -> None:
    """Act on a callback: keep the rail's ids by which it can be asked, and look up what it is
    about. An attempt that we thought was not sent may have been: until the rail was asked, the
    order is neither taken back nor sent anew. One before the last is not asked about any more, so
    the operator is told."""
    names = _names(named)
    await callbacks.lock_orders_of(connection, business_id, rail, *names)
    attempts = await callbacks.find_attempts(connection, business_id, rail, *names)
    by_reference = {one.reference: one.rail_order_id for one in named if one.reference}
    for attempt in attempts:
        rail_order_id = by_reference.get(attempt.reference)
        if attempt.rail_order_id is None and rail_order_id:
            await callbacks.keep_rail_id(connection, business_id, attempt, rail_order_id)
        if attempt.number < attempt.last:
            await _tell(connection, business_id, rail, attempt)
        elif attempt.status in NOT_AT_A_RAIL and attempt.outcome in SURELY_NOT_SENT:
            await callbacks.doubt(connection, business_id, attempt)
    await look_soon(connection, business_id, sorted({attempt.order_id for attempt in attempts}))


async def look_soon(connection: Connection, business_id: UUID, order_ids: Sequence[UUID]) -> int:
    """Have the worker look these up now, whatever it asks just now included; answers how many can
    be. States that are final stand, but what the rail did may contradict them."""
    due = await callbacks.make_due(connection, business_id, order_ids)
    if due:
        await jobs.wake(connection, jobs.PROCESS_ORDERS, business_id)
    return due


async def _tell(
    connection: Connection, business_id: UUID, rail: str, attempt: NamedAttempt
) -> None:
    name: Alert = "order.earlier_attempt_named"
    order = str(attempt.order_id)
    detail = {"order": order, "rail": rail, "attempt": attempt.number, "last": attempt.last}
    logger.warning(name, **detail)
    await audit.alert(connection, business_id, name, detail)


def _names(named: Iterable[Named]) -> tuple[list[str], list[str]]:
    """References of ours, and the rail's own ids."""
    named = list(named)
    return (
        [one.reference for one in named if one.reference],
        [one.rail_order_id for one in named if one.rail_order_id],
    )
