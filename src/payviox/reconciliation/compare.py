"""Laying a rail's statement beside our books. First the statement is read whole, then our books, in
one snapshot: what has changed in between is told apart by its time. A page of orders is in memory
at once, whatever their number. Nothing is written here but notes of what is to be done."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection, Database, roll_back
from payviox.ledger import service as ledger
from payviox.ledger import suspense
from payviox.ledger.suspense import Item
from payviox.rails.protocol import Entry, Known, Rail
from payviox.reconciliation.entries import Entries
from payviox.reconciliation.matching import match, match_unknown
from payviox.reconciliation.model import Liability, Report
from payviox.reconciliation.queries import reports as queries
from payviox.reconciliation.verdicts import Terms, Verdict
from payviox.withdrawals import statements
from payviox.withdrawals.statements import FIRST, Stated

PAGE = 500
"""Orders in memory at once."""

MARGIN = timedelta(days=1)
"""So much further back the rail is asked: its clock and what it calls a payment's time are its
own."""

Progress = Callable[[str, int], None]
"""Told what is being done, and how many of it are."""


async def read_statement(
    database: Database,
    business_id: UUID,
    rail: Rail,
    since: datetime,
    entries: Entries,
    progress: Progress,
) -> None:
    """Read the rail's books since then. Raises RailError, and whatever a rail may break of."""
    known = _known(database, business_id, rail.name, since)
    number = 0
    async for page in rail.statement(business_id, since - MARGIN, known):
        names = [e.rail_order_id for e in page if e.rail_order_id is not None]
        named = await database.fetch(
            lambda db, names=names: statements.orders_named(db, business_id, rail.name, names)  # type: ignore[misc]  # a default binds it
        )
        entries.add(page, named)
        number += len(page)
        progress("reading the rail's books", number)


async def _known(
    database: Database, business_id: UUID, rail: str, since: datetime
) -> AsyncIterator[Sequence[Known]]:
    """Our attempts that may have reached the rail, for rails that list only what they are asked
    for."""
    after = FIRST
    while True:
        page = await database.fetch(
            lambda db, after=after: statements.page(  # type: ignore[misc]  # a default binds it
                db, business_id, rail, since, after=after, limit=PAGE
            )
        )
        if not page:
            return
        yield [
            Known(
                replace(ours.order.ready, rail_order_id=attempt.rail_order_id),
                attempt.reference,
                attempt.started_at,
            )
            for ours in page
            for attempt in ours.attempts
            if attempt.outcome != "not_sent"
        ]
        after = page[-1].order.id


async def compare(
    database: Database, report: Report, entries: Entries, terms: Terms, progress: Progress
) -> None:
    """Compare what was read with our books, which are read now, and write into the report what it
    comes to and into the notes what differs."""
    async with database.read() as connection:
        await connection.execute(queries.SNAPSHOT)
        try:
            await _Comparison(connection, report, entries, terms, progress).run()
        finally:
            await roll_back(connection)


