"""What web, worker and commands stand on: settings, the database within reach and at this version's
schema (the embedded one started or joined), the secret keys, and the rails of both."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import psycopg

from payviox.auth import secret_keys
from payviox.db import schema
from payviox.db.embedded import embedded
from payviox.db.pool import Database
from payviox.errors import PayvioxError, SettingsError
from payviox.keyring import Keyring
from payviox.settings import Settings
from payviox.withdrawals.routing import Rails


@dataclass(frozen=True, slots=True)
class Urls:
    """The application's connection and the tables' owner's. Passwords inside: never log them."""

    application: str = field(repr=False)
    owner: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Installation:
    """One process's way to everything that is installed."""

    settings: Settings
    database: Database
    keyring: Keyring

    @asynccontextmanager
    async def rails(self) -> AsyncIterator[Rails]:
        """The rails of this installation, closed at the end of the block."""
        from payviox import wiring  # noqa: PLC0415  # every vendor's libraries: seconds, rarely needed

        rails = wiring.rails(self.database, self.keyring)
        try:
            yield rails
        finally:
            await rails.close()


@asynccontextmanager
async def open_installation(
    settings: Settings,
    url: str,
    *,
    size: int = 12,
    engine_size: int = 8,
    read_limit_s: float | None = None,
) -> AsyncIterator[Installation]:
    """Connect as the application and check the secret keys; closed at the end of the block.

    `url` is the application's, as `database_urls` answers it; what follows is `Database`'s.
    Raises SettingsError where a key of this database is not configured.
    """
    database = Database(url, size=size, engine_size=engine_size, read_limit_s=read_limit_s)
    keyring = keyring_of(settings)
    try:
        try:
            await database.open()
            await database.write(secret_keys.check, keyring)
        except psycopg.OperationalError as error:
            raise PayvioxError(f"The database was lost: {one_line(error)}") from error
        yield Installation(settings, database, keyring)
    finally:
        await database.close()


def keyring_of(settings: Settings) -> Keyring:
    """The configured secret keys, the current one and the previous ones."""
    return Keyring(settings.secret_key, settings.previous_secret_keys)


@contextmanager
def database_urls(settings: Settings, *, migrating: bool = False) -> Iterator[Urls]:
    """The database of this installation, reachable and at this version's schema within the block.

    An embedded one is started or joined, and migrated by itself. An external one is migrated only
    if `migrating`. Raises EmbeddedError, SettingsError or SchemaUnknown, which say what to do.
    """
    if settings.database_url is None:
        with embedded(settings.home) as cluster:
            urls = Urls(cluster.application_url, cluster.owner_url)
            if schema.current(urls.application) != schema.newest():
                from payviox.db import migrate  # noqa: PLC0415  # heavy, and rarely needed

                migrate.migrate(urls.owner, urls.application)
            yield urls
        return
    from payviox.db import migrate  # noqa: PLC0415  # heavy, and of no use above

    urls = _external(settings, settings.database_url)
    if migrating:
        migrate.migrate(urls.owner, urls.application)
    migrate.check_schema(urls.application)
    migrate.check_role(urls.application)
    yield urls


def _external(settings: Settings, database_url: str) -> Urls:
    from payviox.db import migrate  # noqa: PLC0415  # as above

    _reach(database_url, "PAYVIOX_DATABASE_URL")
    if settings.migration_url not in (None, database_url):
        _reach(settings.migration_url, "PAYVIOX_MIGRATION_URL")
        return Urls(database_url, settings.migration_url)
    # Before a login is made from the key: a wrong key must not lock out whoever has the right one.
    asyncio.run(_check_keys(settings, database_url))
    application_url = migrate.application_url(
        database_url, settings.secret_key, settings.previous_secret_keys
    )
    return Urls(application_url, database_url)


async def _check_keys(settings: Settings, url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        with contextlib.suppress(
            psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege
        ):
            await secret_keys.require_all(connection, keyring_of(settings))


def _reach(url: str, setting: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.Error as error:
        raise SettingsError(
            f"The database that {setting} names cannot be used: {one_line(error)}"
        ) from error


def one_line(error: Exception) -> str:
    """An error's message on one line."""
    return " ".join(str(error).split())
