"""The commands of `payviox reconcile` about suspense items: list them, show one, resolve it."""

from datetime import UTC, datetime
from typing import Any, cast, get_args
from uuid import UUID

import click

from payviox import ids
from payviox.approvals.service import WaitingAct
from payviox.businesses import service as businesses
from payviox.cli.acting import as_person, person, say_waiting
from payviox.cli.output import (
    BUSINESS,
    NOTE,
    Id,
    as_json,
    print_json,
    print_pairs,
    print_table,
)
from payviox.cli.prompts import confirm
from payviox.cli.runtime import Runtime, run
from payviox.db.pool import Connection, Database
from payviox.errors import NotFound
from payviox.ledger.suspense import Cause, Item, Resolution
from payviox.money import dollars
from payviox.reconciliation import resolve as resolving
from payviox.reconciliation.causes import CAUSES, RESOLUTIONS

ITEM = Id(ids.SUSPENSE_ITEM)
PAGE = 500
COLUMNS = ("item_id", "rail", "cause", "amount", "age_hours", "order_id", "resolution")


@click.command()
@click.option("--business", "business_id", type=BUSINESS, help="Of this business alone.")
@click.option("--all", "resolved", is_flag=True, help="Those that are resolved, too.")
@as_json
def items(business_id: UUID | None, resolved: bool, as_json: bool) -> None:
    """List the suspense items, the oldest first.

    The amount is what left by the rail beyond what our books say; negative where our books say
    more.
    """

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        database = runtime.database
        if business_id is None:
            business_ids = [each.id for each in await database.fetch(businesses.list_all)]
        else:
            business_ids = [(await database.fetch(businesses.get, business_id)).id]
        return [
            row
            for each in business_ids
            for row in await items_of(database, each, None, resolved=resolved)
        ]

    rows = run(work)
    if as_json:
        print_json(rows)
        return
    columns = COLUMNS if resolved else COLUMNS[:-1]
    print_table(
        columns, [[row[column] for column in columns] for row in rows], "Nothing is in suspense."
    )


@click.command()
@click.argument("item_id", metavar="ITEM", type=ITEM)
@as_json
def show(item_id: UUID, as_json: bool) -> None:
    """Tell one item: what it means, what the rail says, and what to do."""

    async def work(runtime: Runtime) -> Item:
        return await runtime.database.fetch(_find, item_id)

    item = run(work)
    words = CAUSES[cast("Cause", item.cause)]
    pairs = {
        **shown_item(item),
        "meaning": words.meaning,
        "advice": words.advice if item.is_open else None,
        "evidence": item.evidence,
    }
    print_json(pairs) if as_json else print_pairs(pairs)


@click.command()
@click.argument("item_id", metavar="ITEM", type=ITEM)
@click.option("--as", "resolution", type=click.Choice(get_args(Resolution)), required=True)
@click.option("--reason", type=NOTE, required=True, help="How you know, for the books.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_person
@as_json
def resolve(  # a command's options
    item_id: UUID, resolution: str, reason: str, yes: bool, operator: str | None, as_json: bool
) -> None:
    """Book what you found out about an item; this ends it.

    explained: it is none of our money, or did not happen, and the item's booking is taken back.
    absorbed: the business's main balance bears it, or gets it. charged: the payout user's balance
    does. written_off: nobody's does; it went, or came from, outside of these books.
    """
    chosen = cast("Resolution", resolution)

    async def read(runtime: Runtime) -> Item:
        return await runtime.database.fetch(_find, item_id)

    item = run(read)
    confirm(
        f"{item.cause} of {dollars(item.amount)} on {item.rail}: {RESOLUTIONS[chosen]}."
        " This cannot be taken back. Go on?",
        yes=yes,
    )

    async def book(connection: Connection) -> Item | WaitingAct:
        who = await person(connection, operator)
        return await resolving.resolve(
            connection, item.business_id, item_id, chosen, reason=reason, actor=who
        )

    async def work(runtime: Runtime) -> tuple[Item | WaitingAct, Item]:
        made = await runtime.database.write(book)
        return made, await runtime.database.fetch(_find, item_id)

    made, after = run(work)
    if as_json:
        print_json(shown_item(after))
    elif isinstance(made, WaitingAct):
        say_waiting(made)
    else:
        shown = ids.show(ids.SUSPENSE_ITEM, item_id)
        click.echo(f"{shown} ({dollars(after.amount)}) is {resolution}.")


async def _find(connection: Connection, item_id: UUID) -> Item:
    """An item by its id alone: each business is asked, as every query names one."""
    for business in await businesses.list_all(connection):
        try:
            return await resolving.get(connection, business.id, item_id)
        except NotFound:
            continue
    raise NotFound(f"There is no item {ids.show(ids.SUSPENSE_ITEM, item_id)}")


async def items_of(
    database: Database, business_id: UUID, rail: str | None, *, resolved: bool = False
) -> list[dict[str, Any]]:
    """A business's items, at this rail where one is named, as they are printed."""
    rows: list[dict[str, Any]] = []
    after: UUID | None = None
    while True:
        page = await database.fetch(
            lambda db, after=after: resolving.list_page(  # type: ignore[misc]  # a default binds it
                db, business_id, rail=rail, resolved=resolved, after=after, limit=PAGE
            )
        )
        rows += [shown_item(item) for item in page]
        if len(page) < PAGE:
            return rows
        after = page[-1].id


def shown_item(item: Item) -> dict[str, Any]:
    """An item as it is printed, without its evidence."""
    age = (item.resolved_at or datetime.now(UTC)) - item.opened_at
    return {
        "item_id": ids.show(ids.SUSPENSE_ITEM, item.id),
        "business_id": ids.show(ids.BUSINESS, item.business_id),
        "rail": item.rail,
        "cause": item.cause,
        "amount": item.amount,
        "subject": item.subject,
        "order_id": item.order_id and ids.show(ids.ORDER, item.order_id),
        "opened_at": item.opened_at,
        "seen_at": item.seen_at,
        "age_hours": round(age.total_seconds() / 3600, 1),
        "resolved_at": item.resolved_at,
        "resolved_by": item.resolved_by,
        "resolution": item.resolution,
        "reason": item.reason,
    }
