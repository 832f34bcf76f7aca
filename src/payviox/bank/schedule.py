"""What the worker does for banks by the clock: it cuts files at their times, goes on with what
somebody began to hand over, and fetches reports."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from payviox.actors import WORKER
from payviox.bank import cutting, imports
from payviox.bank.model import Scheme, Source
from payviox.bank.queries import files as queries
from payviox.bank.queries import imports as imports_queries
from payviox.bank.releasing import handing_over
from payviox.bank.releasing.target import Networks, TransferError
from payviox.db.pool import Database
from payviox.errors import FieldErrors, PayvioxError
from payviox.event_log import EventLogger
from payviox.keyring import Keyring
from payviox.rails.bank import calendars, terms
from payviox.rails.bank.settings import SCHEMES
from payviox.rails.protocol import Account

logger = EventLogger(__name__)

LATE = timedelta(minutes=30)
"""How late a file may be cut whose time has come; a worker that was away for longer leaves it to
the next time, or to a person."""
MOST_REPORTS = 50
"""Reports fetched in one turn; what is more comes with the next."""
AGAIN_S = 6 * 3600.0
"""What is no report, such as a PDF, is fetched again so much later, and not in each turn: else it
would keep those from being fetched that lie behind it."""

_refused: dict[tuple[UUID, str, int], float] = {}
"""Until when this process leaves a file of so many bytes where it is."""


def is_due(account: Account, scheme: Scheme, now: datetime) -> datetime | None:
    """Since when a file of this scheme should have been cut, None where it is not time: on banking
    days alone, at the business's times where the scheme's banks are."""
    chosen = terms.read(account.settings)
    local = now.astimezone(calendars.ZONES[scheme])
    if scheme not in chosen.schemes or not calendars.is_banking_day(scheme, local.date()):
        return None
    times = [
        datetime.combine(local.date(), each, calendars.ZONES[scheme]) for each in chosen.cut_at
    ]
    due = [each for each in times if timedelta(0) <= now - each < LATE]
    return max(due, default=None)


async def cut_due(
    database: Database, keyring: Keyring, account: Account, now: datetime | None = None
) -> None:
    """Cut the files whose time has come, each once; by the database's clock, which dates them."""
    now = await database.fetch(queries.now) if now is None else now
    for scheme in SCHEMES:
        since = is_due(account, scheme, now)
        if since is None or await database.fetch(
            queries.was_cut_since, account.business_id, scheme, since
        ):
            continue
        made = await cutting.cut(database, keyring, account, scheme, WORKER)
        if made.file is not None:
            logger.info("a bank file was cut", file=made.file.name, payments=made.file.payments)


async def list_stuck(database: Database) -> list[tuple[UUID, UUID]]:
    """Files whose handing over somebody began and did not end."""
    return await database.fetch(queries.list_stuck)


async def go_on(
    database: Database,
    keyring: Keyring,
    account: Account,
    folder: Path | None,
    file_id: UUID,
    *,
    networks: Networks = (),
) -> None:
    """Go on with a file that somebody began to hand over."""
    _, target = handing_over.target_of(account, folder, networks=networks)
    await handing_over.resume(database, keyring, target, account.business_id, file_id)


async def fetch_reports(
    database: Database, account: Account, folder: Path | None, *, networks: Networks = ()
) -> None:
    """Take the reports that the bank has put where it puts them. One that cannot be read is logged
    and left there."""
    place = handing_over.reports_of(account, folder, networks=networks)
    if place is None:
        return
    source: Source = "sftp" if terms.read(account.settings).sftp is not None else "folder"
    try:
        listed = await place.list_files()
    except TransferError as error:
        logger.warning("reports cannot be listed", problem=str(error))
        return
    taken = 0
    for each in listed:
        if taken >= MOST_REPORTS:
            return
        name = (account.business_id, each.name, each.size)
        if _refused.get(name, 0.0) > time.monotonic():
            continue
        if await database.fetch(imports_queries.has_file_named, account.business_id, each.name):
            continue
        taken += 1
        try:
            content = await place.get(each.name, imports.MOST_BYTES)
            await imports.take(database, account, each.name, content, source, WORKER)
        except (TransferError, PayvioxError) as error:
            if isinstance(error, FieldErrors | imports.OfAnother):
                _refused[name] = time.monotonic() + AGAIN_S
            problem = str(error.fields) if isinstance(error, FieldErrors) else str(error)
            logger.warning("a report was not taken", file=each.name, problem=problem)
