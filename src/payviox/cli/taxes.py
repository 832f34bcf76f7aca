"""`payviox taxes`: what was paid to whom in a year, thresholds of lists, and notes."""

from typing import Any, cast
from uuid import UUID

import click

from payviox import ids
from payviox.businesses import service as businesses
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, CENTS, NOTE, USER, Text, as_json, print_json, print_table
from payviox.cli.runtime import ACTOR, run
from payviox.db.pool import Connection
from payviox.money import dollars
from payviox.taxes import service
from payviox.taxes.model import STATES, Person, State, Threshold

MOST = 1_000
COLUMNS = (
    "user_id",
    "email",
    "provider",
    "orders",
    "paid",
    "returned",
    "total",
    "fees",
    "state",
    "note",
)


@click.group(cls=Group)
def taxes() -> None:
    """Tax facts: what was paid to whom in a year, thresholds, notes. No advice, no filing."""


@taxes.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("year", type=int)
@click.option("--at-least", type=CENTS, default=1, help="Who was paid so many cents or more.")
@as_json
def report(business_id: UUID, year: int, at_least: int, as_json: bool) -> None:
    """Show a calendar year (UTC), a row a payout user and provider, less what came back since."""

    async def read(connection: Connection) -> list[Person]:
        await businesses.get(connection, business_id)
        people: list[Person] = []
        page: list[Person] = []
        while not people or len(page) == MOST:
            page = await service.list_page(
                connection,
                business_id,
                year,
                at_least=at_least,
                after=people[-1].user_id if people else None,
                limit=MOST,
            )
            people += page
            if not page:
                break
        return people

    rows = [
        row for person in run(lambda runtime: runtime.database.fetch(read)) for row in _rows(person)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        row.update({name: dollars(row[name]) for name in ("paid", "returned", "total", "fees")})
    shown = [[row[column] for column in COLUMNS] for row in rows]
    print_table(COLUMNS, shown, "Nobody was paid so much.")


@taxes.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("user_id", type=USER)
@click.argument("state", type=click.Choice(list(STATES)))
@click.option("--note", type=NOTE, help="Where the form is kept, say; no tax number.")
def note(business_id: UUID, user_id: UUID, state: str, note: str | None) -> None:
    """Note a payout user's tax state, in place of what was noted."""
    run(
        lambda runtime: runtime.database.write(
            service.note, business_id, user_id, cast("State", state), note, ACTOR
        )
    )
    click.echo(f"Noted: {STATES[cast('State', state)]}.")


@taxes.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("name", type=Text(100))
@click.argument("amount", type=CENTS, required=False)
def threshold(business_id: UUID, name: str, amount: int | None) -> None:
    """Keep a list's threshold of AMOUNT cents; without it the list is removed. Show all."""

    async def work(connection: Connection) -> list[Threshold]:
        await businesses.get(connection, business_id)
        await service.set_threshold(connection, business_id, name, amount, ACTOR)
        return await service.list_thresholds(connection, business_id)

    kept = run(lambda runtime: runtime.database.write(work))
    print_table(("name", "amount"), [[each.name, each.amount] for each in kept], "No thresholds.")


def _rows(person: Person) -> list[dict[str, Any]]:
    return [
        {
            "user_id": ids.show(ids.USER, person.user_id),
            "email": person.email,
            "provider": row.provider,
            "orders": row.orders,
            "paid": row.paid,
            "returned": row.returned,
            "total": row.total,
            "fees": row.fees,
            "state": person.state,
            "note": person.note,
        }
        for row in person.rows
    ]
