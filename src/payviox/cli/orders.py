"""`payviox order`: payout orders, one order's whole story, and what an operator decides."""

from collections.abc import Awaitable, Callable
from typing import cast, get_args
from uuid import UUID

import click

from payviox import ids
from payviox.actors import Actor
from payviox.auth import operators
from payviox.businesses import service as businesses
from payviox.cli.acting import as_operator
from payviox.cli.groups import Group
from payviox.cli.order_story import print_story, recipient, shown, story_of
from payviox.cli.output import (
    BUSINESS,
    LIMIT,
    ORDER,
    USER,
    age,
    as_json,
    counted,
    print_json,
    print_table,
)
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection, Database
from payviox.money import dollars
from payviox.order_states import Status
from payviox.rails.protocol import Provider
from payviox.reporting.order_timeline import find_order, timeline
from payviox.withdrawals import manual_settlement
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order

Decide = Callable[[Connection, UUID, Actor], Awaitable[Order]]
"""A decision of somebody's on an order of this business."""

LISTED = "order_id status waiting age provider rail amount email created_at"
IN_REVIEW = "order_id review_reasons age amount to email provider rail created_at"
"""What is listed of orders on a screen, and of those that somebody has to decide on."""


@click.group(cls=Group)
def order() -> None:
    """Payout orders: list, one order's whole story, approve, reject, cancel."""


