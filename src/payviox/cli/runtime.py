"""What every command stands on: settings, the database (the embedded one started or joined, made
and migrated when new) and a function of it, run and committed before the process ends."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psycopg

from payviox import settings as settings_module
from payviox.auth import secret_keys
from payviox.db import schema
from payviox.db.embedded import embedded
from payviox.db.embedded.layout import Layout
from payviox.db.pool import Database
from payviox.errors import PayvioxError, SettingsError
from payviox.keyring import Keyring
from payviox.settings import Settings

T = TypeVar("T")

ACTOR = "cli"
"""Who the history and the audit say did it."""


@dataclass(frozen=True, slots=True)
class Urls:
    """The application's connection and the tables' owner's. Passwords inside: never log them."""

    application: str = field(repr=False)
    owner: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a command's work is given."""

    settings: Settings
    database: Database
    keyring: Keyring


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
            await secret_keys.require_all(connection, _keyring(settings))


def _keyring(settings: Settings) -> Keyring:
    return Keyring(settings.secret_key, settings.previous_secret_keys)


def _reach(url: str, setting: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.Error as error:
        raise SettingsError(
            f"The database that {setting} names cannot be used: {_one_line(error)}"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def existing_settings() -> Settings:
    """The settings of an installation that was begun already. Raises SettingsError where there is
    none, so that a wrong PAYVIOX_HOME is told and not filled with a new, empty installation."""
    home = settings_module.embedded_home()
    if home is not None and not _begun(home):
        raise SettingsError(
            f"There is no installation in {home}. Set PAYVIOX_HOME, or start one with"
            " `payviox serve`."
        )
    return settings_module.load()


def _begun(home: Path) -> bool:
    try:
        return Layout(home).data.exists()
    except PermissionError:
        return True  # another user's: what opens it says so


def run(work: Callable[[Runtime], Awaitable[T]], *, may_begin: bool = False) -> T:
    """Run an async function of this installation's database and keys, and answer its result.

    Where there is no installation yet one is made if it `may_begin`, else SettingsError is raised.
    """
    settings = settings_module.load() if may_begin else existing_settings()
    with database_urls(settings) as urls:
        return asyncio.run(with_runtime(settings, urls, work))


async def with_runtime(
    settings: Settings, urls: Urls, work: Callable[[Runtime], Awaitable[T]]
) -> T:
    """Open the application's pool, check the secret keys and run `work`."""
    database = Database(urls.application, size=4, engine_size=1)
    await database.open()
    try:
        keyring = _keyring(settings)
        await database.write(secret_keys.check, keyring)
        return await work(Runtime(settings, database, keyring))
    except psycopg.OperationalError as error:
        raise PayvioxError(f"The database was lost: {_one_line(error)}") from error
    finally:
        await database.close()
