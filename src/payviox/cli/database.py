"""`payviox database`: a backup of the embedded database, and back. Whoever brings a server of their
own has their own ways, which are better."""

import os
import subprocess
from pathlib import Path
from typing import BinaryIO

import click
from psycopg.conninfo import conninfo_to_dict

from payviox import settings as settings_module
from payviox.businesses import service as businesses
from payviox.cli.groups import Group
from payviox.cli.runtime import Runtime, existing_settings, run
from payviox.db.embedded import embedded, programs
from payviox.errors import Conflict, PayvioxError, SettingsError
from payviox.installation import database_urls
from payviox.settings import Settings


@click.group(cls=Group)
def database() -> None:
    """The embedded database: make a backup, and bring one back."""


@database.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def dump(file: Path) -> None:
    """Write a backup of the embedded database to FILE, also beside a running `serve`.

    The backup is consistent. It holds no secret key: keep PAYVIOX_HOME/secret_key, apart from it,
    or what is encrypted is lost. Read it back with `payviox database restore`.
    """
    if file.exists():
        raise Conflict(f"{file} exists already. Nothing was written; choose another name.")
    settings = _embedded_settings(existing_settings())
    draft = file.with_name(f".{file.name}.part")
    try:
        with database_urls(settings) as urls, _private(draft) as target:
            _run(urls.owner, ["pg_dump", "--format=custom", "--no-owner"], stdout=target)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    click.echo(f"Written: {file} ({file.stat().st_size:,} bytes).")


@database.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Bring a backup back into an installation without any business.

    Put the backup's secret key into PAYVIOX_HOME/secret_key, or PAYVIOX_SECRET_KEY, first.
    Afterwards run `payviox migrate` where the backup is an older version's, and `payviox ledger
    verify`.
    """
    settings = _embedded_settings(settings_module.load())
    if run(_businesses, may_begin=True):
        raise Conflict(
            "This installation has businesses. Nothing was changed; "
            "restore into another PAYVIOX_HOME."
        )
    with embedded(settings.home) as cluster:
        _run(
            cluster.owner_url,
            ["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction"],
            more=[str(file)],
        )
    click.echo("Restored. Now run: payviox ledger verify")


async def _businesses(runtime: Runtime) -> int:
    return len(await runtime.database.fetch(businesses.list_all))


def _embedded_settings(settings: Settings) -> Settings:
    if not settings.embedded:
        raise SettingsError(
            "PAYVIOX_DATABASE_URL is set: back that server up with its own tools, such as pg_dump."
        )
    return settings


def _private(path: Path) -> BinaryIO:
    """A new file that its owner alone may read: a backup holds people's addresses."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _run(
    url: str, command: list[str], *, more: list[str] | None = None, stdout: BinaryIO | None = None
) -> None:
    parts = conninfo_to_dict(url)
    where = [f"--host={parts['host']}", f"--port={parts['port']}", f"--username={parts['user']}"]
    done = subprocess.run(  # noqa: S603  # the wheel's own program
        [
            programs() / command[0],
            *command[1:],
            *where,
            f"--dbname={parts['dbname']}",
            *(more or []),
        ],
        env={**os.environ, "PGPASSWORD": str(parts["password"])},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PayvioxError(f"{command[0]} failed: {' '.join(done.stderr.split())}")
