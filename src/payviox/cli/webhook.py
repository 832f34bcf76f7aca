"""`payviox webhook`: where a business's events go, its token, test webhooks, and what became of
events.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, cast
from uuid import UUID

import click

from payviox import ids
from payviox.businesses import service as businesses
from payviox.cli.groups import Group
from payviox.cli.output import (
    BUSINESS,
    EVENT,
    LIMIT,
    ORDER,
    as_json,
    print_json,
    print_pairs,
    print_table,
)
from payviox.cli.prompts import confirm as ask
from payviox.cli.runtime import ACTOR, Runtime, T, run
from payviox.cli.shown import show_event
from payviox.cli.shown_once import shown_once
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.webhooks import log, outbox
from payviox.webhooks import settings as webhooks
from payviox.webhooks.events import TYPES, EventType
from payviox.webhooks.settings import Webhook
from payviox.webhooks.targets import TargetError, parse_target

PRIVATE = (
    "For development only: PAYVIOX_ALLOW_PRIVATE_WEBHOOKS=1, for this command and for"
    " `payviox serve`, allows http and addresses that are not public."
)
ONCE = "Keep the token: it is not shown again. It is whole, `whsec_` included."


@click.group(cls=Group)
def webhook() -> None:
    """Webhooks: URL, token, events, switch, tests and the delivery log."""


@webhook.command()
@click.argument("business_id", type=BUSINESS)
@as_json
def show(business_id: UUID, as_json: bool) -> None:
    """Show a business's webhook; never its token."""

    async def work(runtime: Runtime) -> Webhook:
        async def read(connection: Connection) -> Webhook:
            await businesses.get(connection, business_id)
            return await webhooks.get(connection, business_id)

        return await runtime.database.fetch(read)

    _print(run(work), None, as_json)


@webhook.command("set")
@click.argument("business_id", type=BUSINESS)
@click.option("--url", help="Where to POST events; `none` for nowhere.")
@click.option("--enable/--disable", "enabled", default=None, help="The switch.")
@click.option("--events", help=f"Separated by commas: {', '.join(TYPES)}.")
@as_json
def set_(
    business_id: UUID, url: str | None, enabled: bool | None, events: str | None, as_json: bool
) -> None:
    """Change a business's webhook. The first time, a token is made and shown."""
    changes: dict[str, Any] = {}
    if url is not None:
        changes["url"] = None if url.lower() == "none" else url
    if enabled is not None:
        changes["enabled"] = enabled
    if events is not None:
        changes["events"] = [name.strip() for name in events.split(",") if name.strip()]
    if not changes:
        raise click.UsageError("Give at least one of --url, --enable, --disable and --events.")

    async def change(runtime: Runtime, connection: Connection) -> tuple[Webhook, str | None]:
        try:
            return await webhooks.change(
                connection,
                business_id,
                changes,
                runtime.keyring,
                ACTOR,
                allow_private=runtime.settings.allow_private_webhooks,
            )
        except FieldErrors as error:
            if "url" in error.fields and url is not None and _is_private(url):
                error.fields["url"].append(PRIVATE)
            raise

    now, token = _write(business_id, change)
    if token is None:
        _print(now, None, as_json)
    else:
        with shown_once("the webhook's token", _another_token(business_id)):
            _print(now, token, as_json)
        _say_once(as_json)


def _another_token(business_id: UUID) -> str:
    command = f"payviox webhook rotate-token {ids.show(ids.BUSINESS, business_id)}"
    return f"`{command} --replace`, then `{command} --confirm`."


def _say_once(as_json: bool, more: str = "") -> None:
    if not as_json:
        click.echo(f"{ONCE}{more}", err=True)


def _is_private(url: str) -> bool:
    """Whether the switch for development would let this URL pass."""
    try:
        parse_target(url, allow_private=True)
    except TargetError:
        return False
    return True


def _print(now: Webhook, token: str | None, as_json: bool) -> None:
    shown: dict[str, object] = {
        "url": now.url,
        "enabled": now.enabled,
        "events": list(now.events),
        "rotating": now.rotating,
        **({"rotating_since": now.rotating_since} if now.rotating else {}),
    }
    if token is not None:
        shown["token"] = token
    if as_json:
        print_json(shown)
        return
    print_pairs(shown)


@webhook.command()
@click.argument("business_id", type=BUSINESS)
@click.option(
    "--type",
    "event_type",
    type=click.Choice(TYPES),
    default="payout.succeeded",
    show_default=True,
)
@as_json
def test(business_id: UUID, event_type: str, as_json: bool) -> None:
    """Send a test webhook. Its result stands in `payviox webhook log`."""

    async def send(_: Runtime, connection: Connection) -> UUID:
        return await outbox.send_test(connection, business_id, cast("EventType", event_type), ACTOR)

    event_id = ids.show(ids.EVENT, _write(business_id, send))
    if as_json:
        print_json({"event_id": event_id})
    else:
        click.echo(f"{event_id} is on its way.")


