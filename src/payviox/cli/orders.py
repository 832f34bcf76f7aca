"""`payviox order`: payout orders, one order's whole story, and what an operator decides."""

from collections.abc import Awaitable, Callable
from typing import Any, cast, get_args
from uuid import UUID

import click

from payviox import ids
from payviox.businesses import service as businesses
from payviox.cli.output import (
    BUSINESS,
    ORDER,
    USER,
    as_json,
    cell,
    print_json,
    print_pairs,
    print_table,
    show_audit,
    show_event,
)
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection, Database
from payviox.errors import NotFound
from payviox.giftcards import service as giftcards
from payviox.ledger import service as ledger
from payviox.money import dollars
from payviox.rails.base import Provider
from payviox.webhooks import log
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals import settling
from payviox.withdrawals.model import Order, Status

Decide = Callable[[Connection, UUID], Awaitable[Order]]
"""A decision on an order of this business."""


@click.group()
def order() -> None:
    """Payout orders: list, one order's whole story, approve, reject, cancel."""


@order.command("list")
@click.argument("business_id", type=BUSINESS)
@click.option("--status", type=click.Choice(get_args(Status)))
@click.option("--provider", type=click.Choice(get_args(Provider)))
@click.option("--user", "user_id", type=USER, help="Of this payout user alone.")
@click.option("--after", type=ORDER, help="Only orders older than this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
def list_(
    business_id: UUID,
    *,
    status: str | None,
    provider: str | None,
    user_id: UUID | None,
    after: UUID | None,
    limit: int,
    as_json: bool,
) -> None:
    """List a business's orders, newest first."""

    async def work(runtime: Runtime) -> list[Order]:
        async def read(connection: Connection) -> list[Order]:
            await businesses.get(connection, business_id)
            return await withdrawals.list_page(
                connection,
                business_id,
                user_id=user_id,
                status=status,
                provider=cast("Provider | None", provider),
                after=after,
                limit=limit,
            )

        return await runtime.database.fetch(read)

    rows = [_shown(each) for each in run(work)]
    if as_json:
        print_json(rows)
        return
    columns = ("order_id", "status", "provider", "amount", "email", "created_at")
    print_table(columns, [[row[column] for column in columns] for row in rows], "No orders.")


@order.command()
@click.argument("order_id", type=ORDER)
@as_json
def show(order_id: UUID, as_json: bool) -> None:
    """Tell one order's whole story: states, attempts at the rail, alerts, money, webhooks."""
    story = run(lambda runtime: runtime.database.fetch(lambda db: _story(db, order_id)))
    if as_json:
        print_json(story)
        return
    print_pairs({name: value for name, value in story.items() if not isinstance(value, list)})
    _section("States", story["states"], ("created_at", "status", "actor", "note"))
    _section("Attempts", story["attempts"], ("started_at", "reference", "outcome", "answer"))
    _section("Alerts", story["audit"], ("created_at", "action", "actor", "detail"))
    _section("Money", story["transfers"], ("created_at", "kind", "amount", "from", "to"))
    _section("Events", story["events"], ("created_at", "type", "delivery", "attempts", "answer"))
    _section("Reveals", story["reveals"], ("created_at", "gift_card_id"))


def _section(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    click.echo(f"\n{title}")
    for row in rows or []:
        click.echo("  " + "  ".join(cell(row[column]) for column in columns))
    if not rows:
        click.echo("  none")


async def _story(connection: Connection, order_id: UUID) -> dict[str, Any]:
    found = await find(connection, order_id)
    at = (found.business_id, order_id)
    events = await log.latest(connection, found.business_id, order_id=order_id, limit=100)
    entries = await businesses.list_audit(
        connection, found.business_id, order_id=order_id, limit=100
    )
    moves = await ledger.list_movements(
        connection, found.business_id, order_id=order_id, limit=1000
    )
    return {
        **_shown(found),
        "states": [
            {
                "status": state.status,
                "actor": state.actor,
                "note": state.note,
                "created_at": state.created_at,
            }
            for state in await withdrawals.list_states(connection, *at)
        ],
        "attempts": [
            {
                "number": attempt.number,
                "reference": attempt.reference,
                "outcome": attempt.outcome,
                "answer": attempt.answer,
                "started_at": attempt.started_at,
                "finished_at": attempt.finished_at,
            }
            for attempt in await withdrawals.list_attempts(connection, *at)
        ],
        "transfers": [
            {
                "transfer_id": ids.show(ids.TRANSFER, str(move.id)),
                "kind": move.kind,
                "amount": move.amount,
                "from": f"{move.from_kind} {move.from_rail}".strip(),
                "to": f"{move.to_kind} {move.to_rail}".strip(),
                "actor": move.actor,
                "created_at": move.created_at,
            }
            for move in reversed(moves)
        ],
        "events": [show_event(entry) for entry in reversed(events)],
        "audit": [show_audit(entry) for entry in reversed(entries)],
        "reveals": [
            {
                "gift_card_id": reveal.gift_card_id
                and ids.show(ids.GIFT_CARD, reveal.gift_card_id),
                "created_at": reveal.created_at,
            }
            for reveal in await giftcards.list_reveals(connection, *at)
        ],
    }


async def find(connection: Connection, order_id: UUID) -> Order:
    """An order by its id alone: each business is asked, as every query on orders names one.

    Raises NotFound.
    """
    for business in await businesses.list_all(connection):
        try:
            return await withdrawals.get(connection, business.id, order_id)
        except NotFound:
            continue
    raise NotFound(f"There is no order {ids.show(ids.ORDER, order_id)}")


def _shown(found: Order) -> dict[str, Any]:
    return {
        "order_id": ids.show(ids.ORDER, found.id),
        "business_id": ids.show(ids.BUSINESS, found.business_id),
        "payout_user_id": ids.show(ids.USER, found.payout_user_id),
        "email": found.email,
        "status": found.status,
        "provider": found.provider,
        "rail": found.rail,
        "amount": found.amount,
        "fees": found.fees,
        "net_amount": found.net_amount,
        "destination": found.destination,
        "review_reasons": ", ".join(found.review_reasons) or None,
        "note": found.note,
        "failure": found.failure,
        "waiting": found.waiting,
        "due_at": found.due_at,
        "rail_order_id": found.rail_order_id,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
    }


@order.command()
@click.argument("order_id", type=ORDER)
@as_json
def approve(order_id: UUID, as_json: bool) -> None:
    """Let a reviewed order go, for the amount and destination that it has now."""
    _decide(
        order_id, as_json, lambda db, business: withdrawals.approve(db, business, order_id, ACTOR)
    )


@order.command()
@click.argument("order_id", type=ORDER)
@click.option("--note", help="Why: told to the business in payout.rejected.")
@as_json
def reject(order_id: UUID, note: str | None, as_json: bool) -> None:
    """Refuse an order that was not sent; its money goes back to the payout user."""
    _decide(
        order_id,
        as_json,
        lambda db, business: withdrawals.reject(db, business, order_id, ACTOR, note),
    )


@order.command()
@click.argument("order_id", type=ORDER)
@as_json
def cancel(order_id: UUID, as_json: bool) -> None:
    """Take back an order that was not sent; its money goes back to the payout user."""
    _decide(
        order_id, as_json, lambda db, business: withdrawals.cancel(db, business, order_id, ACTOR)
    )


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
        print_json(_shown(after))
    else:
        shown = ids.show(ids.ORDER, after.id)
        click.echo(f"{shown} is {after.status}; the look-up at {after.rail} is due now.")


@order.command()
@click.argument("order_id", type=ORDER)
@click.argument("ended", type=click.Choice(get_args(settling.Ended)))
@click.option("--reason", required=True, help="How you know; payout users see why one failed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def settle(order_id: UUID, ended: str, reason: str, yes: bool, as_json: bool) -> None:
    """Book what you found out at the rail about an order that waits for a person.

    succeeded: the money was paid out. failed: it was not; it goes back to the payout user.
    """
    if not reason.strip() or len(reason) > 500 or not reason.isprintable():
        raise click.BadParameter("give 1 to 500 printable characters", param_hint="--reason")
    confirm(f"Book the order as {ended}? This cannot be taken back.", yes=yes)
    _decide(
        order_id,
        as_json,
        lambda db, business: settling.settle(
            db,
            business,
            order_id,
            cast("settling.Ended", ended),
            reason=reason.strip(),
            actor=ACTOR,
        ),
    )


def _decide(order_id: UUID, as_json: bool, decide: Decide) -> None:
    async def work(runtime: Runtime) -> Order:
        return await _decided(runtime.database, order_id, decide)

    after = run(work)
    if as_json:
        print_json(_shown(after))
    else:
        waiting = f" ({after.waiting})" if after.waiting else ""
        shown = ids.show(ids.ORDER, after.id)
        click.echo(f"{shown} ({dollars(after.amount)}) is {after.status}{waiting}.")


async def _decided(database: Database, order_id: UUID, decide: Decide) -> Order:
    found = await database.fetch(lambda connection: find(connection, order_id))
    return await database.write(lambda connection: decide(connection, found.business_id))
