"""What was paid to whom in a year (UTC), from the ledger, and what a business notes beside it.
Facts for an accountant: no advice, and nothing is filed. Amounts are US cents."""

from datetime import UTC, datetime
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors
from payviox.ledger import statements
from payviox.payout_users import service as payout_users
from payviox.taxes.model import Paid, Person, State, Threshold
from payviox.taxes.queries import facts as queries
from payviox.text import MAX_NOTE, printable

FIRST_YEAR, LAST_YEAR = 2000, 9998
LOOKED_AT = 500
"""Payout users that are looked at together."""
MOST_THRESHOLDS = 50

list_thresholds = queries.list_thresholds
find_note = queries.find_note


async def list_page(
    connection: Connection,
    business_id: UUID,
    year: int,
    *,
    at_least: int = 1,
    after: UUID | None = None,
    limit: int,
) -> list[Person]:
    """The next people by their ids who were paid so many cents or more in the year, by the time of
    success; what came back since is taken off. Who has nothing left is in no list.

    Raises FieldErrors for a year that has not begun.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise FieldErrors({"year": [f"The year must be {FIRST_YEAR} to {LAST_YEAR}."]})
    start = datetime(year, 1, 1, tzinfo=UTC)
    await statements.require_past(connection, year=start)
    first = await statements.boundary(connection, business_id, start)
    last = await statements.boundary(connection, business_id, start.replace(year=year + 1))
    people: list[Person] = []
    while True:
        users = await queries.next_users(connection, business_id, after, LOOKED_AT)
        if not users:
            return people
        for person in _people(await queries.paid(connection, business_id, users, first, last)):
            if person.total >= at_least:
                people.append(person)
                if len(people) == limit:
                    return people
        after = users[-1]


async def note(
    connection: Connection,
    business_id: UUID,
    user_id: UUID,
    state: State,
    text: str | None,
    actor: Actor,
) -> None:
    """Note a payout user's tax state in place of what was noted. Raises NotFound, FieldErrors."""
    await payout_users.get(connection, business_id, user_id)
    try:
        text = printable(text) if text else None
    except ValueError as error:
        raise FieldErrors({"note": [f"The note {error}, {MAX_NOTE} at the most."]}) from error
    before = await queries.find_note(connection, business_id, user_id)
    await queries.put_note(connection, business_id, user_id, state, text)
    await audit.record(
        connection,
        business_id,
        actor,
        "tax.note",
        {"payout_user": ids.show(ids.USER, user_id)},
        before={"state": before and before.state, "note": before and before.note},
        after={"state": state, "note": text},
    )


async def set_threshold(
    connection: Connection, business_id: UUID, name: str, amount: int | None, actor: Actor
) -> None:
    """Keep a list's threshold in cents; None forgets the list. Raises FieldErrors and Conflict."""
    try:
        name = printable(name, 100)
    except ValueError as error:
        raise FieldErrors({"name": [f"The name {error}."]}) from error
    kept = {each.name: each.amount for each in await list_thresholds(connection, business_id)}
    if amount is not None and name not in kept and len(kept) >= MOST_THRESHOLDS:
        raise Conflict(f"There are {MOST_THRESHOLDS} thresholds already. Remove one first.")
    await queries.put_threshold(connection, business_id, name, amount)
    await audit.record(
        connection,
        business_id,
        actor,
        "tax.set_threshold",
        {"name": name},
        before={"amount": kept.get(name)},
        after={"amount": amount},
    )


def _people(rows: list[Paid]) -> list[Person]:
    by_user: dict[UUID, list[Paid]] = {}
    for row in rows:
        by_user.setdefault(row.user_id, []).append(row)
    return [
        Person(user_id, paid[0].email, paid[0].state, paid[0].note, paid)
        for user_id, paid in by_user.items()
    ]


__all__ = [
    "Threshold",
    "find_note",
    "list_page",
    "list_thresholds",
    "note",
    "set_threshold",
]
