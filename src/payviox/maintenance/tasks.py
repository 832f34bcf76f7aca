"""What the worker does by the clock, whichever worker's turn it is: expiry, the ledger's audit,
tidying. Every task may be interrupted and run again.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID
from weakref import WeakKeyDictionary

from payviox import ids
from payviox.access import password_resets
from payviox.allocations.service import forget_old_groups
from payviox.allocations.uploads import service as uploads
from payviox.api_requests import service as api_requests
from payviox.audit import service as audit
from payviox.auth import redemption, sessions
from payviox.bank import accounts as bank_accounts
from payviox.businesses import service as businesses
from payviox.db import clock, jobs
from payviox.db.pool import Connection, Database
from payviox.destinations.automatic import withdraw_due
from payviox.giftcards import file_imports
from payviox.keyring import Keyring
from payviox.ledger import daily_flows, seals
from payviox.ledger.verify import Report
from payviox.mails import outbox
from payviox.maintenance import attention_mails, fetched_rates, ledger_audit
from payviox.money import dollars
from payviox.monitoring import archive
from payviox.monitoring.archive import FolderWatch
from payviox.rail_accounts import callbacks
from payviox.rail_accounts import service as rail_accounts
from payviox.rails.protocol import KeepsCatalogue, RailError
from payviox.reconciliation import service as reconciliation
from payviox.settings import Settings
from payviox.unclaimed import ageing, expiry, reminders
from payviox.webhooks import forgetting
from payviox.withdrawals import codes, quotes
from payviox.withdrawals.routing import Rails

logger = logging.getLogger(__name__)


async def expire(database: Database) -> None:
    """Take back unspent allocations that have outlived their business's rule."""
    if not await _clocks_agree(database):
        return
    cents = await expiry.expire_balances(database)
    if cents:
        logger.info("unspent balances expired: %s", dollars(cents))


async def look_over_unclaimed(database: Database) -> None:
    """See how old unspent money is, announce what will expire, and remind people of the rest."""
    if not await _clocks_agree(database):
        return
    await expiry.delete_void(database)
    for business in await database.fetch(businesses.list_all):
        await ageing.look_over(database, business.id)
        await expiry.announce(database, business.id)
        await reminders.remind(database, business.id)


async def _clocks_agree(database: Database) -> bool:
    """Nothing expires while this host and the database disagree about the time: one of them is
    wrong, and nobody knows which."""
    ahead_s = await database.fetch(clock.ahead_s)
    if abs(ahead_s) <= clock.MOST_S:
        return True
    logger.error(
        "clock.differs: this host is %+.0f s from the database; nothing expires meanwhile",
        ahead_s,
    )
    return False


AT_ONCE = 5_000
"""The most rows that are deleted in one transaction, so that nobody waits for them."""

TELL_AGAIN = timedelta(hours=6)
"""How long a broken seal that was told of is not told of again; `audit_ledger` runs as often."""

QUOTES_SINCE = timedelta(days=30)
"""How old quotes are that are looked at: a worker that was away for longer leaves some."""


async def tidy(database: Database, settings: Settings) -> None:
    """Forget what nobody needs any more, in small steps. What is kept for how long, and what for
    good, is a table in docs/operating.md."""
    await _in_steps(database, forget_old_groups)
    await _in_steps(database, callbacks.forget_old, settings.keep_callbacks_days)
    await _in_steps(database, outbox.forget_old, settings.keep_mails_days)
    await database.write(jobs.forget_lost)
    await database.write(sessions.delete_ended)
    await database.write(redemption.delete_ended)
    await database.write(codes.forget_devices)
    await database.write(uploads.delete_unconfirmed)
    await database.write(file_imports.forget_old)
    await database.write(password_resets.delete_expired)
    since = ids.first_at(datetime.now(UTC) - QUOTES_SINCE)
    attempts_days = settings.keep_delivery_attempts_days
    reports_days = settings.keep_reconciliations_days
    for business in await database.fetch(businesses.list_all):
        await api_requests.forget_old(database, business.id, settings.keep_requests_days)
        await _in_steps(database, quotes.forget_unused, business.id, since)
        await _in_steps(database, bank_accounts.forget_unused, business.id)
        await _in_steps(database, forgetting.forget_old_attempts, business.id, attempts_days)
        await _in_steps(database, reconciliation.forget_old, business.id, reports_days)


async def _in_steps(
    database: Database, delete: Callable[..., Awaitable[int]], *arguments: object
) -> None:
    """Delete until nothing is left that is to be deleted."""
    while await database.write(lambda db: delete(db, *arguments, AT_ONCE)) >= AT_ONCE:
        pass


async def seal_ledger(database: Database, keyring: Keyring) -> None:
    """Seal what was committed since the last time. A business whose newest seal is none that this
    installation made is not sealed; its audit says so, again every few hours."""
    made = await seals.make_all(database, keyring)
    for business_id, why in made.refused.items():
        name = ids.show(ids.BUSINESS, business_id)
        logger.error("the ledger is broken: business %s is not sealed any more: %s", name, why)
        await database.write(_tell_of_seal, business_id)


