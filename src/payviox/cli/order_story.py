"""One order's whole story, as `payviox order show` tells it: states, attempts at the rail and what
the rail answered, callbacks, money, webhooks."""

from typing import Any
from uuid import UUID

import click

from payviox import ids
from payviox.businesses import service as businesses
from payviox.cli.output import age, cell, print_pairs
from payviox.cli.shown import show_audit, show_event
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.giftcards import service as giftcards
from payviox.ledger import service as ledger
from payviox.rail_accounts import callbacks
from payviox.rail_accounts.callbacks import KeptCallback
from payviox.webhooks import log
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Attempt, Order

MOST = 1000
"""Lines of one section."""

SECTIONS = {
    "states": ("States", ("created_at", "status", "actor", "note")),
    "attempts": (
        "Attempts",
        ("started_at", "age", "reference", "outcome", "rail_order_id", "finished_at", "answer"),
    ),
    "callbacks": ("Callbacks", ("received_at", "rail", "event_id")),
    "audit": ("Alerts", ("created_at", "action", "actor", "detail")),
    "transfers": ("Money", ("created_at", "kind", "amount", "from", "to")),
    "events": ("Events", ("created_at", "type", "delivery", "attempts", "answer")),
    "reveals": ("Reveals", ("created_at", "gift_card_id")),
}
"""Each part of the story with its title and columns on a screen."""


def print_story(story: dict[str, Any]) -> None:
    """For a person."""
    print_pairs({name: value for name, value in story.items() if name not in SECTIONS})
    for name, (title, columns) in SECTIONS.items():
        click.echo(f"\n{title}")
        rows = story[name]
        if rows:
            click.echo("  " + "  ".join(columns))
        for row in rows:
            click.echo("  " + "  ".join(cell(row[column]) for column in columns))
        if not rows:
            click.echo("  none")


async def tell(connection: Connection, order_id: UUID) -> dict[str, Any]:
    """Everything that is known of an order. Raises NotFound."""
    found = await find(connection, order_id)
    at = (found.business_id, order_id)
    events = await log.latest(connection, found.business_id, order_id=order_id, limit=100)
    entries = await businesses.list_audit(
        connection, found.business_id, order_id=order_id, limit=100
    )
    moves = await ledger.list_movements(
        connection, found.business_id, order_id=order_id, limit=MOST
    )
    return {
        **shown(found),
        "states": [
            {
                "status": state.status,
                "actor": state.actor,
                "note": state.note,
                "created_at": state.created_at,
            }
            for state in await withdrawals.list_states(connection, *at)
        ],
        "attempts": [_attempt(each) for each in await withdrawals.list_attempts(connection, *at)],
        "callbacks": [
            _callback(each) for each in await callbacks.list_of_order(connection, *at, MOST)
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


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "reference": attempt.reference,
        "outcome": attempt.outcome,
        "answer": attempt.answer,
        "rail_order_id": attempt.rail_order_id,
        "age": age(attempt.started_at),
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
    }


def _callback(callback: KeptCallback) -> dict[str, Any]:
    return {
        "rail": callback.rail,
        "event_id": callback.event_id,
        "received_at": callback.received_at,
        "headers": dict(callback.headers),
        "body": callback.body.decode(errors="replace"),
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


def shown(found: Order) -> dict[str, Any]:
    """An order as every command prints it."""
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
