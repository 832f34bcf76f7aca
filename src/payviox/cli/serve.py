"""`payviox serve`, `web`, `worker` and `migrate`: the long-running processes and the schema."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click
import uvloop

from payviox import logs
from payviox import settings as settings_module
from payviox.cli import parent_watch
from payviox.cli.supervisor import Supervisor, answers
from payviox.db import schema
from payviox.db.embedded import exclusive_serve, release
from payviox.installation import Urls, database_urls, open_installation
from payviox.log_stream import LogStream
from payviox.settings import Settings
from payviox.web import listening

logger = logging.getLogger(__name__)

LIVE_PATH = "/health/live"

migrating = click.option(
    "--migrate",
    "migrating",
    is_flag=True,
    help="Bring an external database to this version's schema first. The embedded one always is,"
    " after a backup into PAYVIOX_HOME/backups.",
)
hidden_lifeline = click.option("--lifeline", "descriptor", type=int, hidden=True)


@click.command()
@migrating
def serve(migrating: bool) -> None:
    """Serve the API and the worker, in one process group.

    Stop it with Ctrl-C or SIGTERM; what is in flight is finished within 10 seconds. Either process
    is started again if it dies.
    """
    with supervised(settings_module.load(), migrating=migrating) as (settings, _):
        _warn_of_root()
        supervise(settings, partial(_say_ready, settings))


@contextmanager
def supervised(
    settings: Settings, *, migrating: bool = False, greeting: str | None = None
) -> Iterator[tuple[Settings, Urls]]:
    """What `serve` needs around its children: to be the only one, and a database in order. The
    greeting is said once nothing stands in the way."""
    begin_process(settings)
    with ExitStack() as stack:
        if settings.embedded:
            stack.enter_context(exclusive_serve(settings.home))
        settings = with_address(settings)
        if greeting is not None:
            click.echo(greeting)
        migrating = migrating or settings.embedded
        urls = stack.enter_context(database_urls(settings, migrating=migrating))
        say_backup(urls)
        if settings.embedded:
            _say_release(urls)
        asyncio.run(_check_keys(settings, urls))
        yield settings, urls


def _say_release(urls: Urls) -> None:
    minor = release.running_minor(urls.application)
    logger.info("the embedded server is %s", release.name(minor))
    if complaint := release.complaint(minor, datetime.now(UTC).date()):
        logger.warning(complaint)


def supervise(settings: Settings, when_ready: Callable[[], None]) -> None:
    """Run web and worker until a signal."""

    async def supervised_until_signal() -> None:
        await Supervisor(settings).run(when_ready)

    asyncio.run(supervised_until_signal())


async def _check_keys(settings: Settings, urls: Urls) -> None:
    """Refuse a secret key that is not this database's before any child is started."""
    async with open_installation(settings, urls.application):
        pass


def _say_ready(settings: Settings) -> None:
    """Say it without waiting for whoever reads it."""
    if sys.stdout is not None:
        out = LogStream(sys.stdout.fileno(), lambda _: None)
        out.write(f"Payviox is ready at {settings.public_url} (documentation: /docs)\n")


@click.command()
@hidden_lifeline
def web(descriptor: int | None) -> None:
    """Serve the API alone. Run as many as the machine has cores, each on its own port."""
    from payviox import app  # noqa: PLC0415  # the worker need not load the web

    async def serve_the_api(settings: Settings, url: str) -> None:
        saying = asyncio.create_task(_say_when_it_answers(settings))
        try:
            await app.serve(settings, url)
        finally:
            saying.cancel()

    # Under `serve` its parent says so.
    _run_process(serve_the_api if descriptor is None else app.serve, descriptor, listens=True)


async def _say_when_it_answers(settings: Settings) -> None:
    while True:
        if await answers(settings, LIVE_PATH):
            _say_ready(settings)
            return
        await asyncio.sleep(0.05)


@click.command()
@hidden_lifeline
def worker(descriptor: int | None) -> None:
    """Run the worker alone: sends, look-ups, webhooks, upkeep. Run several if you like."""
    from payviox import worker as worker_module  # noqa: PLC0415  # the web need no worker

    _run_process(worker_module.run, descriptor, listens=False)


def _run_process(
    main: Callable[[Settings, str], Any], descriptor: int | None, *, listens: bool
) -> None:
    if descriptor is not None:
        os.set_inheritable(descriptor, False)
        parent_watch.end_with_parent(descriptor)
    settings = settings_module.load()
    begin_process(settings)
    if descriptor is None:
        _warn_of_root()
    if listens:
        settings = with_address(settings)
    with (
        database_urls(settings) as urls,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(main(settings, urls.application))


def begin_process(settings: Settings) -> None:
    """What a process that serves does first: log without waiting, open as many files as it may."""
    logs.configure_process(settings.log_level)
    listening.raise_file_limit()


def _warn_of_root() -> None:
    if os.geteuid() == 0:
        logger.warning("running as root, which nothing here needs: give it a user of its own")


def with_address(settings: Settings) -> Settings:
    """The settings with the host's address. Raises SettingsError where it cannot be listened on."""
    settings = replace(settings, host=listening.resolve(settings.host))
    listening.bind(settings.host, settings.port).close()
    return settings


@click.command()
def migrate() -> None:
    """Bring the database to this version's schema.

    Safe to repeat. The embedded one is backed up into PAYVIOX_HOME/backups first, where the last
    three such backups stay; make a backup of an external one yourself.
    """
    settings = settings_module.load()
    with ExitStack() as stack:
        if settings.embedded:
            stack.enter_context(exclusive_serve(settings.home))
        say_backup(stack.enter_context(database_urls(settings, migrating=True)))
        click.echo(f"The database is at schema {schema.newest()}.")


def say_backup(urls: Urls) -> None:
    """Say where the database was backed up before it was migrated just now, if it was."""
    if urls.backup is not None:
        click.echo(f"Backed up before the migration: {urls.backup}", err=True)