@webhook.command("rotate-token")
@click.argument("business_id", type=BUSINESS)
@click.option("--confirm", is_flag=True, help="Let the new token sign from now on.")
@click.option("--replace", is_flag=True, help="Make another, though one waits to be confirmed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def rotate_token(
    business_id: UUID, *, confirm: bool, replace: bool, yes: bool, as_json: bool
) -> None:
    """Make a new token, in two steps, so that no delivery fails.

    First without --confirm: the new token is shown; let the receiver accept it. Then with
    --confirm: it signs from then on. Where a new token waits already, only --replace makes another:
    what the receiver may have learned would be worth nothing.
    """
    if confirm and replace:
        raise click.UsageError("Use one of --confirm and --replace.")
    if confirm:
        ask("From now on only the new token signs. Does the receiver accept it?", yes=yes)
        _write(
            business_id,
            lambda _, connection: webhooks.confirm(connection, business_id, ACTOR),
        )
        print_json({"rotating": False}) if as_json else click.echo("The new token signs now.")
        return
    token = _write(
        business_id,
        lambda runtime, connection: webhooks.rotate(
            connection, business_id, runtime.keyring, ACTOR, replace=replace
        ),
    )
    with shown_once("the new token", _another_token(business_id)):
        print_json({"token": token, "rotating": True}) if as_json else click.echo(token)
    _say_once(as_json, " It signs once it is confirmed with --confirm.")


@webhook.command("log")
@click.argument("business_id", type=BUSINESS)
@click.option("--type", "event_type", type=click.Choice(TYPES))
@click.option("--order", "order_id", type=ORDER, help="Of this order alone.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@as_json
def log_(
    business_id: UUID, *, event_type: str | None, order_id: UUID | None, limit: int, as_json: bool
) -> None:
    """List events, newest first, with what became of delivering them.

    `payviox webhook event` shows one with its body and every answer.
    """

    async def work(runtime: Runtime) -> list[log.Entry]:
        async def read(connection: Connection) -> list[log.Entry]:
            await businesses.get(connection, business_id)
            return await log.latest(
                connection, business_id, event_type=event_type, order_id=order_id, limit=limit
            )

        return await runtime.database.fetch(read)

    rows = [show_event(entry) for entry in run(work)]
    if as_json:
        print_json(rows)
        return
    columns = ("event_id", "type", "order_id", "delivery", "attempts", "answer", "created_at")
    print_table(columns, [[row[column] for column in columns] for row in rows], "No events.")


@webhook.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("event_id", type=EVENT)
@as_json
def event(business_id: UUID, event_id: UUID, as_json: bool) -> None:
    """Show one event: each attempt to deliver it with the receiver's answer, and its body.

    The body is byte for byte what is signed; in JSON that is `raw_body`.
    """
    entry = run(lambda runtime: runtime.database.fetch(log.get, business_id, event_id))
    attempts = [
        {
            "number": attempt.number,
            "created_at": attempt.created_at,
            "url": attempt.url,
            "duration_ms": attempt.duration_ms,
            "status": attempt.status,
            "answer": attempt.answer,
            "error": attempt.error,
        }
        for attempt in entry.attempts
    ]
    shown = show_event(entry)
    if as_json:
        raw = entry.event.body
        print_json({**shown, "body": json.loads(raw), "raw_body": raw, "attempts": attempts})
        return
    print_pairs(shown)
    for attempt in attempts:
        click.echo()
        print_pairs(attempt)
    click.echo("\nBody, byte for byte as it is signed and sent, without a line end")
    click.echo(entry.event.body)


@webhook.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("event_id", type=EVENT)
def redeliver(business_id: UUID, event_id: UUID) -> None:
    """Send an event again, in a new round of attempts."""

    async def send(_: Runtime, connection: Connection) -> None:
        await outbox.redeliver(connection, business_id, event_id, ACTOR)

    _write(business_id, send)
    click.echo("It is on its way.")


def _write(
    business_id: UUID,
    change: Callable[[Runtime, Connection], Awaitable[T]],
) -> T:
    """Run a change of an existing business's webhook."""

    async def work(runtime: Runtime) -> T:
        async def changed(connection: Connection) -> T:
            await businesses.get(connection, business_id)
            return await change(runtime, connection)

        return await runtime.database.write(changed)

    return run(work)
