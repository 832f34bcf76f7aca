"""Doing what a comparison came to: opening and closing items, asking for look-ups. Each order or
payment in a transaction of its own, in which it is looked at once more, locked: what has moved
meanwhile is left alone. May be interrupted anywhere and done again."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict
from payviox.event_log import EventLogger
from payviox.ledger import suspense
from payviox.ledger.model import InsufficientFunds
from payviox.ledger.suspense import BY_ITSELF, Item, NewItem
from payviox.rails.protocol import Entry
from payviox.reconciliation.compare import is_gone
from payviox.reconciliation.entries import Entries
from payviox.reconciliation.matching import match, match_unknown
from payviox.reconciliation.model import Report
from payviox.reconciliation.verdicts import Difference, Terms, Verdict
from payviox.withdrawals import statements
from payviox.withdrawals.statements import Stated

logger = EventLogger(__name__)

EXPLAINED = "the books agree now"
TOGETHER = 200


async def open_paid_after_all(database: Database, business_id: UUID, rail: str) -> int:
    """Make items of what the processor booked as paid after all; answers how many. That needs no
    word of the rail's."""

    async def work(connection: Connection) -> int:
        await suspense.lock_rail(connection, business_id, rail)
        rows = await suspense.not_yet_items(connection, business_id, rail, TOGETHER)
        new = [
            NewItem(
                rail,
                "paid_after_all",
                ids.show(ids.ORDER, order_id),
                order_id,
                amount,
                {"booked": "by the processor, when the rail said so"},
            )
            for order_id, amount in rows
        ]
        await suspense.change(connection, business_id, opening=new, reason="paid after all")
        return len(new)

    number = 0
    while opened := await database.write(work, keyed=True):
        number += opened
    return number


async def carry_out(database: Database, report: Report, entries: Entries, terms: Terms) -> None:
    """Do what was noted, and count it in the report."""
    for subject in entries.noted():
        step = _Step(report, entries, terms, subject)
        try:
            opened, closed, look_ups = await database.write(step.run, keyed=True)
        except InsufficientFunds as error:
            # An item cannot take more out of an account than is in it: a person has to look first.
            logger.warning("suspense item not booked", subject=subject, problem=str(error))
            continue
        report.opened += opened
        report.closed += closed
        report.look_ups += look_ups


class _Step:
    """What is done about one order or payment."""

    def __init__(self, report: Report, entries: Entries, terms: Terms, subject: str) -> None:
        self._at = (report.business_id, report.rail)
        self._business_id, self._rail = self._at
        self._entries = entries
        self._terms = terms
        self._subject = subject

    async def run(self, connection: Connection) -> tuple[int, int, int]:
        """(opened, closed, look-ups asked for)."""
        await suspense.lock_rail(connection, *self._at)
        order_id = ids.parse(ids.ORDER, self._subject)
        ours = order_id and await statements.lock(connection, *self._at, order_id)
        items = await suspense.of_subjects(connection, *self._at, [self._subject])
        if ours:
            return await self._order(connection, ours, items)
        entries = self._entries.of_subject(self._subject)
        if entries:
            verdict = match_unknown(entries, items, self._terms)
            evidence = _evidence(entries)
            return (*await self._change(connection, verdict, items, evidence, None), 0)
        gone = [i for i in items if i.is_open and is_gone(i, self._entries, self._terms)]
        await suspense.change(connection, self._business_id, closing=gone, reason=EXPLAINED)
        return 0, len(gone), 0

    async def _order(
        self, connection: Connection, ours: Stated, items: Sequence[Item]
    ) -> tuple[int, int, int]:
        order_id = ours.order.id
        entries = self._entries.of_orders([order_id]).get(order_id, [])
        verdict = match(ours, entries, items, self._terms)
        evidence = {"order": ours.order.status, "booked": verdict.booked, **_evidence(entries)}
        if verdict.look_up:
            await self._look_up(connection, order_id)
        elif ours.order.look_up_asked_at is not None and not verdict.undecided:
            await statements.forget_look_up(connection, self._business_id, order_id)
        opened, closed = await self._change(connection, verdict, items, evidence, order_id)
        return opened, closed, int(verdict.look_up)

    async def _look_up(self, connection: Connection, order_id: UUID) -> None:
        try:
            await statements.ask_for_look_up(connection, self._business_id, order_id, BY_ITSELF)
        except Conflict:  # it is being looked at just now
            logger.info("order not looked up", order=str(order_id))

    async def _change(
        self,
        connection: Connection,
        verdict: Verdict,
        items: Sequence[Item],
        evidence: dict[str, Any],
        order_id: UUID | None,
    ) -> tuple[int, int]:
        wanted: dict[tuple[str, int], Difference] = {
            (d.cause, d.amount): d for d in verdict.differences
        }
        closing = []
        for item in [item for item in items if item.is_open]:
            if wanted.pop((item.cause, item.amount), None) is None:
                closing.append(item)
            elif not verdict.undecided:
                await suspense.seen(connection, self._business_id, item.id, evidence)
        opening = [
            NewItem(self._rail, d.cause, self._subject, order_id, d.amount, evidence)
            for d in wanted.values()
        ]
        await suspense.change(
            connection,
            self._business_id,
            closing=closing,
            opening=opening,
            reason=EXPLAINED if not opening else "the rail's books say so",
        )
        return len(opening), len(closing)


def _evidence(entries: Sequence[Entry]) -> dict[str, Any]:
    """What the rail says, as it is kept with an item: its words, no more of them than a few."""
    times = [entry.at for entry in entries if entry.at is not None]
    return {
        "at": max(times).isoformat() if times else None,
        "rail": [
            {
                "reference": entry.reference,
                "rail_order_id": entry.rail_order_id,
                "state": entry.state,
                "amount": entry.amount,
                "cost": entry.cost,
                "at": entry.at.isoformat() if entry.at else None,
                **({"evidence": dict(entry.evidence)} if entry.evidence else {}),
            }
            for entry in entries[:10]
        ],
    }
