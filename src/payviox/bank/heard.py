"""What the bank has said of payments that had not left by our books: after a restore, or where
somebody was wrong about a file. They have left, and go into no other file. Database only, in the
caller's transaction."""

from collections.abc import Sequence

import msgspec

from payviox.bank import matching
from payviox.bank.model import Entry, Payment
from payviox.bank.queries import imports as queries
from payviox.bank.queries import payments as payments_queries
from payviox.db.pool import Connection
from payviox.event_log import EventLogger
from payviox.rails.bank.model import EntryStatus, ReportEntry
from payviox.withdrawals.sending import callbacks

logger = EventLogger(__name__)


async def heed(connection: Connection, waiting: Sequence[Payment]) -> list[Payment]:
    """Those of these waiting payments that the bank has said nothing of. The others become what it
    said. The caller holds them, and `queries.lock`."""
    if not waiting:
        return []
    business_id = waiting[0].business_id
    by_id = {payment.end_to_end_id: payment for payment in waiting}
    left: dict[str, Payment] = {}
    for said in await queries.list_unheeded(connection, business_id, list(by_id)):
        name = said.end_to_end_id or ""
        payment = left.get(name) or msgspec.structs.replace(by_id[name], status="released")
        found = matching.effect(payment, _entry(said), seen_alike=False)
        left[name] = matching.applied(payment, found, said.code, said.booked_on)
    if left:
        await payments_queries.set_statuses(connection, business_id, list(left.values()))
        orders = sorted({payment.order_id for payment in left.values()})
        await callbacks.look_soon(connection, business_id, orders)
        logger.warning("the bank knows payments that waited for a file", count=len(left))
    return [payment for payment in waiting if payment.end_to_end_id not in left]


def _entry(said: Entry) -> ReportEntry:
    status: EntryStatus = said.status  # type: ignore[assignment]  # as it was imported
    return ReportEntry(
        status=status,
        entry_ref=said.entry_ref,
        end_to_end_id=said.end_to_end_id,
        amount=said.amount,
        currency=said.currency,
        direction="debit" if said.direction == "debit" else "credit" if said.direction else None,
        reason_code=said.code,
        booked_on=said.booked_on,
    )
