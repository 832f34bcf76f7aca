"""How a command runs: this installation opened, a function of it run and committed before the
process ends."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psycopg

from payviox import actors
from payviox import settings as settings_module
from payviox.db.embedded.layout import Layout
from payviox.errors import PayvioxError, SettingsError
from payviox.installation import Installation, database_urls, one_line, open_installation
from payviox.settings import Settings

T = TypeVar("T")
Runtime = Installation
"""What a command's work is given."""

ACTOR = actors.command()
"""Who the history and the audit say did it, where no operator is named."""


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
    """Run an async function of this installation, and answer its result.

    Where there is no installation yet one is made if it `may_begin`, else SettingsError is raised.
    """
    settings = settings_module.load() if may_begin else existing_settings()
    with database_urls(settings) as urls:
        return asyncio.run(run_on(settings, urls.application, work))


async def run_on(settings: Settings, url: str, work: Callable[[Runtime], Awaitable[T]]) -> T:
    """Run `work` on the installation whose database is within reach already."""
    try:
        async with open_installation(
            settings, url, size=4, engine_size=1, at_least=0
        ) as installation:
            with actors.at(actors.host()):
                return await work(installation)
    except psycopg.OperationalError as error:
        raise PayvioxError(f"The database was lost: {one_line(error)}") from error
