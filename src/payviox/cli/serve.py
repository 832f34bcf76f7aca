"""`payviox serve`, `web`, `worker` and `migrate`: the long-running processes and the schema."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
import uvloop

from payviox import logs, tracing
from payviox import settings as settings_module
from payviox.cli import parent_watch
from payviox.cli.health import LIVE_PATH, answers
from payviox.cli.reload import served_file
from payviox.cli.supervisor import Supervisor
from payviox.cli.web_processes import how_many
from payviox.db import schema
from payviox.db.embedded import exclusive_serve, release
from payviox.errors import SettingsError
from payviox.installation import Urls, database_urls, open_installation
from payviox.log_stream import LogStream
from payviox.monitoring import shared_counts
from payviox.settings import Settings
from payviox.web import listening
from payviox.web.processes import READY, WebProcess, say

logger = logging.getLogger(__name__)

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

    Runs PAYVIOX_WEB_PROCESSES web processes on one port, by default one for every two cores. Stop
    it with Ctrl-C or SIGTERM; what is in flight is finished within 10 seconds. A process that dies
    or hangs is started again. SIGHUP, or `payviox reload`, replaces them one after another.
    """
    with supervised(settings_module.load(), migrating=migrating) as (supervisor, settings, _):
        _warn_of_root()
        asyncio.run(supervisor.run(partial(_say_ready, settings)))


@contextmanager
def supervised(
    settings: Settings, *, migrating: bool = False, greeting: str | None = None
) -> Iterator[tuple[Supervisor, Settings, Urls]]:
    """What runs `serve`'s children, and what they need around them: to be the only ones, a port and
    a database in order. The greeting is said once nothing stands in the way."""
    begin_process(settings)
    with ExitStack() as stack:
        if settings.embedded:
            stack.enter_context(exclusive_serve(settings.home))
        settings, listener = bound(settings)
        stack.callback(listener.close)
        if greeting is not None:
            click.echo(greeting)
        migrating = migrating or settings.embedded
        urls = stack.enter_context(database_urls(settings, migrating=migrating))
        say_backup(urls)
        if settings.embedded:
            _say_release(urls)
        asyncio.run(_check_keys(settings, urls))
        number = how_many(settings, urls.application)
        listeners = stack.enter_context(listening.several(listener, number))
        file = stack.enter_context(served_file(settings))
        supervisor = Supervisor(
            settings, listeners, on_reload=file.begun, on_reloaded=file.reloaded
        )
        yield supervisor, settings, urls


def _say_release(urls: Urls) -> None:
    minor = release.running_minor(urls.application)
    logger.info("the embedded server is %s", release.name(minor))
    if complaint := release.complaint(minor, datetime.now(UTC).date()):
        logger.warning(complaint)


async def _check_keys(settings: Settings, urls: Urls) -> None:
    """Refuse a secret key that is not this database's before any child is started."""
    async with open_installation(settings, urls.application, at_least=0):
        pass


def _say_ready(settings: Settings) -> None:
    """Say it without waiting for whoever reads it."""
    if sys.stdout is not None:
        out = LogStream(sys.stdout.fileno(), lambda _: None)
        out.write(f"Payviox is ready at {settings.public_url} (documentation: /docs)\n")


@click.command()
@hidden_lifeline
@click.option("--process", type=WebProcess.read, hidden=True)
def web(descriptor: int | None, process: WebProcess | None) -> None:
    """Serve the API alone. One process, or as many as PAYVIOX_WEB_PROCESSES says, on one port.

    Run as many of it as you like, each on a port of its own.
    """
    if process is None and (settings_module.load().web_processes or 1) > 1:
        _serve_the_api_by_several(settings_module.load())
        return
    from payviox import app  # noqa: PLC0415  # the worker need not load the web

    async def serve_the_api(settings: Settings, url: str) -> None:
        saying = asyncio.create_task(_say_when_it_answers(settings))
        try:
            await app.serve(settings, url)
        finally:
            saying.cancel()

    if process is None:
        _run_process("web", serve_the_api, descriptor, listens=True)
    else:  # its parent says that it answers
        for inherited in process.descriptors:
            os.set_inheritable(inherited, False)
        _run_process(
            "web",
            partial(app.serve, process=process),
            descriptor,
            listens=False,
            when_orphaned=partial(shared_counts.remove, process.metrics),
        )


