"""`payviox keys`: regenerating API keys."""

from typing import cast
from uuid import UUID

import click

from payviox import ids
from payviox.auth.keys import KINDS, Kind
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, as_json, print_json
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.cli.shown_once import shown_once
from payviox.treasury import service as treasury


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
