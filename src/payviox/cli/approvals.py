"""`payviox approval`: what waits for a second person, and their word on it."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import click

from payviox import actors, ids
from payviox.actors import Actor
from payviox.agreements import service as agreements
from payviox.approvals import service as approvals
from payviox.approvals.service import WaitingAct
from payviox.auth import operators
from payviox.businesses import service as businesses
from payviox.cli.acting import as_operator
from payviox.cli.groups import Group
from payviox.cli.output import APPROVAL, BUSINESS, as_json, print_json, print_table
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection
from payviox.money import dollars

Decide = Callable[[Connection, UUID, UUID, Actor], Awaitable[WaitingAct]]
MOST = 500


@click.group(cls=Group)
def approval() -> None:
    """Acts that wait for a second person: list, approve, cancel."""


@approval.command("list")
@click.argument("business_id", type=BUSINESS)
@as_json
def list_(business_id: UUID, as_json: bool) -> None:
    """List a business's acts that wait for a second person, oldest first."""

    async def read(connection: Connection) -> list[WaitingAct]:
        await businesses.get(connection, business_id)
        return await approvals.list_waiting(connection, business_id, MOST)

    waiting = run(lambda runtime: runtime.database.fetch(read))
    rows = [_shown(each) for each in waiting]
    if as_json:
        print_json(rows)
        return
    for row, each in zip(rows, waiting, strict=True):
        row["amount"] = dollars(each.amount) if each.amount else ""
    columns = ("approval_id", "act", "amount", "parameters", "started_by", "created_at")
    shown = [[row[column] for column in columns] for row in rows]
    print_table(columns, shown, "Nothing waits for a second person.")


@approval.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("approval_id", type=APPROVAL)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_operator
def approve(business_id: UUID, approval_id: UUID, yes: bool, operator: str | None) -> None:
    """Do what waits, as its second person. Allocations are approved on the dashboard."""
    waiting = run(lambda runtime: runtime.database.fetch(approvals.get, business_id, approval_id))
    about = dollars(waiting.amount) if waiting.amount else str(waiting.parameters)
    confirm(f"Do {waiting.act} over {about}?", yes=yes)
    _decide(business_id, approval_id, operator, agreements.approve)
    click.echo("It is approved and done.")


@approval.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("approval_id", type=APPROVAL)
@as_operator
def cancel(business_id: UUID, approval_id: UUID, operator: str | None) -> None:
    """End what waits without doing it."""
    _decide(business_id, approval_id, operator, approvals.cancel)
    click.echo("It is canceled. Nothing was done.")


def _decide(business_id: UUID, approval_id: UUID, operator: str | None, decide: Decide) -> None:
    async def decided(connection: Connection) -> None:
        who = await operators.acting(connection, operator, ACTOR)
        await decide(connection, business_id, approval_id, who)

    async def work(runtime: Runtime) -> None:
        await runtime.database.write(decided)

    run(work)


def _shown(waiting: WaitingAct) -> dict[str, object]:
    return {
        "approval_id": ids.show(ids.APPROVAL, waiting.id),
        "act": waiting.act,
        "amount": waiting.amount,
        "parameters": waiting.parameters,
        "started_by": actors.operator(waiting.started_by),
        "created_at": waiting.created_at,
    }