@order.command("list")
@click.argument("business_id", type=BUSINESS)
@click.option("--status", type=click.Choice(get_args(Status)))
@click.option("--provider", type=click.Choice(get_args(Provider)))
@click.option("--user", "user_id", type=USER, help="Of this payout user alone.")
@click.option("--waiting", metavar="CAUSE", help="Waiting for this alone, such as person.")
@click.option("--after", type=ORDER, help="Only orders older than this one.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@as_json
def list_(
    business_id: UUID,
    *,
    status: str | None,
    provider: str | None,
    user_id: UUID | None,
    waiting: str | None,
    after: UUID | None,
    limit: int,
    as_json: bool,
) -> None:
    """List a business's orders, newest first, with what each waits for."""

    async def work(runtime: Runtime) -> list[Order]:
        async def read(connection: Connection) -> list[Order]:
            await businesses.get(connection, business_id)
            return await withdrawals.list_page(
                connection,
                business_id,
                user_id=user_id,
                status=status,
                provider=cast("Provider | None", provider),
                waiting=waiting,
                after=after,
                limit=limit,
            )

        return await runtime.database.fetch(read)

    orders = run(work)
    rows = [shown(each) | {"age": age(each.created_at)} for each in orders]
    if as_json:
        print_json(rows)
        return
    for row, each in zip(rows, orders, strict=True):
        row["to"] = recipient(each)
    columns = (IN_REVIEW if status == "review" else LISTED).split()
    nothing = "No orders." if rows or waiting is None else _nobody_waits(business_id, waiting)
    print_table(columns, [[row[column] for column in columns] for row in rows], nothing)


@order.command()
@click.argument("order_id", type=ORDER)
@as_json
def show(order_id: UUID, as_json: bool) -> None:
    """Tell one order's whole story: states, attempts at the rail, callbacks, alerts, money, events.

    An attempt's answer is the rail's last word on it: the evidence, where an order is unknown.
    """
    story = story_of(run(lambda runtime: runtime.database.fetch(timeline, order_id)))
    if as_json:
        print_json(story)
    else:
        print_story(story)


@order.command()
@click.argument("order_id", type=ORDER)
@as_operator
@as_json
def approve(order_id: UUID, operator: str | None, as_json: bool) -> None:
    """Let a reviewed order go, for the amount and destination that it has now.

    Over the business's second_person_amount it goes when a second person has said so, too.
    """
    _decide(
        order_id,
        operator,
        as_json,
        lambda db, business, who: withdrawals.approve(db, business, order_id, who),
    )


@order.command()
@click.argument("order_id", type=ORDER)
@click.option("--note", help="Why: told to the business in payout.rejected.")
@as_operator
@as_json
def reject(order_id: UUID, note: str | None, operator: str | None, as_json: bool) -> None:
    """Refuse an order that was not sent; its money goes back to the payout user."""
    _decide(
        order_id,
        operator,
        as_json,
        lambda db, business, who: withdrawals.reject(db, business, order_id, who, note),
    )


@order.command()
@click.argument("order_id", type=ORDER)
@as_operator
@as_json
def cancel(order_id: UUID, operator: str | None, as_json: bool) -> None:
    """Take back an order that was not sent; its money goes back to the payout user."""
    _decide(
        order_id,
        operator,
        as_json,
        lambda db, business, who: withdrawals.cancel(db, business, order_id, who),
    )


@order.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--waiting", required=True, metavar="CAUSE", help="Such as float_empty.")
@as_json
def resume(business_id: UUID, waiting: str, as_json: bool) -> None:
    """Let every order of a business that waits for CAUSE be tried now, such as after a top-up.

    Those that were not sent are sent, the others are looked up at their rails. By themselves they
    are tried again too, but ever more rarely.
    """

    async def resumed(connection: Connection) -> int:
        await businesses.get(connection, business_id)
        return await withdrawals.resume(connection, business_id, waiting, ACTOR)

    number = run(lambda runtime: runtime.database.write(resumed))
    if as_json:
        print_json({"orders": number})
    elif number:
        click.echo(f"{counted(number, 'order')} will be tried now.")
    else:
        click.echo(_nobody_waits(business_id, waiting))


def _nobody_waits(business_id: UUID, waiting: str) -> str:
    async def work(runtime: Runtime) -> list[str]:
        return await runtime.database.fetch(withdrawals.waiting_causes, business_id)

    causes = run(work)
    known = f"orders wait for: {', '.join(causes)}" if causes else "no order waits for anything"
    return f"No order waits for {waiting!r}; {known}."


@order.command("look-up")
@click.argument("order_id", type=ORDER)
@as_json
def look_up(order_id: UUID, as_json: bool) -> None:
    """Have the worker ask the rail now what became of an order that was sent."""

    async def ask(connection: Connection, business_id: UUID) -> Order:
        await withdrawals.look_up_now(connection, business_id, order_id, ACTOR)
        return await withdrawals.get(connection, business_id, order_id)

    after = run(lambda runtime: _decided(runtime.database, order_id, ask))
    if as_json:
        print_json(shown(after))
    else:
        name = ids.show(ids.ORDER, after.id)
        click.echo(f"{name} is {after.status}; the look-up at {after.rail} is due now.")


@order.command()
@click.argument("order_id", type=ORDER)
@click.argument("ended", type=click.Choice(get_args(manual_settlement.Ended)))
@click.option("--reason", required=True, help="How you know; payout users see why one failed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_operator
@as_json
def settle(
    order_id: UUID, ended: str, *, reason: str, yes: bool, operator: str | None, as_json: bool
) -> None:
    """Book what you found out at the rail about an order that waits for a person.

    succeeded: the money was paid out. failed: it was not, and never will be; it goes back to the
    payout user.
    """

    async def check(runtime: Runtime) -> Order:
        found = await runtime.database.fetch(find_order, order_id)
        manual_settlement.check(found)
        return found

    seen = run(check)
    amount = dollars(seen.amount)
    confirm(f"Book the order of {amount} as {ended}? This cannot be taken back.", yes=yes)

    async def work(runtime: Runtime) -> Order:
        async with runtime.rails() as rails:
            return await manual_settlement.settle_by_hand(
                runtime.database,
                rails,
                seen,
                cast("manual_settlement.Ended", ended),
                reason=reason,
                who=lambda db: operators.acting(db, operator, ACTOR),
            )

    _print(run(work), as_json)


def _decide(order_id: UUID, operator: str | None, as_json: bool, decide: Decide) -> None:
    async def decided(connection: Connection, business_id: UUID) -> Order:
        who = await operators.acting(connection, operator, ACTOR)
        return await decide(connection, business_id, who)

    async def work(runtime: Runtime) -> Order:
        return await _decided(runtime.database, order_id, decided)

    _print(run(work), as_json)


def _print(after: Order, as_json: bool) -> None:
    if as_json:
        print_json(shown(after))
    else:
        waiting = f" ({after.waiting})" if after.waiting else ""
        name = ids.show(ids.ORDER, after.id)
        click.echo(f"{name} ({dollars(after.amount)}) is {after.status}{waiting}.")


async def _decided(
    database: Database, order_id: UUID, decide: Callable[[Connection, UUID], Awaitable[Order]]
) -> Order:
    found = await database.fetch(find_order, order_id)
    return await database.write(decide, found.business_id)
