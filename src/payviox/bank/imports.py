"""Taking what the bank gives: a report is read whole or refused, and then changes payments in one
transaction. The same file again, or an entry that another report had, changes nothing."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from payviox import ids
from payviox.actors import Actor
from payviox.approvals.service import WaitingAct
from payviox.audit import service as audit
from payviox.bank import files, holds, matching, second_person, unclear
from payviox.bank.matching import Effect
from payviox.bank.model import BankFile, Import, Payment, Source
from payviox.bank.queries import accounts as accounts_queries
from payviox.bank.queries import files as files_queries
from payviox.bank.queries import imports as queries
from payviox.bank.queries import payments as payments_queries
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, FieldErrors
from payviox.rails.bank import reading, terms
from payviox.rails.bank.model import Report, ReportEntry, Unreadable
from payviox.rails.protocol import Account, Named
from payviox.text import printable
from payviox.withdrawals.sending import callbacks

MOST_BYTES = 50_000_000
"""The largest report that is read."""
MOST_NAME = 200
BANK = "bank"
OF_FILES = ("pain.002", "nacha.returns")
"""Reports that are about files of ours and nothing else."""

list_page = queries.list_page
list_entries = queries.list_entries
list_of_payment = queries.list_of_payment
left_of_statements = queries.left_of_statements
get_import = queries.find
count_effects = queries.count_effects
get_file = files.get


class OfAnother(Conflict):
    """The report is of another account, business or bank; the message says of which."""


class Taken(msgspec.Struct, frozen=True):
    """The reports of a file; `is_repeated` where it was taken before and changed nothing."""

    reports: tuple[Import, ...]
    is_repeated: bool


async def take(
    database: Database,
    account: Account,
    file_name: str,
    content: bytes,
    source: Source,
    actor: Actor,
) -> Taken | WaitingAct:
    """Take a file of the bank's. One that somebody uploads and that gives back more than the
    business's threshold waits until a second person imports the same.

    Raises FieldErrors where it cannot be read, OfAnother, Forbidden, Refused for who imported it
    already and waits, and Conflict for a command that names nobody; then nothing of it counts.
    """
    if len(content) > MOST_BYTES:
        raise FieldErrors({"file": [f"The file is larger than {MOST_BYTES:,} bytes."]})
    try:
        reports = await asyncio.to_thread(reading.read, content)
    except Unreadable as error:
        raise FieldErrors({"file": [f"{error}."]}) from error
    name = _name_of(file_name)
    try:
        return await database.write(_take, account, name, reports, source, actor, keyed=True)
    except second_person.Unsigned as unsigned:
        asked = (actor, reports[0].digest, name, unsigned.amount)
        return await database.write(second_person.ask, account.business_id, *asked, keyed=True)


async def _take(
    connection: Connection,
    account: Account,
    file_name: str,
    reports: Sequence[Report],
    source: Source,
    actor: Actor,
) -> Taken:
    business_id = account.business_id
    await queries.lock(connection, business_id)
    await unclear.lock(connection, business_id)
    before = await queries.find_all(connection, business_id, reports[0].digest)
    if before:
        return Taken(tuple(before), is_repeated=True)
    taken, given_back, digest = [], 0, reports[0].digest
    for number, report in enumerate(reports):
        _check_account(account, report)
        one = _Taking(connection, business_id, file_name, source, actor)
        taken.append(await one.take(report, number))
        given_back += one.given_back
    await second_person.require(connection, business_id, actor, source, digest, given_back)
    about = {
        "file": file_name,
        "sha256": digest,
        "given_back": given_back,
        "entries": sum(each.entries for each in taken),
        "unmatched": sum(each.unmatched for each in taken),
    }
    await audit.record(connection, business_id, actor, "bank_report.import", about)
    return Taken(tuple(taken), is_repeated=False)


def _check_account(account: Account, report: Report) -> None:
    """A statement is of the connected account, or it is not taken. Raises OfAnother."""
    if report.account_number is None:
        return
    chosen = terms.read(account.settings)
    if report.account_number not in chosen.account_numbers:
        raise OfAnother(
            f"This is a statement of the account {report.account or 'of another bank'}, which is"
            " not the one that is connected. Nothing of it was taken."
        )


class _Taking:
    """One report on its way into the books, in the caller's transaction. `given_back` is what its
    payments come to in US cents that are not paid, or not any more."""

    def __init__(
        self,
        connection: Connection,
        business_id: UUID,
        file_name: str,
        source: Source,
        actor: Actor,
    ) -> None:
        self._connection = connection
        self._business_id = business_id
        self._file_name = file_name
        self._source = source
        self._actor = actor
        self.given_back = 0
        self._payments: dict[str, Payment] = {}
        self._files: dict[str, BankFile] = {}
        self._said: set[tuple[str, str, str]] = set()
        self._held_since: datetime | None = None
        self._orders: set[UUID] = set()
        self._changed: dict[str, Payment] = {}
        self._after_all: set[str] = set()
        self._changed_files: set[UUID] = set()

    async def take(self, report: Report, number: int) -> Import:
        """Raises OfAnother where it answers a file that this business never made."""
        fingerprints = matching.fingerprints(report.entries)
        known = await queries.known(self._connection, self._business_id, fingerprints)
        new = [
            (entry, fingerprint)
            for entry, fingerprint in zip(report.entries, fingerprints, strict=True)
            if fingerprint not in known
        ]
        await self._hold([entry for entry, _ in new])
        if report.kind in OF_FILES and report.entries and not known and not self._names_ours(new):
            raise OfAnother(
                "This answers no file and no payment of this business. Nothing of it was taken."
            )
        import_id = ids.new()
        rows = [
            {
                "id": ids.new(),
                "import_id": import_id,
                "fingerprint": fingerprint.hex(),
                **await self._entry(report, entry),
            }
            for entry, fingerprint in new
        ]
        made = Import(
            business_id=self._business_id,
            id=import_id,
            kind=report.kind,
            digest=report.digest,
            number=number,
            message_id=report.message_id,
            file_name=self._file_name,
            source=self._source,
            account=report.account,
            currency=report.currency,
            period_from=report.period_from,
            period_to=report.period_to,
            opening=report.opening,
            closing=report.closing,
            entries=len(report.entries),
            repeated=len(report.entries) - len(new),
            unmatched=sum(row["unmatched"] is not None for row in rows),
            created_by=str(self._actor),
            created_at=datetime.now(UTC),
        )
        await payments_queries.set_statuses(
            self._connection, self._business_id, list(self._changed.values())
        )
        await queries.insert(self._connection, made)
        await queries.insert_entries(self._connection, self._business_id, rows)
        await unclear.open_items(self._connection, made, rows, self._payments)
        for file_id in sorted(self._changed_files):
            await files.follow_payments(self._connection, self._business_id, file_id)
        if self._after_all:  # before another attempt is made, or its operator is told
            named = [Named(reference=each) for each in sorted(self._after_all)]
            await callbacks.heed(self._connection, self._business_id, BANK, named)
        await callbacks.look_soon(self._connection, self._business_id, sorted(self._orders))
        return made

    async def _hold(self, entries: Sequence[ReportEntry]) -> None:
        """Lock every payment and file that is named, and see what was said of them before."""
        self._held_since = await holds.since(self._connection, self._business_id)
        named = sorted({entry.end_to_end_id for entry in entries if entry.end_to_end_id})
        for message_id in sorted({entry.file_id for entry in entries if entry.file_id}):
            file = await files_queries.find_by_message(
                self._connection, self._business_id, message_id
            )
            if file is not None:
                self._files[message_id] = file
        await files_queries.lock_of_payments(self._connection, self._business_id, named)
        self._payments = await payments_queries.lock_named(
            self._connection, self._business_id, named
        )
        for file in self._files.values():
            for payment in await payments_queries.lock_of_file(
                self._connection, self._business_id, file.id
            ):
                self._payments[payment.end_to_end_id] = payment
        self._said = await queries.said(
            self._connection,
            self._business_id,
            [payment.reference for payment in self._payments.values()],
        )

    def _names_ours(self, new: Sequence[tuple[ReportEntry, bytes]]) -> bool:
        return any(
            entry.end_to_end_id in self._payments or entry.file_id in self._files
            for entry, _ in new
        )

    async def _entry(self, report: Report, entry: ReportEntry) -> dict[str, Any]:
        """What an entry does, and its row."""
        row: dict[str, Any] = {
            "status": entry.status,
            "end_to_end_id": entry.end_to_end_id,
            "message_id": entry.file_id,
            "direction": entry.direction,
            "amount": entry.amount,
            "currency": entry.currency,
            "code": entry.reason_code,
            "booked_on": entry.booked_on,
            "entry_ref": entry.entry_ref,
            "evidence": entry.evidence,
            "reference": None,
            "file_id": None,
            "unmatched": None,
        }
        payment = self._payments.get(entry.end_to_end_id or "")
        if payment is not None:
            row["reference"] = payment.reference
            row["file_id"] = payment.file_id
            row["unmatched"] = await self._of_payment(report, entry, payment)
            return row
        file = self._files.get(entry.file_id or "")
        if file is not None and not entry.end_to_end_id:
            row["file_id"] = file.id
            row["unmatched"] = await self._of_file(report, entry, file)
            return row
        # An answer to a file names what was in one, whatever it says of it.
        by_kind = entry.status == "other" and report.kind not in OF_FILES
        row["unmatched"] = "not_ours" if by_kind else "unknown"
        return row

    async def _of_payment(self, report: Report, entry: ReportEntry, payment: Payment) -> str | None:
        if self._is_of_another_file(report, entry, payment):
            return "other_file"
        if payment.status in ("waiting", "in_file"):
            payment = await self._left_after_all(payment)
        alike = (payment.reference, entry.status, report.kind) in self._said
        found = matching.effect(payment, entry, seen_alike=alike)
        if found.unmatched is not None:
            return found.unmatched
        self._said.add((payment.reference, entry.status, report.kind))
        if entry.status == "changed":
            await accounts_queries.mark_changed(
                self._connection,
                self._business_id,
                payment.account_id,
                entry.reason_code or "changed",
            )
        self._apply(payment, found, entry)
        return None

    def _is_of_another_file(self, report: Report, entry: ReportEntry, payment: Payment) -> bool:
        """Whether a file is answered that never left, by our books, while the payment left in
        another one under the same id."""
        file = self._files.get(entry.file_id or "")
        answers = report.kind == "pain.002" and file is not None
        return answers and payment.file_id not in (None, file and file.id)

    async def _of_file(self, report: Report, entry: ReportEntry, file: BankFile) -> str | None:
        """A word on a whole file: accepted or rejected, or booked as one sum. That the bank has one
        that was canceled is for a person: another file pays what was in it."""
        if file.status == "canceled":
            return None if entry.status == "rejected" else "not_released"
        ours = [each for each in self._payments.values() if each.file_id == file.id]
        if any(payment.status == "in_file" for payment in ours):
            ours = [await self._left_after_all(payment) for payment in ours]
        if any(payment.status == "in_file" for payment in ours):
            return "not_released"
        unclear_why = matching.of_whole_file(ours, entry)
        if unclear_why is not None:
            return unclear_why
        open_ones = [each for each in ours if each.status in ("released", "accepted")]
        if entry.status == "booked":
            if entry.direction != "debit" or entry.currency not in (None, file.currency):
                return "amount"
            if entry.amount != sum(payment.amount for payment in open_ones):
                return "twice" if not open_ones else "amount"
        for payment in open_ones:
            alone = msgspec.structs.replace(
                entry, amount=payment.amount if entry.status == "booked" else entry.amount
            )
            self._said.add((payment.reference, entry.status, report.kind))
            found = matching.effect(payment, alone, seen_alike=False)
            self._apply(payment, found, entry)
        return None

    async def _left_after_all(self, payment: Payment) -> Payment:
        """The bank knows a payment whose file somebody began to hand over: it has left, whatever
        came of that by our books, or by a person's word."""
        payment = self._payments[payment.end_to_end_id]
        if payment.status not in ("waiting", "in_file"):
            return payment  # it has left with another one of its file
        if self._held_since is not None:
            # Also one that was made after the restore: an order's attempt has the same id again.
            return await self._left_before_restore(payment)
        if payment.file_id is None:
            return payment
        file = await files_queries.find(
            self._connection, self._business_id, payment.file_id, lock=True
        )
        if file is None or file.status != "approved" or file.way is None:
            return payment
        await files.set_released(self._connection, file)
        for each in await payments_queries.lock_of_file(
            self._connection, self._business_id, file.id
        ):
            self._payments[each.end_to_end_id] = each
        return self._payments[payment.end_to_end_id]

    async def _left_before_restore(self, payment: Payment) -> Payment:
        """The database was restored, and the bank knows a payment that did not leave by our books:
        it has left since the backup, alone or with its file."""
        if payment.file_id is not None:
            file = await files_queries.find(
                self._connection, self._business_id, payment.file_id, lock=True
            )
            if file is not None and file.status in ("draft", "approved"):
                await files.set_released(self._connection, file)
                for each in await payments_queries.lock_of_file(
                    self._connection, self._business_id, file.id
                ):
                    self._payments[each.end_to_end_id] = each
                return self._payments[payment.end_to_end_id]
        released = msgspec.structs.replace(payment, status="released")
        self._change(released)
        return released

    def _apply(self, payment: Payment, found: Effect, entry: ReportEntry) -> None:
        if payment.status == "rejected" and found.status == "booked":
            self._after_all.add(payment.reference)
        if found.status in ("rejected", "returned"):
            self.given_back += payment.cents
        if found.status is not None:
            self._change(matching.applied(payment, found, entry.reason_code, entry.booked_on))

    def _change(self, payment: Payment) -> None:
        """What a payment is from now on; it is written with all others."""
        self._payments[payment.end_to_end_id] = payment
        self._changed[payment.reference] = payment
        self._orders.add(payment.order_id)
        if payment.file_id is not None:
            self._changed_files.add(payment.file_id)


def _name_of(file_name: str) -> str:
    """A file's name as pages show it."""
    name = file_name.replace("\\", "/").rpartition("/")[2][:MOST_NAME]
    try:
        return printable(name) or "report"
    except ValueError:
        return "report"
