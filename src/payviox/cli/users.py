"""`payviox users`: payout users, switched, given a new hash, or their unspent money taken back."""

from datetime import datetime
from typing import Any, cast, get_args
from uuid import UUID

import click

from payviox import ids
from payviox.allocations import service as allocations
from payviox.approvals.service import WaitingAct
from payviox.businesses import service as businesses
from payviox.cli.acting import as_person, person, say_waiting
from payviox.cli.groups import Group
from payviox.cli.output import (
    BUSINESS,
    CENTS,
    LIMIT,
    USER,
    as_json,
    at_moment,
    print_json,
    print_table,
)
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.cli.shown_once import shown_once
from payviox.db.pool import Connection
from payviox.errors import FieldErrors, NotFound
from payviox.ledger.model import Transfer
from payviox.money import dollars
from payviox.payout_users import service as payout_users
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.payout_users.model import PayoutUser, Status
from payviox.reporting import balances


@click.group(cls=Group)
def users() -> None:
    """Payout users: list, activate, deactivate, give a new hash, take money back."""


@users.command("list")
@click.argument("business_id", type=BUSINESS)
@click.option("--email", help="The one with this address.")
@click.option("--status", type=click.Choice(get_args(Status)))
@click.option("--after", type=USER, help="Only those made before this one.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@at_moment
@as_json
def list_(
    business_id: UUID,
    *,
    email: str | None,
    status: str | None,
    after: UUID | None,
    limit: int,
    at: datetime | None,
    as_json: bool,
) -> None:
    """List a business's payout users, newest first, with what they have not spent, or had not at a
    moment."""
    try:
        address = None if email is None else canonical(email)
    except InvalidEmail as error:
        raise FieldErrors({"email": [error.in_full]}) from error

    async def work(runtime: Runtime) -> list[PayoutUser]:
        async def read(connection: Connection) -> list[PayoutUser]:
            await businesses.get(connection, business_id)
            users = await payout_users.list_page(
                connection,
                business_id,
                email=address,
                status=cast("Status | None", status),
                after=after,
                limit=limit,
            )
            return await balances.of_users(connection, business_id, users, at)

        return await runtime.database.fetch(read)

    rows = [_shown(each) for each in run(work)]
    if as_json:
        print_json(rows)
        return
    columns = ("payout_user_id", "email", "status", "balance", "created_at")
    print_table(
        columns,
        [[row[column] for column in columns] for row in rows],
        "No payout user is like that." if email or status or after else "No payout users.",
    )


def _shown(user: PayoutUser) -> dict[str, Any]:
    return {
        "payout_user_id": ids.show(ids.USER, user.id),
        "email": user.email,
        "status": user.status,
        "balance": user.balance,
        "created_at": user.created_at,
    }


@users.command()
@click.argument("user_id", type=USER)
def deactivate(user_id: UUID) -> None:
    """Stop a payout user's access and new orders at once. Orders that are open go on."""
    _set_status(user_id, "inactive")


@users.command()
@click.argument("user_id", type=USER)
def activate(user_id: UUID) -> None:
    """Give a payout user access again."""
    _set_status(user_id, "active")


def _set_status(user_id: UUID, status: Status) -> None:
    async def work(runtime: Runtime) -> PayoutUser:
        async def change(connection: Connection) -> PayoutUser:
            business_id = await business_of(connection, user_id)
            return await allocations.set_status(connection, business_id, user_id, status, ACTOR)

        return await runtime.database.write(change)

    user = run(work)
    click.echo(f"{user.email} is {user.status}.")


@users.command("rotate-hash")
@click.argument("user_id", type=USER)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def rotate_hash(user_id: UUID, yes: bool, as_json: bool) -> None:
    """Give a payout user a new hash; the old one stops at once."""
    confirm("The present hash stops working at once. Go on?", yes=yes)

    async def work(runtime: Runtime) -> str:
        async def change(connection: Connection) -> str:
            business_id = await business_of(connection, user_id)
            return await allocations.rotate_hash(
                connection, runtime.keyring, business_id, user_id, ACTOR
            )

        return await runtime.database.write(change)

    made = run(work)
    shown_id = ids.show(ids.USER, user_id)
    again = f"`payviox users rotate-hash {shown_id}`; the old one has stopped."
    with shown_once("the payout user's new hash", again):
        print_json({"payout_user_id": shown_id, "hash": made}) if as_json else click.echo(made)


@users.command()
@click.argument("user_id", type=USER)
@click.argument("amount", type=CENTS)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_person
def revoke(user_id: UUID, amount: int, yes: bool, operator: str | None) -> None:
    """Take AMOUNT unspent cents back to the payout balance."""
    confirm(f"{dollars(amount)} are taken from the payout user. Go on?", yes=yes)

    async def work(runtime: Runtime) -> Transfer | WaitingAct:
        async def change(connection: Connection) -> Transfer | WaitingAct:
            business_id = await business_of(connection, user_id)
            who = await person(connection, operator)
            return await allocations.revoke(connection, business_id, user_id, amount, who)

        return await runtime.database.write(change)

    made = run(work)
    if isinstance(made, WaitingAct):
        say_waiting(made)
    else:
        click.echo(f"{dollars(made.from_balance)} are left with the payout user.")


async def business_of(connection: Connection, user_id: UUID) -> UUID:
    """The business of a payout user by their id alone: each is asked, as every query on payout
    users names one. Raises NotFound."""
    for business in await businesses.list_all(connection):
        try:
            await payout_users.get(connection, business.id, user_id)
        except NotFound:
            continue
        return business.id
    raise NotFound(f"There is no payout user {ids.show(ids.USER, user_id)}")
