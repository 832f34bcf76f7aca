"""`payviox secrets`: bringing what is encrypted under a new secret key."""

import sys

import click
from rich.console import Console
from rich.progress import Progress

from payviox.auth import known_keys
from payviox.auth.keyring import DecryptionFailed
from payviox.auth.known_keys import Left
from payviox.cli.output import as_json, counted, print_json
from payviox.cli.runtime import Runtime, run
from payviox.errors import PayvioxError
from payviox.giftcards import rotation
from payviox.webhooks import settings as webhooks


@click.group()
def secrets() -> None:
    """The installation's secret key, PAYVIOX_SECRET_KEY."""


@secrets.command()
@as_json
def rotate(as_json: bool) -> None:
    """Re-encrypt gift cards and webhook tokens with the current secret key.

    First set the new key as PAYVIOX_SECRET_KEY and the old one as PAYVIOX_PREVIOUS_SECRET_KEYS, and
    restart every process with both. The command may be interrupted and run again, beside a running
    `serve`. It says when the old key may go.
    """
    try:
        cards, tokens, left = run(_rotate)
    except DecryptionFailed as error:
        raise PayvioxError(
            f"Stopped: {error}. What was re-encrypted before is kept; restore that row from a "
            "backup and run the command again."
        ) from error
    if as_json:
        still = [{"key_id": key.key_id, "payout_users": key.payout_users} for key in left]
        print_json({"gift_cards": cards, "webhooks": tokens, "previous_keys": still})
        return
    click.echo(
        f"Re-encrypted: {counted(cards, 'gift card')}, the tokens of {counted(tokens, 'webhook')}."
    )
    for key in left:
        click.echo(
            f"Keep the secret key {key.key_id} in PAYVIOX_PREVIOUS_SECRET_KEYS: the hashes of "
            f"{counted(key.payout_users, 'payout user')} come from it, until they are rotated."
        )
    if not left:
        click.echo("PAYVIOX_PREVIOUS_SECRET_KEYS may be removed.")


async def _rotate(runtime: Runtime) -> tuple[int, int, list[Left]]:
    database, keyring = runtime.database, runtime.keyring
    console = Console(stderr=True)
    with Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("gift cards", total=None)
        cards = await rotation.reencrypt(
            database, keyring, lambda done, total: bar.update(task, completed=done, total=total)
        )
        tokens = 0
        while count := await database.write(lambda db: webhooks.reencrypt(db, keyring)):
            tokens += count
        left = await database.write(lambda db: known_keys.forget_unused(db, keyring))
    return cards, tokens, left
