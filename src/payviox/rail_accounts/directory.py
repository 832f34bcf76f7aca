"""Where rails find a business's account, with its credentials opened."""

import json
from uuid import UUID

import structlog

from payviox.auth.keyring import DecryptionFailed, Keyring
from payviox.db.pool import Database
from payviox.errors import SettingsError
from payviox.rail_accounts import queries
from payviox.rail_accounts.model import RailAccount
from payviox.rails.base import Account

logger = structlog.get_logger(__name__)


class Directory:
    """Implements payviox.rails.base.Accounts.

    Nothing is kept between two calls: an account that was disabled, limited or replaced is so from
    the next call on, in every process, and an order is never looked up at one account after it was
    sent by another that was remembered. A read by primary key costs less than any call to a rail.
    """

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def find(self, business_id: UUID, rail: str) -> Account | None:
        """The account, enabled or not. One whose credentials cannot be read counts as not
        connected, and is logged."""
        stored = await self._database.fetch(
            lambda connection: queries.find(connection, business_id, rail)
        )
        if stored is None:
            return None
        try:
            return opened(stored, self._keyring)
        except (DecryptionFailed, SettingsError) as error:
            logger.error("rail account cannot be opened", rail=rail, problem=str(error))  # noqa: TRY400  # the trace says no more
            return None


def opened(stored: RailAccount, keyring: Keyring) -> Account:
    """The account with its credentials. Raises DecryptionFailed where they were changed or moved,
    SettingsError where their key is not configured."""
    return Account(
        stored.business_id,
        stored.rail,
        stored.environment,
        stored.enabled,
        stored.min_amount,
        stored.max_amount,
        stored.low_float,
        stored.fees,
        stored.settings,
        _opened(stored, keyring),
    )


def credentials_of(stored: RailAccount, keyring: Keyring) -> dict[str, str]:
    """The credentials; none where they cannot be read."""
    try:
        return _opened(stored, keyring)
    except (DecryptionFailed, SettingsError):
        return {}


def _opened(stored: RailAccount, keyring: Keyring) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        keyring.decrypt(stored.credentials, stored.key_id, stored.place)
    )
    return found
