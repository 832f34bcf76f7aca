"""`payviox database`: backups of the embedded database, and back. Whoever brings a server of their
own has their own ways, which are better."""

import asyncio
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from payviox import settings as settings_module
from payviox.cli.after_restore import after_restore, restored
from payviox.cli.compact import compact
from payviox.cli.exit_status import FAILED
from payviox.cli.groups import Group
from payviox.cli.output import Moment, Whole, age, as_json, plain, print_json, print_table
from payviox.cli.progress import progress_steps
from payviox.cli.runtime import Runtime, existing_settings, run
from payviox.db.embedded.archive import Archive
from payviox.db.embedded.backup_folder import shown
from payviox.maintenance import backup
from payviox.maintenance.backup import Backups
from payviox.monitoring import archive as watching
from payviox.monitoring.archive import State

STARTS_WITHIN_S = 4.0
"""The archive of a server that was started has so long to go on."""


@click.group(cls=Group)
def database() -> None:
    """The database: make backups of the embedded one, bring one back; build indexes anew."""


@database.command()
@click.argument("file", type=click.Path(path_type=Path))
def dump(file: Path) -> None:
    """Write a backup of the embedded database to FILE, also beside a running `serve`.

    The backup is consistent, and of the schema that is there. It holds no secret key: keep
    PAYVIOX_HOME/secret_key, apart from it, or what is encrypted is lost. Read it back with `payviox
    database restore`.
    """
    size = backup.dump(existing_settings(), file)
    click.echo(f"Written: {file} ({size:,} bytes).")


@database.command("backup")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option(
    "--keep",
    type=Whole(1, 1000),
    default=backup.KEEP,
    show_default=True,
    help="Base backups that stay, this one included; older ones go, with the WAL they needed.",
)
def back_up(folder: Path | None, keep: int) -> None:
    """Write a base backup into FOLDER, and archive there from then on whatever is committed.

    Also beside a running `serve`. From both any moment since can be restored: `payviox database
    restore FOLDER --at TIME`. Without FOLDER it goes where the last one went, else into
    PAYVIOX_HOME/backups; one on another disk is better. Run it by the clock, such as each night.

    It holds no secret key: keep PAYVIOX_HOME/secret_key, apart from it, or what is encrypted is
    lost.
    """
    with progress_steps() as progress:
        done = backup.back_up(existing_settings(), folder, keep, progress)
    for warning in done.warnings:
        click.echo(f"Warning: {warning}", err=True)
    click.echo(f"Written: {done.made.folder} ({done.size:,} bytes).")
    if done.removed:
        click.echo(f"Older base backups removed: {done.removed}.")
    click.echo(f"Any moment from {shown(done.made.ended_at)} on can be restored from it.")


@database.command("stop-archive")
def stop_archive() -> None:
    """Archive no more what is committed; the backups that are there stay.

    The next `payviox database backup` begins anew.
    """
    stopped = backup.stop_archive(existing_settings())
    click.echo("Nothing is archived any more." if stopped else "Nothing was archived.")


@database.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), required=False)
@click.option(
    "--at", type=Moment(), metavar="TIME", help="As it was then; from a folder of backups alone."
)
def restore(source: Path | None, at: datetime | None) -> None:
    """Bring a backup back into an installation without businesses and operators.

    SOURCE is a file of `payviox database dump` or a folder of `payviox database backup`, from which
    any moment since can be restored (TIME, such as 2026-11-29T07:00:00Z), or all that there is;
    without SOURCE it is PAYVIOX_HOME/backups. Put the backup's secret key into
    PAYVIOX_HOME/secret_key, or PAYVIOX_SECRET_KEY, first. Afterwards all gift cards are held until
    `payviox giftcards after-restore`: some may have left since the backup. What else it does not
    know says `payviox database after-restore`.
    """
    settings = settings_module.load()
    if source is not None and source.is_file():
        if at is not None:
            raise click.UsageError("--at needs a folder of backups; a dump knows one moment alone.")
        done = backup.restore(settings, source)
    else:
        with progress_steps() as progress:
            done = backup.restore_at(settings, source, at, progress)
    if done.reached is not None:
        click.echo(f"The last that was committed is of {plain(done.reached)}.")
    click.echo("Restored. Gift cards are held until you say which of them left since the backup.")
    if not done.newest:
        click.echo(f"The backup is at schema {done.schema}. First run: payviox migrate")
    click.echo("Now run: payviox ledger verify; payviox database after-restore")
    if done.folder is not None:
        click.echo(
            f"Nothing is archived yet, and the backups in {done.folder} stay the former"
            " installation's. Begin in another folder, where later ones go by themselves: payviox"
            " database backup FOLDER"
        )


@database.command()
@as_json
def show(as_json: bool) -> None:
    """Show which backups there are, and whether what is committed is archived.

    Of a server of your own it says whether its archive_command fails. Exit status 1 where something
    is wrong.
    """

    async def work(runtime: Runtime) -> State:
        # A server that was started just now is not archived at once.
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            state = await runtime.database.fetch(watching.state)
            if watching.complaint(state) is None or time.monotonic() > until:
                return state
            await asyncio.sleep(0.1)

    state = run(work)
    settings = existing_settings()
    backups = backup.show(settings) if settings.embedded else None
    place = watching.place(settings.home) if settings.embedded else None
    wrong = watching.complaint(state, place) or (backups.wrong if backups else None)
    if as_json:
        print_json(_as_json(state, wrong, backups))
    else:
        _print(wrong, backups)
    if wrong:
        sys.exit(FAILED)


def _as_json(state: State, wrong: str | None, backups: Backups | None) -> dict[str, Any]:
    archive = backups.archive if backups else None
    return {
        "archived_to": _place(archive) if archive else None,
        "behind_bytes": state.behind_bytes,
        "wrong": wrong,
        "last_words": backups.last_words if backups and wrong else None,
        "free_bytes": backups.free_bytes if backups else None,
        "backups": _rows(backups),
    }


def _place(archive: Archive) -> str:
    return str(archive.folder / archive.wal)


def _rows(backups: Backups | None) -> list[dict[str, Any]]:
    return [
        {
            "folder": str(made.folder),
            "restorable_from": made.ended_at,
            "schema": made.schema,
            "bytes": size,
        }
        for made, size in (backups.backups if backups else ())
    ]


def _print(wrong: str | None, backups: Backups | None) -> None:
    if wrong:
        click.echo(f"Wrong: {wrong}", err=True)
        if backups and backups.last_words:
            click.echo(f"It said: {backups.last_words}", err=True)
    if backups is None:
        return
    if backups.archive is None:
        click.echo("What is committed is not archived. `payviox database backup` begins it.")
    elif wrong is None:
        click.echo(f"What is committed is archived in {_place(backups.archive)}.")
    if backups.free_bytes is not None:
        click.echo(f"Free there: {backups.free_bytes / 1e9:,.1f} GB.")
    if backups.backups:
        click.echo(f"The newest base backup was made {age(backups.backups[-1][0].ended_at)} ago.")
    rows = _rows(backups)
    print_table(
        ("folder", "restorable_from", "schema", "bytes"),
        [list(row.values()) for row in rows],
        "There is no base backup." if backups.archive else "No folder of backups is in use.",
    )


database.add_command(after_restore)
database.add_command(compact)
database.add_command(restored)
