"""Suspense items of what the bank said of a payment or a file of ours and what changes nothing: a
person asks the bank. Database only, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.bank.matching import FOR_A_PERSON, WHY
from payviox.bank.model import Import, Payment
from payviox.db.pool import Connection
from payviox.ledger import suspense
from payviox.ledger.suspense import NewItem

RAIL = "bank"


async def lock(connection: Connection, business_id: UUID) -> None:
    """Hold the bank's items, as is done before orders are held."""
    await suspense.lock_rail(connection, business_id, RAIL)


async def open_items(
    connection: Connection,
    report: Import,
    rows: Sequence[Mapping[str, Any]],
    payments: Mapping[str, Payment],
) -> None:
    """Open an item for each payment or file that an entry of the report is unclear about, and that
    has none open. `payments` are the named ones by end-to-end id. The caller has called `lock`."""
    wanted = {
        item.subject: item
        for item in (_item(report, row, payments) for row in rows if is_unclear(row))
    }
    if not wanted:
        return
    items = await suspense.of_subjects(connection, report.business_id, RAIL, sorted(wanted))
    for item in items:
        if item.is_open and item.cause == "unclear":
            wanted.pop(item.subject, None)
    await suspense.change(
        connection,
        report.business_id,
        opening=list(wanted.values()),
        reason="the bank's words do not fit to our books",
    )


def is_unclear(row: Mapping[str, Any]) -> bool:
    """Whether a person has to look. What left twice for a payment is an item of reconciliation's,
    with its amount."""
    if row["reference"] is None and row["file_id"] is None:
        return False
    is_paid_twice = row["unmatched"] == "twice" and row["status"] == "booked"
    return row["unmatched"] in FOR_A_PERSON and not (is_paid_twice and row["reference"])


def _item(report: Import, row: Mapping[str, Any], payments: Mapping[str, Payment]) -> NewItem:
    payment = payments.get(row["end_to_end_id"] or "") if row["reference"] else None
    subject = payment.end_to_end_id if payment else ids.show(ids.BANK_FILE, row["file_id"])
    evidence = {
        "report": ids.show(ids.BANK_IMPORT, report.id),
        "file": report.file_name,
        "said": row["status"],
        "code": row["code"],
        "why": WHY[row["unmatched"]],
        "was": payment.status if payment else None,
    }
    order_id = payment.order_id if payment else None
    shown = {name: value for name, value in evidence.items() if value is not None}
    return NewItem(RAIL, "unclear", subject, order_id, 0, shown)
