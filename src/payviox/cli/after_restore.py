"""`payviox database after-restore` and `restored`: what an operator has to decide after a backup
was brought back."""

import contextlib
from dataclasses import asdict
from typing import Any, cast

import click

from payviox import ids
from payviox.cli.output import as_json, counted, print_json, print_table
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.cli.shown_once import shown_once
from payviox.giftcards import restores
from payviox.maintenance import after_restore as maintenance
from payviox.maintenance.after_restore import CREDENTIALS, Credential, Report, Revoked


@click.command("after-restore")
@click.option(
    "--revoke",
    "names",
    type=click.Choice([*CREDENTIALS, "all"]),
    multiple=True,
    help="Stop all that are live now; may be given several times.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def after_restore(names: tuple[str, ...], *, yes: bool, as_json: bool) -> None:
    """Say what a backup that was restored does not know.

    Names the businesses whose gift cards are held (see `payviox giftcards after-restore`) and every
    API key, payout hash, webhook token and operator that is live again, with when each was last
    changed: what was stopped since the backup is among them. --revoke stops them at once: API keys
    (make new ones with `payviox keys regenerate`), payout users' hashes (the next allocation
    answers the new one), webhook tokens (the new ones are shown and sign at once), operators'
    sessions and links to choose a password.
    """
    if names:
        confirm("They stop working at once, in every business. Go on?", yes=yes)
        what = CREDENTIALS if "all" in names else cast("tuple[Credential, ...]", names)
        revoked = run(
            lambda runtime: maintenance.revoke(
                runtime.database, runtime.keyring, frozenset(what), ACTOR
            )
        )
        _print_revoked(revoked, as_json=as_json)
        return
    report = run(lambda runtime: runtime.database.fetch(maintenance.report))
    if as_json:
        print_json(_shown(report))
    else:
        _print(report)


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def restored(*, yes: bool) -> None:
    """Say that this database was restored from a backup.

    Payviox sees it by itself after `payviox database restore`, `pg_restore`, a recovery to a point
    in time and a copied data folder, but not after a whole machine's snapshot. All gift cards are
    held until `payviox giftcards after-restore`.
    """
    confirm("All gift cards of all businesses are held then. Go on?", yes=yes)

    async def work(runtime: Runtime) -> None:
        await runtime.database.write(restores.hold_after_restore, ACTOR)

    run(work)
    click.echo("All gift cards are held. Now: payviox database after-restore")


def _print_revoked(revoked: Revoked, *, as_json: bool) -> None:
    tokens = {ids.show(ids.BUSINESS, key): token for key, token in revoked.tokens.items()}
    again = "; ".join(f"`payviox webhook rotate-token {business}`" for business in tokens)
    with shown_once("the webhooks' new tokens", again) if tokens else contextlib.nullcontext():
        if as_json:
            counts = {"keys": revoked.keys, "hashes": revoked.hashes, "sessions": revoked.sessions}
            print_json(counts | {"webhook_tokens": tokens})
            return
        click.echo(
            f"Stopped: {counted(revoked.keys, 'API key')}, the hashes of"
            f" {counted(revoked.hashes, 'payout user')}, {counted(len(tokens), 'webhook token')},"
            f" {counted(revoked.sessions, 'session')} of operators."
        )
        for business, token in tokens.items():
            click.echo(f"{business}: the webhook token is now {token}")
    if tokens:
        click.echo("Keep the tokens: they are not shown again.", err=True)


def _shown(report: Report) -> dict[str, Any]:
    def row(entry: Any) -> dict[str, Any]:
        values = asdict(entry)
        if "business_id" in values:
            values["business_id"] = ids.show(ids.BUSINESS, values["business_id"])
        return values

    return {
        "restored_at": report.restored_at,
        "held_stock": [row(entry) for entry in report.held],
        "keys": [row(entry) for entry in report.keys],
        "hashes": [row(entry) for entry in report.hashes],
        "webhook_tokens": [row(entry) for entry in report.tokens],
        "operators": [row(entry) for entry in report.operators],
        "sessions": report.sessions,
    }


def _print(report: Report) -> None:
    if report.restored_at is None:
        click.echo("No restore was noticed.", err=True)
    else:
        when = report.restored_at.isoformat(timespec="seconds")
        click.echo(f"A restore was noticed at {when}.", err=True)
    rows: list[list[object]] = [
        [
            ids.show(ids.BUSINESS, held.business_id),
            "held gift cards",
            f"{counted(held.cards, 'card')}, {counted(held.orders, 'order')} may have got one",
            held.held_since,
        ]
        for held in report.held
    ]
    rows += [
        [ids.show(ids.BUSINESS, key.business_id), f"{key.kind} key", f"…{key.hint}", key.created_at]
        for key in report.keys
    ]
    rows += [
        [
            ids.show(ids.BUSINESS, entry.business_id),
            "payout hashes",
            counted(entry.count, "payout user"),
            entry.renewed_at,
        ]
        for entry in report.hashes
    ]
    rows += [
        [ids.show(ids.BUSINESS, token.business_id), "webhook token", token.url, token.updated_at]
        for token in report.tokens
    ]
    rows += [[None, "password", one.email, one.created_at] for one in report.operators]
    if report.sessions:
        rows.append([None, "operators' sessions", counted(report.sessions, "session"), None])
    print_table(("business_id", "live", "which", "since"), rows, "There is nothing to decide.")
