"""`payviox business deposit`, `withdraw-funds`, `fund` and `defund`: the business's own money."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import click

from payviox import ids
from payviox.approvals.service import WaitingAct
from payviox.businesses import service as businesses
from payviox.cli.acting import as_person, person, say_waiting
from payviox.cli.output import BUSINESS, CENTS, NOTE, REFERENCE, as_json, plain, print_json
from payviox.cli.runtime import Runtime, run
from payviox.db.pool import Connection
from payviox.money import dollars
from payviox.treasury import service as treasury


@click.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("amount", type=CENTS)
@click.option(
    "--reference",
    "-r",
    type=REFERENCE,
    required=True,
    help="Names this deposit; each is booked once.",
)
@as_person
@as_json
def deposit(
    business_id: UUID, amount: int, reference: str, operator: str | None, as_json: bool
) -> None:
    """Credit AMOUNT cents to the main balance.

    Once for each reference: the same command again changes nothing, so it is safe to repeat.
    """
    made: list[treasury.Booked | WaitingAct] = []

    async def book(connection: Connection) -> None:
        who = await person(connection, operator)
        made.append(await treasury.deposit(connection, business_id, amount, reference, who))

    _say_made(_move(business_id, book, keyed=True), made, reference, as_json)


@click.command("withdraw-funds")
@click.argument("business_id", type=BUSINESS)
@click.argument("amount", type=CENTS)
@click.option(
    "--reference",
    "-r",
    type=REFERENCE,
    required=True,
    help="Names this withdrawal of funds; each is booked once.",
)
@click.option("--reason", type=NOTE, required=True, help="Why, kept beside it.")
@as_person
@as_json
def withdraw_funds(
    business_id: UUID,
    amount: int,
    *,
    reference: str,
    reason: str,
    operator: str | None,
    as_json: bool,
) -> None:
    """Take AMOUNT cents out of the main balance: a mistyped deposit, or money taken back.

    Once for each reference, like `deposit`. What was funded is moved back with `defund` first.
    """
    made: list[treasury.Booked | WaitingAct] = []

    async def book(connection: Connection) -> None:
        who = await person(connection, operator)
        made.append(
            await treasury.withdraw_funds(
                connection, business_id, amount, reference, reason=reason, actor=who
            )
        )

    _say_made(_move(business_id, book, keyed=True), made, reference, as_json)


def _say_made(
    after: treasury.Balances,
    made: list[treasury.Booked | WaitingAct],
    reference: str,
    as_json: bool,
) -> None:
    booked = [each for each in made if isinstance(each, treasury.Booked)]
    if booked:
        _say_booked(after, booked, reference, as_json)
    else:
        _say_unmoved(after, made[-1], as_json)


def _say_booked(
    after: treasury.Balances, made: list[treasury.Booked], reference: str, as_json: bool
) -> None:
    # Of several attempts of this one command, the first may have been the one that booked it.
    already_booked = all(each.already_booked for each in made)
    if as_json:
        print_json({**_both(after), "already_booked": already_booked})
        return
    if already_booked:
        at = made[-1].transfer.created_at
        click.echo(f"{reference} was booked already, at {plain(at)}. Nothing was changed.")
    _say(after)


@click.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("amount", type=CENTS)
@as_person
@as_json
def fund(business_id: UUID, amount: int, operator: str | None, as_json: bool) -> None:
    """Move AMOUNT cents from the main to the payout balance."""
    made: list[object] = []

    async def move(connection: Connection) -> None:
        who = await person(connection, operator)
        made.append(await treasury.fund(connection, business_id, amount, who))

    _say_unmoved(_move(business_id, move), made[-1], as_json)


@click.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("amount", type=CENTS)
@as_person
@as_json
def defund(business_id: UUID, amount: int, operator: str | None, as_json: bool) -> None:
    """Move AMOUNT cents from the payout back to the main balance."""
    made: list[object] = []

    async def move(connection: Connection) -> None:
        who = await person(connection, operator)
        made.append(await treasury.defund(connection, business_id, amount, who))

    _say_unmoved(_move(business_id, move), made[-1], as_json)


def _say_unmoved(after: treasury.Balances, made: object, as_json: bool) -> None:
    """The balances, and whether it waits for a second person."""
    waiting = made if isinstance(made, WaitingAct) else None
    if as_json:
        shown = {"waiting": ids.show(ids.APPROVAL, waiting.id)} if waiting else {}
        print_json({**_both(after), **shown})
        return
    if waiting is not None:
        say_waiting(waiting)
    _say(after)


def _move(
    business_id: UUID, move: Callable[[Connection], Awaitable[object]], *, keyed: bool = False
) -> treasury.Balances:
    async def work(runtime: Runtime) -> treasury.Balances:
        async def moved(connection: Connection) -> treasury.Balances:
            await businesses.get(connection, business_id)
            await move(connection)
            return await treasury.balances(connection, business_id)

        return await runtime.database.write(moved, keyed=keyed)

    return run(work)


def _both(after: treasury.Balances) -> dict[str, object]:
    return {"balance": after.balance, "payout_balance": after.payout_balance}


def _say(after: treasury.Balances) -> None:
    click.echo(f"Main balance {dollars(after.balance)}, payout balance ", nl=False)
    click.echo(f"{dollars(after.payout_balance)}.")
