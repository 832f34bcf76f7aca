"""`payviox business create`."""

import click

from payviox import ids
from payviox.auth.keys import KINDS
from payviox.cli.output import NAME, as_json, print_json
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.cli.shown_once import shown_once
from payviox.treasury import service as treasury
from payviox.treasury.service import NewBusiness


@click.command()
@click.argument("name", type=NAME)
@as_json
def create(name: str, as_json: bool) -> None:
    """Make a live and a test business called NAME, each with its keys, payouts off.

    The keys are shown this once; `payviox keys regenerate` makes new ones.
    """

    async def work(runtime: Runtime) -> tuple[NewBusiness, NewBusiness]:
        return await runtime.database.write(treasury.open_organization, name, ACTOR)

    twins = dict(zip(("live", "test"), map(_shown, run(work, may_begin=True)), strict=True))
    again = "; ".join(
        f"`payviox keys regenerate {twin['business_id']} {kind}`"
        for twin in twins.values()
        for kind in KINDS
    )
    with shown_once("the keys of the new businesses", again):
        if as_json:
            print_json({"name": name, **twins})
            return
        for mode, twin in twins.items():
            click.echo(f"{name} ({mode})")
            for field, value in twin.items():
                click.echo(f"  {field:<12} {value}")
    click.echo("Keep the keys: they are not shown again.", err=True)


def _shown(made: NewBusiness) -> dict[str, str]:
    return {
        "business_id": ids.show(ids.BUSINESS, made.business.id),
        "secret_key": made.secret_key,
        "public_key": made.public_key,
    }
