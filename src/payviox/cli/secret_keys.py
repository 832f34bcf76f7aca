"""`payviox secrets`: bringing what is encrypted under a new secret key."""

import click

from payviox.cli.groups import Group
from payviox.cli.output import as_json, counted, print_json
from payviox.cli.progress import progress_bar
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.errors import PayvioxError
from payviox.keyring import DecryptionFailed
from payviox.maintenance import secret_rotation
from payviox.maintenance.secret_rotation import Progress, Rotated


@click.group(cls=Group)
def secrets() -> None:
    """The installation's secret key, PAYVIOX_SECRET_KEY."""


@secrets.command()
@as_json
def rotate(as_json: bool) -> None:
    """Re-encrypt gift cards, webhook tokens, rail accounts and authenticator apps.

    First set the new key as PAYVIOX_SECRET_KEY and the old one as PAYVIOX_PREVIOUS_SECRET_KEYS, and
    restart every process with both. The command may be interrupted and run again, beside a running
    `serve`. It says when the old key may go.
    """
    try:
        done, key_id, more_keys = run(_rotate)
    except DecryptionFailed as error:
        raise PayvioxError(
            f"Stopped: {error}. What was re-encrypted before is kept; restore that row from a "
            "backup and run the command again."
        ) from error
    if as_json:
        still = [{"key_id": k.key_id, "payout_users": k.payout_users} for k in done.still_needed]
        print_json(
            {
                "gift_cards": done.gift_cards,
                "webhooks": done.webhooks,
                "rail_accounts": done.rail_accounts,
                "authenticator_apps": done.authenticator_apps,
                "bank": done.bank,
                "seals": done.seals,
                "previous_keys": still,
            }
        )
        return
    if done.nothing:
        click.echo(f"Nothing to do: all is encrypted with the current secret key, {key_id}.")
    else:
        click.echo(
            f"Re-encrypted: {counted(done.gift_cards, 'gift card')}, the tokens of"
            f" {counted(done.webhooks, 'webhook')}, {counted(done.rail_accounts, 'rail account')},"
            f" {counted(done.authenticator_apps, 'authenticator app')},"
            f" {counted(done.bank, 'bank account')} and files to banks."
        )
    if done.seals:
        click.echo(f"It signed the newest seals of {done.seals} businesses.")
    for key in done.still_needed:
        click.echo(
            f"Keep the secret key {key.key_id} in PAYVIOX_PREVIOUS_SECRET_KEYS: the hashes of "
            f"{counted(key.payout_users, 'payout user')} come from it, until they are rotated."
        )
    if more_keys and not done.still_needed:
        click.echo("PAYVIOX_PREVIOUS_SECRET_KEYS may be removed.")


async def _rotate(runtime: Runtime) -> tuple[Rotated, str, bool]:
    """What was done, the current key's id, and whether others are configured."""
    keyring = runtime.keyring
    with progress_bar("re-encrypting") as show:

        def progress(step: Progress) -> None:
            show(step.done, step.total or 0)

        done = await secret_rotation.rotate(runtime.database, keyring, ACTOR, progress)
    return done, keyring.current.id, bool(runtime.settings.previous_secret_keys)
