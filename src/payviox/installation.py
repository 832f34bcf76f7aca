"""What web, worker and commands stand on: settings, the database within reach and at this version's
schema (the embedded one started or joined), the secret keys, and the rails of both."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payviox.auth import secret_keys
from payviox.db import login, origin, schema, session
from payviox.db.embedded import backup, embedded
from payviox.db.embedded.layout import Layout
from payviox.db.pool import Database
from payviox.db.role import check_role
from payviox.errors import PayvioxError, SchemaUnknown, SettingsError
from payviox.giftcards import restores
from payviox.keyring import Keyring
from payviox.settings import Settings

if TYPE_CHECKING:
    from payviox.withdrawals.routing import Rails

logger = logging.getLogger(__name__)

RESTORED = (
    "This database was restored from a backup, or copied: gift cards are held until somebody says"
    " which of them left since. See `payviox database after-restore`."
)


@dataclass(frozen=True, slots=True)
class Urls:
    """The application's connection and the tables' owner's. Passwords inside: never log them."""

    application: str = field(repr=False)
    owner: str = field(repr=False)
    backup: Path | None = None
    """What was written before the embedded database was migrated just now."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One process's way to everything that is installed."""

    settings: Settings
    database: Database
    keyring: Keyring

    @asynccontextmanager
    async def rails(self) -> "AsyncIterator[Rails]":
        """The rails of this installation, closed at the end of the block."""
        from payviox import wiring  # noqa: PLC0415  # every vendor's libraries: seconds, rarely needed

        settings = self.settings
        rails = wiring.rails(
            self.database, self.keyring, settings.bank_folder, settings.sftp_networks
        )
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
    readers: int = 6,
    read_limit_s: float | None = None,
    at_least: int = 1,
) -> AsyncIterator[Installation]:
    """Connect as the application and check the secret keys; closed at the end of the block.

    `url` is the application's, as `database_urls` answers it; what follows is `Database`'s.
    Where the database was restored from a backup or copied, all gift cards are held from then on.
    Raises SettingsError where a key of this database is not configured.
    """
    database = Database(
        url,
        size=size,
        engine_size=engine_size,
        readers=readers,
        read_limit_s=read_limit_s,
        at_least=at_least,
    )
    keyring = keyring_of(settings)
    try:
        try:
            await database.open()
            await database.write(secret_keys.check, keyring)
            if await database.write(restores.notice_restore, _folder(settings)):
                logger.warning(RESTORED)
        except psycopg.OperationalError as error:
            raise PayvioxError(f"The database was lost: {one_line(error)}") from error
        yield Installation(settings, database, keyring)
    finally:
        await database.close()


def _folder(settings: Settings) -> str | None:
    return origin.folder_of(Layout(settings.home).data) if settings.embedded else None


def keyring_of(settings: Settings) -> Keyring:
    """The configured secret keys, the current one and the previous ones."""
    return Keyring(settings.secret_key, settings.previous_secret_keys)


@contextmanager
def database_urls(settings: Settings, *, migrating: bool = False) -> Iterator[Urls]:
    """The database of this installation, reachable and at this version's schema within the block.

    An embedded one is started or joined, and made where there is none. Only if `migrating` one of
    an earlier schema is brought to this version's; the embedded one is backed up first. Raises
    EmbeddedError, SettingsError or SchemaUnknown, which say what to do.
    """
    session.forget_environment(embedded=False)
    if settings.database_url is None:
        with embedded(settings.home) as cluster:
            urls = Urls(cluster.application_url, cluster.owner_url)
            made = _bring_up(settings.home, urls, migrating=migrating)
            yield replace(urls, backup=made)
        return
    urls = _external(settings, settings.database_url)
    if migrating:
        from payviox.db import migrate  # noqa: PLC0415  # heavy, and rarely needed

        migrate.migrate(urls.owner, urls.application)
    schema.check(urls.application)
    check_role(urls.application)
    yield urls


def _bring_up(home: Path, urls: Urls, *, migrating: bool) -> Path | None:
    """See to the embedded database's schema; answers the backup where one was migrated."""
    revision = schema.current(urls.owner)
    if revision == schema.newest():
        return None
    from payviox.db import migrate  # noqa: PLC0415  # as above

    made = None
    if revision is not None:
        schema.check_known(revision)
        if not migrating:
            raise SchemaUnknown(
                f"The database in {home} is at schema {revision}, this version needs"
                f" {schema.newest()}. End what still serves it, then run `payviox migrate` or"
                f" `payviox serve`: both write a backup into {home / backup.FOLDER} first, from"
                " which the version before can go on in another PAYVIOX_HOME."
            )
        made = backup.dump_before(urls.owner, home, revision)
    migrate.migrate(urls.owner, urls.application)
    return made


def _external(settings: Settings, database_url: str) -> Urls:
    url = _reach(database_url, "PAYVIOX_DATABASE_URL")
    if settings.migration_url not in (None, database_url):
        return Urls(url, _reach(settings.migration_url, "PAYVIOX_MIGRATION_URL"))
    # Before a login is made from the key: a wrong key must not lock out whoever has the right one.
    asyncio.run(_check_keys(settings, url))
    application_url = login.application_url(url, settings.secret_key, settings.previous_secret_keys)
    return Urls(application_url, url)


async def _check_keys(settings: Settings, url: str) -> None:
    keyring = keyring_of(settings)
    async with await psycopg.AsyncConnection.connect(url, options=session.READ_ALIKE) as connection:
        try:
            await secret_keys.require_all(connection, keyring)
        except psycopg.errors.UndefinedTable:
            secret_keys.require_sound(keyring)
        except psycopg.errors.InsufficientPrivilege:
            pass  # a role that may not read: the application's own is asked later


def _reach(url: str, setting: str) -> str:
    """Connect once; answers the URL, which then leads to that of its servers that takes writes.
    Raises SettingsError."""
    try:
        wanted = conninfo_to_dict(url).get("target_session_attrs", "any")
        if wanted not in ("any", "read-write", "primary"):
            raise SettingsError(
                f"{setting} asks for a server with target_session_attrs={wanted}, and Payviox"
                " writes: let it be read-write, or leave it out."
            )
        url = make_conninfo(
            url, target_session_attrs="read-write" if wanted == "any" else str(wanted)
        )
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.Error as error:
        raise SettingsError(
            f"The database that {setting} names cannot be used: {one_line(error)}"
        ) from error
    return url


def one_line(error: Exception) -> str:
    """An error's message on one line."""
    return " ".join(str(error).split())