class _Comparison:
    def __init__(
        self,
        connection: Connection,
        report: Report,
        entries: Entries,
        terms: Terms,
        progress: Progress,
    ) -> None:
        self._connection = connection
        self._report = report
        self._entries = entries
        self._terms = terms
        self._progress = progress
        self._explained_settled = 0
        self._at = (report.business_id, report.rail)

    async def run(self) -> None:
        report = self._report
        report.entries = len(self._entries)
        report.theirs.told = self._entries.paid()
        await self._orders_of_the_period()
        # Older orders of ours that the rail tells of all the same.
        for order_ids in self._entries.orders_not_claimed():
            await self._orders(await statements.find(self._connection, *self._at, order_ids))
        for subjects in self._entries.subjects_not_claimed():
            await self._unknown(subjects)
        await self._vanished()
        await self._accounts()

    async def _orders_of_the_period(self) -> None:
        after = FIRST
        while page := await statements.page(
            self._connection, *self._at, self._report.since, after=after, limit=PAGE
        ):
            await self._orders(page)
            after = page[-1].order.id
            self._progress("comparing orders", self._report.orders)

    async def _orders(self, page: Sequence[Stated]) -> None:
        order_ids = [ours.order.id for ours in page]
        of_orders = self._entries.of_orders(order_ids)
        items = await self._items([ids.show(ids.ORDER, order_id) for order_id in order_ids])
        noted = []
        for ours in page:
            subject = ids.show(ids.ORDER, ours.order.id)
            entries, its_items = of_orders.get(ours.order.id, []), items.get(subject, [])
            verdict = match(ours, entries, its_items, self._terms)
            self._count(verdict, entries)
            if is_to_be_done(verdict, its_items) or ours.order.look_up_asked_at is not None:
                noted.append(subject)
        self._entries.note(noted)
        self._entries.claim(order_ids)
        self._report.orders += len(page)

    async def _unknown(self, subjects: Sequence[str]) -> None:
        items = await self._items(subjects)
        noted = []
        for subject in subjects:
            entries, its_items = self._entries.of_subject(subject), items.get(subject, [])
            verdict = match_unknown(entries, its_items, self._terms)
            self._count(verdict, entries)
            if is_to_be_done(verdict, its_items):
                noted.append(subject)
        self._entries.note(noted)

    async def _vanished(self) -> None:
        """Items of payments that were no order's, and are by now, or that the rail, which lists
        all, does not list any more."""
        after: UUID | None = None
        while page := await suspense.list_page(
            self._connection,
            self._report.business_id,
            rail=self._report.rail,
            cause="unknown_payment",
            after=after,
            limit=PAGE,
        ):
            gone = [i.subject for i in page if is_gone(i, self._entries, self._terms)]
            self._entries.note(gone)
            after = page[-1].id

    async def _items(self, subjects: Sequence[str]) -> dict[str, list[Item]]:
        by_subject: dict[str, list[Item]] = {}
        for item in await suspense.of_subjects(self._connection, *self._at, subjects):
            by_subject.setdefault(item.subject, []).append(item)
        return by_subject

    def _count(self, verdict: Verdict, entries: Sequence[Entry]) -> None:
        report, ours, theirs = self._report, self._report.ours, self._report.theirs
        ours.told += verdict.booked
        ours.matched += verdict.matched
        ours.in_transit += verdict.reserved + verdict.unconfirmed
        ours.suspense += verdict.missing
        ours.explained += max(-verdict.explained, 0)
        theirs.matched += verdict.matched
        theirs.in_transit += verdict.coming
        theirs.suspense += verdict.beyond
        theirs.explained += max(verdict.explained, 0)
        # Where the rail names no amount it is believed to have paid ours.
        theirs.told += verdict.told - sum(e.amount or 0 for e in entries if e.state == "paid")
        report.costs_booked += verdict.costs[0]
        report.costs_charged += verdict.costs[1]
        self._explained_settled += verdict.settled

    async def _accounts(self) -> None:
        report = self._report
        balances = await _balances(self._connection, *self._at)
        report.liability = _liability(balances)
        report.ours.told += report.liability.in_transit
        report.settled = balances.get("settled", 0)
        report.settled_before = report.settled - self._explained_settled


async def liability(connection: Connection, business_id: UUID, rail: str) -> Liability:
    """What the business owes by our ledger, whatever the rail says."""
    return _liability(await _balances(connection, business_id, rail))


def _liability(balances: Mapping[str, int]) -> Liability:
    return Liability(balances.get("in_transit", 0), balances.get("user", 0))


async def _balances(connection: Connection, business_id: UUID, rail: str) -> dict[str, int]:
    """Sum the balances of the business's ledger accounts of this rail, and of all its payout users,
    by kind."""
    return {
        row.kind: row.balance
        for row in await ledger.sums(connection, business_id)
        if row.rail == rail or row.kind == "user"
    }


def is_to_be_done(verdict: Verdict, items: Sequence[Item]) -> bool:
    """Whether items are to be opened or closed, were seen again, or a look-up is wanted."""
    return verdict.look_up or bool(verdict.differences) or any(item.is_open for item in items)


def is_gone(item: Item, entries: Entries, terms: Terms) -> bool:
    """Whether an unknown payment is explained by its entry being an order's now, or gone."""
    if entries.of_subject(item.subject):
        return False
    if entries.has_subject(item.subject):
        return True
    told_at = item.evidence.get("at")
    at = datetime.fromisoformat(told_at) if isinstance(told_at, str) else item.opened_at
    return terms.lists_all and at >= terms.since
