"""`payviox database`: a backup of the embedded database, and back. Whoever brings a server of their
own has their own ways, which are better."""

from pathlib import Path

import click

from payviox import settings as settings_module
from payviox.cli.after_restore import after_restore, restored
from payviox.cli.groups import Group
from payviox.cli.runtime import existing_settings
from payviox.maintenance import backup


@click.group(cls=Group)
def database() -> None:
    """The embedded database: make a backup, and bring one back."""


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


@database.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Bring a backup back into an installation without businesses and operators.

    Put the backup's secret key into PAYVIOX_HOME/secret_key, or PAYVIOX_SECRET_KEY, first.
    Afterwards all gift cards are held until `payviox giftcards after-restore`: some may have left
    since the backup. What else it does not know says `payviox database after-restore`.
    """
    done = backup.restore(settings_module.load(), file)
    click.echo("Restored. Gift cards are held until you say which of them left since the backup.")
    if not done.newest:
        click.echo(f"The backup is at schema {done.schema}. First run: payviox migrate")
    click.echo("Now run: payviox ledger verify; payviox database after-restore")


database.add_command(after_restore)
database.add_command(restored)
