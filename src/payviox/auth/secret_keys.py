"""Which secret keys a database was written with. A process that lacks one of them must not start:
it could neither read what the key encrypted nor repeat the hashes that it made."""

import msgspec

from payviox.auth.queries import credentials as queries
from payviox.db.pool import Connection
from payviox.errors import SettingsError
from payviox.keyring import Keyring, flaw
from payviox.settings import HOW_TO_MAKE_A_KEY


class Left(msgspec.Struct, frozen=True):
    """A previous key that is still needed, and how many payout users' hashes come from it."""

    key_id: str
    payout_users: int


async def check(connection: Connection, keyring: Keyring) -> None:
    """Refuse a keyring that lacks a key of this database, and write down its current key.

    Raises SettingsError, which says what to do.
    """
    if keyring.current.id not in await require_all(connection, keyring):
        await queries.remember_secret_key(connection, keyring.current.id)


async def require_all(connection: Connection, keyring: Keyring) -> set[str]:
    """The keys that this database was written with. Raises SettingsError where one is lacking, and
    where a key that it does not know yet should not be taken into use."""
    known = set(await queries.known_secret_keys(connection))
    missing = sorted(known - keyring.ids)
    if missing and keyring.current.id in known:
        users = sum([await queries.count_users_of_key(connection, key) for key in missing])
        keys = f"key{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        raise SettingsError(
            f"The previous secret {keys} is still needed: the hashes of {users:,} payout users "
            "come from it, and what was not re-encrypted yet. Keep it in "
            "PAYVIOX_PREVIOUS_SECRET_KEYS until `payviox secrets rotate` says that it may go."
        )
    if missing:
        raise SettingsError(
            f"This database was written with the secret key{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}, and the configured one is {keyring.current.id}. Set "
            "PAYVIOX_SECRET_KEY to the key that was used before; to change it, set the new one "
            "there and the old one in PAYVIOX_PREVIOUS_SECRET_KEYS, then run `payviox secrets "
            "rotate`."
        )
    if keyring.current.id not in known:
        require_sound(keyring)
    return known


def require_sound(keyring: Keyring) -> None:
    """Refuse a new secret key that would not be the same wherever it is written. One that a
    database was written with before goes on. Raises SettingsError."""
    problem = flaw(keyring.current.secret)
    if problem is not None:
        raise SettingsError(
            f"The secret key {problem}, and could not be rotated later. Nothing was written with"
            f" it yet: set another one. {HOW_TO_MAKE_A_KEY}"
        )


async def forget_unused(connection: Connection, keyring: Keyring) -> list[Left]:
    """Forget the previous keys that no row names any more; answers those that some still do."""
    await queries.forget_secret_keys(connection, keyring.current.id)
    known = await queries.known_secret_keys(connection)
    previous = sorted(set(known) - {keyring.current.id})
    return [Left(key, await queries.count_users_of_key(connection, key)) for key in previous]
