"""Where rails find a business's account, with its credentials opened."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from payviox.db.pool import Database
from payviox.errors import SettingsError
from payviox.event_log import EventLogger
from payviox.keyring import DecryptionFailed, Keyring
from payviox.rail_accounts.model import RailAccount
from payviox.rail_accounts.queries import accounts as queries
from payviox.rails.protocol import Account

logger = EventLogger(__name__)

_Key = tuple[UUID, str]
_Read = tuple[RailAccount | None, Account | None]
"""What is stored, and the account where its credentials can be read."""


class Directory:
    """Implements payviox.rails.protocol.Accounts.

    Nothing is kept between two calls: an account that was disabled, limited or replaced is so from
    the next call on, in every process, and an order is never looked up at one account after it was
    sent by another that was remembered. Who asks while an account is being read shares the next
    read, which begins after all of them asked.
    """

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._running: dict[_Key, asyncio.Task[_Read]] = {}
        self._next: dict[_Key, asyncio.Task[_Read]] = {}
        """Reads that have not begun."""

    async def find(self, business_id: UUID, rail: str) -> Account | None:
        """The account, enabled or not. One whose credentials cannot be read counts as not
        connected, and is logged."""
        _, account = await self._shared(business_id, rail)
        return account

    async def find_to_route(self, business_id: UUID, rail: str) -> Account | None:
        """The account; where its credentials cannot be read, without them and disabled, so that the
        sandbox does not take its place."""
        stored, account = await self._shared(business_id, rail)
        if stored is None or account is not None:
            return account
        return replace(_account(stored, {}), enabled=False)

    async def _shared(self, business_id: UUID, rail: str) -> _Read:
        key = (business_id, rail)
        reading = self._next.get(key)
        if reading is None:
            reading = asyncio.create_task(self._read(key, self._running.get(key)))
            self._next[key] = reading
        return await asyncio.shield(reading)  # one that gives up leaves it to the others

    async def _read(self, key: _Key, before: asyncio.Task[_Read] | None) -> _Read:
        if before is not None:
            await asyncio.wait([before])
        self._running[key] = self._next.pop(key)
        try:
            stored = await self._database.fetch(queries.find, *key)
            return stored, None if stored is None else self._opened(stored)
        finally:
            if key not in self._next:
                del self._running[key]

    def _opened(self, stored: RailAccount) -> Account | None:
        try:
            return opened(stored, self._keyring)
        except (DecryptionFailed, SettingsError) as error:
            logger.error(  # noqa: TRY400  # the trace says no more
                "rail account cannot be opened",
                business=str(stored.business_id),
                rail=stored.rail,
                problem=str(error),
            )
            return None


def opened(stored: RailAccount, keyring: Keyring) -> Account:
    """The account with its credentials. Raises DecryptionFailed where they were changed or moved,
    SettingsError where their key is not configured."""
    return _account(stored, _opened(stored, keyring))


def _account(stored: RailAccount, credentials: Mapping[str, str]) -> Account:
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
        credentials,
    )


def credentials_of(stored: RailAccount, keyring: Keyring) -> dict[str, str]:
    """The credentials; none where they cannot be read."""
    try:
        return _opened(stored, keyring)
    except (DecryptionFailed, SettingsError):
        return {}


def _opened(stored: RailAccount, keyring: Keyring) -> dict[str, str]:
    credentials: dict[str, str] = json.loads(
        keyring.decrypt(stored.credentials, stored.key_id, stored.place)
    )
    return credentials
