"""Bank accounts as payout users name them. The whole number stands in one table, encrypted, and is
opened for a file alone; orders, quotes and saved destinations hold what `shown` answers."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from payviox import ids
from payviox.bank import naming
from payviox.bank.model import BankAccount, SealedAccount
from payviox.bank.naming import Named
from payviox.bank.queries import accounts as queries
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring, ServerKey
from payviox.rails.bank.iban import normalized
from payviox.rails.bank.model import Iban
from payviox.rails.orders import Invalid
from payviox.rails.protocol import Accounts as Connected

MOST = 50
"""Bank accounts of one payout user that are known at once."""
KEPT_DAYS = 30
"""An account that no order and no saved destination names is forgotten so long after it was last
named."""
FIELD = "bank.account"
RAIL = "bank"
OWN = "may not be the paying account itself"


class Accounts:
    """Remembers the accounts that payout users name (`rails.protocol.KeepsDestinations`)."""

    def __init__(
        self, database: Database, keyring: Keyring, connected: Connected | None = None
    ) -> None:
        """`connected` knows the business's own account, which is nobody's payee."""
        self._database = database
        self._keyring = keyring
        self._connected = connected

    async def keep(
        self, business_id: UUID, user_id: UUID, destination: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The destination as orders hold it. One that names a known account, as a saved destination
        does, must be the payout user's own. Raises Invalid."""
        if "account" in destination:
            known = ids.parse(ids.BANK_ACCOUNT, str(destination["account"]))
            account = None
            if known is not None:
                account = await self._database.fetch(queries.find, business_id, known)
            if account is None or account.payout_user_id != user_id:
                raise Invalid({FIELD: [f"The {FIELD} is not known."]})
            return shown(account)
        if set(destination) <= {"scheme"}:  # a quote's, before anybody has named an account
            return dict(destination)
        named = naming.read(destination)
        await self._require_another(business_id, named)
        return shown(
            await self._database.write(
                remember, self._keyring, business_id, user_id, named, keyed=True
            )
        )

    async def _require_another(self, business_id: UUID, named: Named) -> None:
        """Raises Invalid for the paying account itself, which no file can name as the payee's."""
        if self._connected is None or not isinstance(named.account, Iban):
            return
        own = await self._connected.find_to_route(business_id, RAIL)
        if own is not None and named.account.number == normalized(own.settings.get("iban") or ""):
            raise Invalid({"bank.iban": [f"The bank.iban {OWN}."]})


async def remember(
    connection: Connection, keyring: Keyring, business_id: UUID, user_id: UUID, named: Named
) -> BankAccount:
    """The payout user's account that is named just so, made where there was none. Raises Invalid
    where they have named too many."""
    keys = [keyring.current, *_others(keyring)]
    numbers = [_number_digest(key, business_id, named) for key in keys]
    await queries.lock_number(connection, business_id, numbers[0])
    fingerprints = [_fingerprint(key, business_id, named) for key in keys]
    known = await queries.see_again(connection, business_id, user_id, fingerprints)
    if known is not None:
        return known
    if await queries.count_of_user(connection, business_id, user_id) >= MOST:
        raise Invalid({"bank": ["Too many bank accounts were named. Use one of those."]})
    account_id = ids.new()
    payee = await queries.find_payee(connection, business_id, numbers)
    bare = SealedAccount(
        business_id,
        account_id,
        user_id,
        named.scheme,
        named.country,
        named.name,
        named.masked,
        b"",
        keyring.current.id,
    )
    await queries.insert(
        connection,
        _sealed(keyring, bare, named),
        payee=payee or ids.new(),
        number_digest=numbers[0],
        fingerprint=fingerprints[0],
    )
    account = await queries.find(connection, business_id, account_id)
    assert account is not None  # noqa: S101  # it was just made
    return account


def shown(account: BankAccount) -> dict[str, Any]:
    """What orders hold of an account, and everybody may see."""
    return {
        "account": ids.show(ids.BANK_ACCOUNT, account.id),
        "payee": str(account.payee),
        "scheme": account.scheme,
        "country": account.country,
        "name": account.name,
        "masked": account.masked,
    }


def account_in(destination: Mapping[str, Any]) -> UUID | None:
    """The account that a destination names."""
    return ids.parse(ids.BANK_ACCOUNT, str(destination.get("account", "")))


async def open_all(
    connection: Connection, keyring: Keyring, business_id: UUID, account_ids: Sequence[UUID]
) -> dict[UUID, Named]:
    """These accounts with their numbers: for the file that is written now, and for nothing else.

    Raises SettingsError where a key is not configured, DecryptionFailed where a row was changed.
    """
    rows = await queries.list_sealed(connection, business_id, account_ids)
    return {row.id: _opened(keyring, row) for row in rows}


async def forget_unused(connection: Connection, business_id: UUID, limit: int) -> int:
    """Forget accounts that nothing came of; answers how many."""
    return await queries.delete_unused(connection, business_id, KEPT_DAYS, limit)


async def reencrypt(connection: Connection, keyring: Keyring, limit: int = 100) -> int:
    """Bring up to `limit` accounts under the current key; answers how many. Called until it answers
    0, each time in a transaction of its own. Raises as `open_all` does."""
    others = await queries.list_other_keys(connection, keyring.current.id, limit)
    for business_id, account_id in others:
        row = await queries.lock_sealed(connection, business_id, account_id)
        if row is None:  # forgotten meanwhile
            continue
        named = _opened(keyring, row)
        await queries.replace_sealed(
            connection,
            _sealed(keyring, row, named),
            number_digest=_number_digest(keyring.current, row.business_id, named),
            fingerprint=_fingerprint(keyring.current, row.business_id, named),
        )
    return len(others)


def _sealed(keyring: Keyring, row: SealedAccount, named: Named) -> SealedAccount:
    return msgspec.structs.replace(
        row,
        sealed=keyring.encrypt(msgspec.json.encode(named), row.place),
        key_id=keyring.current.id,
    )


def _opened(keyring: Keyring, row: SealedAccount) -> Named:
    return msgspec.json.decode(keyring.decrypt(row.sealed, row.key_id, row.place), type=Named)


def _others(keyring: Keyring) -> list[ServerKey]:
    return [keyring.get(each) for each in sorted(keyring.ids) if each != keyring.current.id]


def _number_digest(key: ServerKey, business_id: UUID, named: Named) -> bytes:
    return _digest(key, business_id, [named.scheme, *named.number])


def _fingerprint(key: ServerKey, business_id: UUID, named: Named) -> bytes:
    return _digest(key, business_id, named)


def _digest(key: ServerKey, business_id: UUID, value: object) -> bytes:
    said = msgspec.json.encode(["bank account", business_id, value])
    return hmac.digest(key.fingerprint_key, said, "sha256")
