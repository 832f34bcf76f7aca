"""What `ledger verify`, `reconcile` and `attention` say of gift cards that are held: their figures
cannot show that a restored database does not know what has left."""

import click

from payviox.cli.runtime import Runtime
from payviox.giftcards import holds


async def count_held(runtime: Runtime) -> int:
    """How many businesses' gift cards are held after a restore."""
    return await runtime.database.fetch(holds.count_held)


def say_held(number: int) -> None:
    """Say so on standard error, where any are."""
    if number:
        click.echo(
            f"Gift cards are held (businesses: {number}): the database was restored, and does not"
            " know which of them left since the backup. See `payviox database after-restore`.",
            err=True,
        )
