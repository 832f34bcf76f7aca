"""What the worker does for businesses' banks by the clock. One's trouble is not another's."""

import logging
from collections.abc import AsyncIterator
from uuid import UUID

from payviox.bank import schedule
from payviox.businesses import service as businesses
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.rails.protocol import Account
from payviox.settings import Settings
from payviox.withdrawals.routing import Rails

logger = logging.getLogger(__name__)

BANK = "bank"


async def see_to_files(
    database: Database, keyring: Keyring, rails: Rails, settings: Settings
) -> None:
    """Cut files whose time has come, and go on with what somebody began to hand over."""
    async for account in _accounts(database, rails):
        try:
            await schedule.cut_due(database, keyring, account)
        except Exception:
            logger.exception("no file could be cut for business %s", account.business_id)
    for business_id, file_id in await schedule.list_stuck(database):
        try:
            await _go_on(database, keyring, rails, settings, business_id, file_id)
        except Exception:
            logger.exception("the file %s could not be handed over", file_id)


async def fetch_reports(database: Database, rails: Rails, settings: Settings) -> None:
    """Take what banks have put into their folders."""
    async for account in _accounts(database, rails):
        try:
            await schedule.fetch_reports(
                database,
                account,
                settings.bank_folder,
                networks=settings.sftp_networks,
            )
        except Exception:
            logger.exception("no reports could be fetched for business %s", account.business_id)


async def _go_on(
    database: Database,
    keyring: Keyring,
    rails: Rails,
    settings: Settings,
    business_id: UUID,
    file_id: UUID,
) -> None:
    account = await rails.account(business_id, BANK)
    if account is not None:
        await schedule.go_on(
            database,
            keyring,
            account,
            settings.bank_folder,
            file_id,
            networks=settings.sftp_networks,
        )


async def _accounts(database: Database, rails: Rails) -> AsyncIterator[Account]:
    """The bank accounts that are switched on."""
    for business in await database.fetch(businesses.list_all):
        account = await rails.account(business.id, BANK)
        if account is not None and account.enabled:
            yield account
