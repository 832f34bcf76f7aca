"""`payviox keys`: regenerating API keys; making, changing and revoking restricted ones."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import click
from msgspec.structs import replace

from payviox import ids
from payviox.api_requests import service as api_requests
from payviox.api_requests.model import LastUse
from payviox.auth.keys import KINDS, Kind
from payviox.auth.model import RestrictedKey
from payviox.auth.restrictions import MAX_NAME, SCOPES, Restrictions, Scope
from payviox.businesses import service as businesses
from payviox.cli.groups import Group
from payviox.cli.output import (
    BUSINESS,
    CENTS,
    KEY,
    Moment,
    Text,
    as_json,
    print_json,
    print_pairs,
    print_table,
)
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.cli.shown_once import shown_once
from payviox.db.pool import Connection
from payviox.treasury import restricted_keys
from payviox.treasury import service as treasury
from payviox.treasury.restricted_keys import NewKey

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
COLUMNS = (
    "key_id",
    "hint",
    "name",
    "scopes",
    "amount_limit",
    "daily_limit",
    "spent_today",
    "networks",
    "expires_at",
    "last_used_at",
    "last_used_from",
)


@click.group(cls=Group)
def keys() -> None:
    """API keys. They are shown once, when they are made."""


@keys.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def regenerate(business_id: UUID, kind: str, yes: bool, as_json: bool) -> None:
    """Make a new key and stop the old one at once, on every process."""
    confirm(f"The present {kind} key stops working at once. Go on?", yes=yes)

    async def work(runtime: Runtime) -> str:
        return await runtime.database.write(
            treasury.regenerate_key, business_id, cast("Kind", kind), ACTOR
        )

    key = run(work)
    again = f"`payviox keys regenerate {ids.show(ids.BUSINESS, business_id)} {kind}`"
    with shown_once(f"the new {kind} key", f"{again}; the old one has stopped."):
        print_json({f"{kind}_key": key}) if as_json else click.echo(key)
    if not as_json:
        click.echo("Keep it: it is not shown again.", err=True)


def _bounds(command: Decorated) -> Decorated:
    """The options that say what a restricted key may do."""
    for option in reversed(
        (
            click.option("--scope", "scopes", type=click.Choice(list(SCOPES)), multiple=True),
            click.option("--amount-limit", type=CENTS, help="The most of one payment."),
            click.option("--daily-limit", type=CENTS, help="The most of one day (UTC)."),
            click.option(
                "--network",
                "networks",
                metavar="ADDRESS",
                multiple=True,
                help="An address or network it is used from, such as 192.0.2.0/24; any without.",
            ),
            click.option("--expires", type=Moment(), help="When it stops."),
        )
    ):
        command = option(command)
    return command


@keys.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("name", type=Text(MAX_NAME))
@_bounds
@as_json
def create(
    business_id: UUID,
    name: str,
    scopes: tuple[Scope, ...],
    amount_limit: int | None,
    daily_limit: int | None,
    networks: tuple[str, ...],
    expires: datetime | None,
    as_json: bool,
) -> None:
    """Make a restricted key, which does what its scopes say and nothing else."""
    wanted = Restrictions(name, scopes, amount_limit, daily_limit, networks, expires)

    async def work(runtime: Runtime) -> NewKey:
        return await runtime.database.write(restricted_keys.create, business_id, wanted, ACTOR)

    made = run(work)
    shown = ids.show(ids.KEY, made.key.id)
    again = f"revoke it, `payviox keys revoke {ids.show(ids.BUSINESS, business_id)} {shown}`"
    with shown_once("the restricted key", f"{again}, and make another."):
        print_json({"key_id": shown, "key": made.secret}) if as_json else click.echo(made.secret)
    if not as_json:
        click.echo(f"Keep it: it is not shown again. Its id is {shown}.", err=True)


@keys.command("list")
@click.argument("business_id", type=BUSINESS)
@as_json
def list_(business_id: UUID, as_json: bool) -> None:
    """List a business's restricted keys, newest first: their bounds, spending and last use."""

    async def read(connection: Connection) -> list[dict[str, object]]:
        await businesses.get(connection, business_id)
        uses = await api_requests.key_uses(connection, business_id)
        listed = await restricted_keys.list_of(connection, business_id)
        return [_shown(key, uses.get(key.id)) for key in listed]

    rows = run(lambda runtime: runtime.database.fetch(read))
    if as_json:
        print_json(rows)
        return
    print_table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows], "No restricted keys.")


@keys.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("key_id", type=KEY)
@click.option("--name", type=Text(MAX_NAME))
@_bounds
@click.option(
    "--clear",
    type=click.Choice(("amount_limit", "daily_limit", "networks", "expires_at")),
    multiple=True,
    help="Lift this bound.",
)
def change(
    business_id: UUID,
    key_id: UUID,
    name: str | None,
    scopes: tuple[Scope, ...],
    amount_limit: int | None,
    daily_limit: int | None,
    networks: tuple[str, ...],
    expires: datetime | None,
    clear: tuple[str, ...],
) -> None:
    """Give a restricted key other bounds; what is not named stays. They hold at once."""
    named = {
        "name": name,
        "scopes": scopes or None,
        "amount_limit": amount_limit,
        "daily_limit": daily_limit,
        "networks": networks or None,
        "expires_at": expires,
    }
    changes: dict[str, object] = {field: new for field, new in named.items() if new is not None}
    changes |= {field: () if field == "networks" else None for field in clear}

    async def work(connection: Connection) -> RestrictedKey:
        before = await restricted_keys.get(connection, business_id, key_id)
        wanted = replace(before.restrictions, **changes)
        return await restricted_keys.change(connection, business_id, key_id, wanted, ACTOR)

    print_pairs(_shown(run(lambda runtime: runtime.database.write(work)), None))


@keys.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("key_id", type=KEY)
@click.option("--yes", is_flag=True, help="Do not ask.")
def revoke(business_id: UUID, key_id: UUID, yes: bool) -> None:
    """Stop a restricted key at once, for good."""
    confirm("The key stops working at once. Go on?", yes=yes)

    async def work(runtime: Runtime) -> RestrictedKey:
        return await runtime.database.write(restricted_keys.revoke, business_id, key_id, ACTOR)

    key = run(work)
    click.echo(f"The key {key.name} that ends with {key.hint} is revoked.")


def _shown(key: RestrictedKey, use: LastUse | None) -> dict[str, object]:
    return {
        "key_id": ids.show(ids.KEY, key.id),
        "hint": key.hint,
        "name": key.name,
        "scopes": key.scopes,
        "amount_limit": key.amount_limit,
        "daily_limit": key.daily_limit,
        "spent_today": key.spent_today,
        "networks": key.networks,
        "expires_at": key.expires_at,
        "made_by": key.made_by,
        "created_at": key.created_at,
        "last_used_at": use.called_at if use else None,
        "last_used_from": use.place if use else None,
    }