def _serve_the_api_by_several(settings: Settings) -> None:
    begin_process(settings)
    _warn_of_root()
    settings, listener = bound(settings)
    with (
        listener,
        database_urls(settings) as urls,
        listening.several(listener, how_many(settings, urls.application)) as listeners,
        served_file(settings) as file,
    ):
        supervisor = Supervisor(
            settings, listeners, (), on_reload=file.begun, on_reloaded=file.reloaded
        )
        asyncio.run(supervisor.run(partial(_say_ready, settings)))


async def _say_when_it_answers(settings: Settings) -> None:
    while True:
        if await answers(settings, LIVE_PATH):
            _say_ready(settings)
            return
        await asyncio.sleep(0.05)


@click.command()
@hidden_lifeline
@click.option("--pulse", type=int, hidden=True)
@click.option(
    "--alive-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Touch this file every few seconds while it works, for whoever looks after it.",
)
def worker(descriptor: int | None, pulse: int | None, alive_file: Path | None) -> None:
    """Run the worker alone: sends, look-ups, webhooks, upkeep. Run several if you like."""
    from payviox import worker as worker_module  # noqa: PLC0415  # the web need no worker

    if pulse is not None:
        os.set_inheritable(pulse, False)
    run = partial(worker_module.run, when_ready=partial(say, pulse, READY))
    if alive_file is not None:
        try:
            alive_file.touch()
        except OSError as error:
            raise click.BadParameter(f"{alive_file}: {error.strerror}") from error
        run = partial(run, when_alive=alive_file.touch)
    _run_process("worker", run, descriptor, listens=False)


def _run_process(
    name: str,
    main: Callable[[Settings, str], Any],
    descriptor: int | None,
    *,
    listens: bool,
    when_orphaned: Callable[[], None] = lambda: None,
) -> None:
    if descriptor is not None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent's business
        os.set_inheritable(descriptor, False)
        parent_watch.end_with_parent(descriptor, when_orphaned)
    settings = settings_module.load()
    begin_process(settings)
    if descriptor is None:
        _warn_of_root()
    if listens:
        settings, listener = bound(settings)
        listener.close()
    with (
        database_urls(settings) as urls,
        tracing.sending(settings.otlp_endpoint, name),
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


def bound(settings: Settings) -> tuple[Settings, socket.socket]:
    """The settings with the host's address, and a socket bound to it. Raises SettingsError where it
    cannot be listened on."""
    settings = replace(settings, host=listening.resolve(settings.host))
    return settings, listening.bind(settings.host, settings.port)


@click.command()
@click.option(
    "--citus",
    "distributed",
    is_flag=True,
    help="Spread what businesses have over the nodes of a Citus cluster, too.",
)
def migrate(*, distributed: bool) -> None:
    """Bring the database to this version's schema.

    Safe to repeat. The embedded one is backed up into PAYVIOX_HOME/backups first, where the last
    three such backups stay; make a backup of an external one yourself.
    """
    settings = settings_module.load()
    if distributed and settings.embedded:
        raise SettingsError(
            "The embedded database is one server. Set PAYVIOX_DATABASE_URL to the coordinator of a"
            " Citus cluster. Nothing was changed."
        )
    with ExitStack() as stack:
        if settings.embedded:
            stack.enter_context(exclusive_serve(settings.home))
        urls = stack.enter_context(database_urls(settings, migrating=True))
        say_backup(urls)
        click.echo(f"The database is at schema {schema.newest()}.")
        if distributed:
            from payviox.db import citus  # noqa: PLC0415  # rarely needed

            number = citus.distribute(urls.owner)
            click.echo(f"Tables distributed now: {number}. Run this again after each upgrade.")


def say_backup(urls: Urls) -> None:
    """Say where the database was backed up before it was migrated just now, if it was."""
    if urls.backup is not None:
        click.echo(f"Backed up before the migration: {urls.backup}", err=True)
