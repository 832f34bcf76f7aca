"""Telling the operator, in the log and in the business's audit entries: what nobody has explained
for too long, and what a rail's account lacks. Each once. Database only, in the caller's
transaction."""

from uuid import UUID

from payviox import ids
from payviox.acts import Alert
from payviox.audit import service as audit
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.event_log import EventLogger
from payviox.ledger import suspense
from payviox.reconciliation.model import Kept, Report

logger = EventLogger(__name__)

UNEXPLAINED: Alert = "suspense.unexplained"
LOW_FLOAT: Alert = "float.low"
AT_ONCE = 1_000


async def tell_of_items(connection: Connection, business_id: UUID) -> int:
    """Tell of every item that has been open for longer than the business allows; answers how many
    there were."""
    business = await businesses.get(connection, business_id)
    items = await suspense.take_alerts(
        connection, business_id, business.suspense_alert_hours, AT_ONCE
    )
    for item in items:
        detail = {
            "item": ids.show(ids.SUSPENSE_ITEM, item.id),
            "rail": item.rail,
            "cause": item.cause,
            "amount": item.amount,
            **({} if item.order_id is None else {"order": str(item.order_id)}),
        }
        await audit.alert(connection, business_id, UNEXPLAINED, detail)
    if items:
        logger.warning(
            UNEXPLAINED,
            business=ids.show(ids.BUSINESS, business_id),
            count=len(items),
            first=ids.show(ids.SUSPENSE_ITEM, items[0].id),
        )
    return len(items)


async def tell_of_floats(connection: Connection, report: Report, before: Kept | None) -> None:
    """Tell of every asset that is low and was not when the rail was last compared."""
    already_low = list(before.report["low"]) if before else []
    if report.float.problem is not None:
        report.low = already_low
        return
    low = [holding for holding in report.float.holdings if holding.low]
    report.low = [holding.asset for holding in low]
    for holding in low:
        if holding.asset in already_low:
            continue
        detail = {"rail": report.rail, "asset": holding.asset, "amount": holding.amount}
        await audit.alert(connection, report.business_id, LOW_FLOAT, detail)
        business = ids.show(ids.BUSINESS, report.business_id)
        logger.warning(LOW_FLOAT, business=business, **detail)
