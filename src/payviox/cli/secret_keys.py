"""`payviox secrets`: bringing what is encrypted under a new secret key."""

from dataclasses import dataclass

import click

from payviox.auth import secret_keys
from payviox.auth.secret_keys import Left
from payviox.cli.groups import Group
from payviox.cli.output import as_json, counted, print_json
from payviox.cli.progress import progress_bar
from payviox.cli.runtime import Runtime, run
from payviox.errors import PayvioxError
from payviox.giftcards import rotation
from payviox.keyring import DecryptionFailed
from payviox.rail_accounts import service as rail_accounts
from payviox.webhooks import settings as webhooks


@click.group(cls=Group)
def secrets() -> None:
    """The installation's secret key, PAYVIOX_SECRET_KEY."""


@secrets.command()
@as_json
def rotate(as_json: bool) -> None:
    """Re-encrypt gift cards, webhook tokens and rail accounts with the current secret key.

    First set the new key as PAYVIOX_SECRET_KEY and the old one as PAYVIOX_PREVIOUS_SECRET_KEYS, and
    restart every process with both. The command may be interrupted and run again, beside a running
    `serve`. It says when the old key may go.
    """
    try:
        done = run(_rotate)
    except DecryptionFailed as error:
        raise PayvioxError(
            f"Stopped: {error}. What was re-encrypted before is kept; restore that row from a "
            "backup and run the command again."
        ) from error
    if as_json:
        still = [{"key_id": key.key_id, "payout_users": key.payout_users} for key in done.left]
        print_json(
            {
                "gift_cards": done.cards,
                "webhooks": done.tokens,
                "rail_accounts": done.accounts,
                "previous_keys": still,
            }
        )
        return
    click.echo(
        f"Re-encrypted: {counted(done.cards, 'gift card')}, the tokens of"
        f" {counted(done.tokens, 'webhook')}, {counted(done.accounts, 'rail account')}."
    )
    for key in done.left:
        click.echo(
            f"Keep the secret key {key.key_id} in PAYVIOX_PREVIOUS_SECRET_KEYS: the hashes of "
            f"{counted(key.payout_users, 'payout user')} come from it, until they are rotated."
        )
    if not done.left:
        click.echo("PAYVIOX_PREVIOUS_SECRET_KEYS may be removed.")


@dataclass(frozen=True, slots=True)
class _Done:
    """How many of each were re-encrypted, and which previous keys are still needed."""

    cards: int
    tokens: int
    accounts: int
    left: list[Left]


async def _rotate(runtime: Runtime) -> _Done:
    database, keyring = runtime.database, runtime.keyring
    with progress_bar("gift cards") as progress:
        cards = await rotation.reencrypt(database, keyring, progress)
        tokens = 0
        while count := await database.write(webhooks.reencrypt, keyring):
            tokens += count
        accounts = 0
        while count := await database.write(rail_accounts.reencrypt, keyring):
            accounts += count
        left = await database.write(secret_keys.forget_unused, keyring)
    return _Done(cards, tokens, accounts, left)