async def _tell_of_seal(connection: Connection, business_id: UUID) -> None:
    told = await audit.list_page(connection, business_id, act="ledger.broken", limit=1)
    if any("seal" in e.detail and e.created_at > datetime.now(UTC) - TELL_AGAIN for e in told):
        return
    await audit.alert(connection, business_id, "ledger.broken", {"seal": 1})


async def audit_ledger(database: Database, keyring: Keyring) -> None:
    """Check every invariant of the ledger, and whether it was sealed. What is broken is logged as
    an error and written into its business's audit entries; nothing is mended."""
    async with database.read() as connection:
        report = await ledger_audit.verify(connection, keyring)
    for problem in report.problems:
        logger.error(
            "the ledger is broken: %s (business %s, account %s, transfer %s, order %s)",
            problem.message,
            problem.business_id,
            problem.account_id,
            problem.transfer_id,
            problem.order_id,
        )
    if report.ok:
        logger.info(
            "ledger audited: %d transfers of %d businesses, all is well",
            report.transfers,
            report.businesses,
        )
    else:
        await database.write(_write_down, report)
    await database.write(_tell_what_is_not_sealed)


async def _tell_what_is_not_sealed(connection: Connection) -> None:
    for business in await businesses.list_all(connection):
        try:
            behind = await seals.is_behind(connection, business.id)
        except seals.NotASeal:
            continue  # the audit has named it
        if behind:
            logger.error("transfers of business %s are not sealed since an hour", business.id)
            await audit.alert(connection, business.id, "ledger.not_sealed", {})


_watches: WeakKeyDictionary[Database, FolderWatch] = WeakKeyDictionary()


async def watch_archive(database: Database, settings: Settings) -> None:
    """Say so where what is committed is not archived though it should be, or its backups are not
    well. A folder that does not answer is looked at once, however often this runs."""
    watch = _watches.setdefault(database, FolderWatch())
    place = None
    if settings.embedded:
        place = await watch.place(settings.home, archive.COMMAND_WAITS_S)
    wrong = archive.complaint(await database.fetch(archive.state), place)
    if wrong is not None:
        logger.error("backup: %s", wrong)


async def _write_down(connection: Connection, report: Report) -> None:
    known = {business.id for business in await businesses.list_all(connection)}
    broken: dict[UUID | None, Counter[str]] = defaultdict(Counter)
    for problem in report.problems:
        broken[problem.business_id][problem.kind] += 1
    for business_id in known:
        # What is no single business's is told to all.
        if kinds := broken[business_id] + broken[None]:
            await audit.alert(connection, business_id, "ledger.broken", dict(kinds))


async def refresh_catalogues(database: Database, rails: Rails) -> None:
    """Fetch anew what connected rails sell. Where one cannot say so now, what it sold before
    stays on offer."""
    for business in await database.fetch(businesses.list_all):
        await _refresh_catalogues_of(database, rails, business.id)


async def _refresh_catalogues_of(database: Database, rails: Rails, business_id: UUID) -> None:
    for account in await database.fetch(rail_accounts.list_all, business_id):
        rail: object = rails.find(account.rail)
        if not account.enabled or not isinstance(rail, KeepsCatalogue):
            continue
        try:
            await rail.refresh(business_id)
        except RailError as error:
            logger.warning(
                "the catalogue of %s for business %s stays as it was: %s",
                account.rail,
                business_id,
                error,
            )


async def reconcile(database: Database, rails: Rails) -> None:
    """Compare every business's books with its rails', and tell of what stays unexplained."""
    every = [business.id for business in await database.fetch(businesses.list_all)]
    troubled = await reconciliation.reconcile_all(database, rails, every)
    logger.info("%d businesses reconciled, %d of them not in order", len(every), troubled)


SCHEDULE: dict[str, tuple[str, Callable[[Database], Awaitable[object]]]] = {
    "expire_balances": ("*/10 * * * *", expire),
    "look_over_unclaimed": ("23 * * * *", look_over_unclaimed),
    "begin_unclaimed": ("* * * * *", ageing.begin),
    "tell_operators": ("* * * * *", attention_mails.tell_operators),
    "sum_daily_flows": ("* * * * *", daily_flows.sum_all),
}
"""Each task's cron line (UTC) and what it does."""

SETTINGS_SCHEDULE: dict[str, tuple[str, Callable[[Database, Settings], Awaitable[object]]]] = {
    "tidy": ("5 * * * *", tidy),
    "watch_archive": ("*/5 * * * *", watch_archive),
    "fetch_rates": ("*/15 * * * *", fetched_rates.fetch),
}
"""The same, for what the installation's settings say more of."""

KEYS_SCHEDULE: dict[str, tuple[str, Callable[[Database, Keyring], Awaitable[object]]]] = {
    "seal_ledger": ("*/5 * * * *", seal_ledger),
    "audit_ledger": ("17 */6 * * *", audit_ledger),
}
"""The same, for what needs the secret keys."""

RAILS_SCHEDULE: dict[str, tuple[str, Callable[[Database, Rails], Awaitable[object]]]] = {
    "withdraw_automatically": ("* * * * *", withdraw_due),
    "refresh_catalogues": ("41 * * * *", refresh_catalogues),
    "reconcile": ("53 */6 * * *", reconcile),
}
"""The same, for what asks the rails."""
