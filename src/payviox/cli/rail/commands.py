"""`payviox rail`: a business's own accounts at rails: which there are, their limits and fees,
and what they told us. Connecting one is in rail_connect.py, asking one in rail_ask.py."""

import inspect
from functools import partial
from typing import Any
from uuid import UUID

import click

from payviox import ids
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, LIMIT, as_json, print_json, print_pairs, print_table
from payviox.cli.prompts import confirm
from payviox.cli.rail.accounts import RAIL, shown
from payviox.cli.rail.check import check, float_, products
from payviox.cli.rail.connect import connect, keystore_group
from payviox.cli.rail.price import price
from payviox.cli.rail.wallet import accept_nonces
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.rail_accounts import callbacks as kept_callbacks
from payviox.rail_accounts import rules, service
from payviox.rail_accounts.checking import accounts_of


@click.group(cls=Group)
def rail() -> None:
    """A business's own accounts at PayPal, Tremendous, a bank and on EVM chains."""


for part in (connect, keystore_group, check, float_, price, products, accept_nonces):
    rail.add_command(part)


@rail.command("list")
@click.argument("business_id", type=BUSINESS)
@as_json
def list_(business_id: UUID, as_json: bool) -> None:
    """List the accounts that a business has connected."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        return [
            shown(runtime, account) for account in await accounts_of(runtime.database, business_id)
        ]

    rows = run(work)
    if as_json:
        print_json(rows)
        return
    columns = ("rail", "environment", "enabled", "min_amount", "max_amount", "fee_payer")
    print_table(
        columns,
        [[row[column] for column in columns] for row in rows],
        "The business has connected no account: see `payviox rail connect --help`.",
    )


@rail.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("name", metavar="RAIL", type=RAIL)
@as_json
def show(business_id: UUID, name: str, as_json: bool) -> None:
    """Show one account: settings, limits and fees; never its credentials."""

    async def work(runtime: Runtime) -> dict[str, Any]:
        [account] = await accounts_of(runtime.database, business_id, name)
        return shown(runtime, account)

    account = run(work)
    print_json(account) if as_json else print_pairs(account)


@rail.command("set")
@click.argument("business_id", type=BUSINESS)
@click.argument("name", metavar="RAIL", type=RAIL)
@click.argument("assignments", metavar="NAME=VALUE...", nargs=-1, required=True)
@as_json
def set_(business_id: UUID, name: Any, assignments: tuple[str, ...], as_json: bool) -> None:
    """Change limits, fees and settings of an account; the value `none` clears one. Credentials are
    changed by connecting again."""
    changes = rules.parse(name, assignments)

    async def work(runtime: Runtime) -> dict[str, Any]:
        account = await runtime.database.write(service.change, business_id, name, changes, ACTOR)
        return shown(runtime, account)

    now = run(work)
    if as_json:
        print_json(now)
        return
    for assignment in assignments:
        setting = assignment.partition("=")[0].strip()
        value = now.get(setting, now["settings"].get(setting))
        click.echo(f"{setting} = {'none' if value is None else value}")


def _meanings() -> str:
    lines = [f"{name:<18} {rule.meaning}" for name, rule in rules.COLUMNS.items()]
    for name in rules.RAILS:
        lines += ["", f"{name}:"]
        lines += [
            f"{setting:<18} {rule.meaning}"
            for setting, rule in rules.settable(name).items()
            if setting not in rules.COLUMNS
        ]
    return "\n\n\b\n" + "\n".join(line or "\n\b" for line in lines)


set_.help = inspect.cleandoc(set_.help or "") + _meanings()


@rail.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("name", metavar="RAIL", type=RAIL)
def enable(business_id: UUID, name: str) -> None:
    """Let withdrawals go to an account again."""
    _switch(business_id, name, enabled=True)
    click.echo(f"{name} is enabled.")


@rail.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("name", metavar="RAIL", type=RAIL)
def disable(business_id: UUID, name: str) -> None:
    """Let no new withdrawals go to an account. Those under way go on."""
    _switch(business_id, name, enabled=False)
    click.echo(f"{name} is disabled. Withdrawals under way go on.")


def _switch(business_id: UUID, name: str, *, enabled: bool) -> None:
    async def work(runtime: Runtime) -> None:
        await runtime.database.write(
            partial(service.switch, enabled=enabled), business_id, name, ACTOR
        )

    run(work)


@rail.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("name", metavar="RAIL", type=RAIL)
@click.option("--yes", is_flag=True, help="Do not ask.")
def disconnect(business_id: UUID, name: str, yes: bool) -> None:
    """Forget an account with its credentials; refused while orders are under way at it."""
    confirm(f"Its credentials are forgotten. Disconnect {name}?", yes=yes)

    async def work(runtime: Runtime) -> None:
        await runtime.database.write(service.disconnect, business_id, name, ACTOR)

    run(work)
    click.echo(f"{name} is disconnected.")


@rail.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--rail", "name", type=RAIL, help="Of this rail alone.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@as_json
def callbacks(business_id: UUID, name: str | None, limit: int, as_json: bool) -> None:
    """List the callbacks that rails sent, newest first, and the orders that each was about."""

    async def work(runtime: Runtime) -> tuple[list[dict[str, Any]], list[str]]:
        accounts = await accounts_of(runtime.database, business_id, name)
        latest = await runtime.database.fetch(kept_callbacks.list_latest, business_id, name, limit)
        rows = [
            {
                "received_at": callback.received_at,
                "rail": callback.rail,
                "type": kept_callbacks.event_type(callback.body),
                "event_id": callback.event_id,
                "orders": [ids.show(ids.ORDER, order) for order in callback.orders],
            }
            for callback in latest
        ]
        address = runtime.settings.public_url
        urls = [kept_callbacks.url(address, a) for a in accounts if a.rail in rules.CALLS_BACK]
        return rows, urls

    rows, urls = run(work)
    if as_json:
        print_json(rows)
        return
    columns = ("received_at", "rail", "type", "event_id", "orders")
    registered = " and ".join(urls) or "no address: connect an account first"
    print_table(
        columns,
        [[row[column] for column in columns] for row in rows],
        f"Nothing came yet. Rails send to {registered}.",
    )
