"""`payviox business embed` and `host`: where the redemption page lives."""

from uuid import UUID

import click

from payviox.cli.output import BUSINESS, print_pairs
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection
from payviox.sites import hosts, origins
from payviox.sites.model import OwnHost


@click.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--origin", "named", multiple=True, help="Such as https://shop.example.com.")
@click.option("--nowhere", is_flag=True, help="No site shows the page any more.")
def embed(business_id: UUID, named: tuple[str, ...], *, nowhere: bool) -> None:
    """Say which sites may show the redemption page inside their own; show which may.

    All of them are named at once: those that were named before and are not named now stop.
    """
    wanted = origins.parse(named)

    async def work(runtime: Runtime) -> list[str]:
        async def change(connection: Connection) -> list[str]:
            if wanted or nowhere:
                await origins.save(connection, business_id, wanted, ACTOR)
            return await origins.get(connection, business_id)

        return await runtime.database.write(change)

    for origin in run(work):
        click.echo(origin)


@click.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--set", "typed", help="Such as redeem.example.com; empty for the installation's.")
def host(business_id: UUID, typed: str | None) -> None:
    """Show the host of the redemption page and whether it leads here; look at it, or set it."""

    async def work(runtime: Runtime) -> OwnHost | None:
        settings, database = runtime.settings, runtime.database
        private, site = settings.allow_private_webhooks, settings.public_url
        if typed is not None:
            wanted = hosts.parse(typed, site, allow_private=private)
            await database.write(hosts.save, business_id, wanted, ACTOR)
        ask = hosts.asking(allow_private=private)
        seen = await hosts.leads_here(database, business_id, site, ask)
        if seen is not None:
            await database.write(hosts.record_check, business_id, seen, ACTOR)
        return await database.fetch(hosts.get, business_id)

    own = run(work)
    if own is not None:
        print_pairs({"host": own.host, "state": own.state})
