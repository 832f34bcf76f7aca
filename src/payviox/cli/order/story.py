"""One order's whole story, as `payviox order show` tells it: states, attempts at the rail and what
the rail answered, callbacks, money, what was decided and noticed, webhooks."""

from typing import Any
from uuid import UUID

import click

from payviox import ids
from payviox.audit.model import AuditEntry
from payviox.cli.order.shown import shown
from payviox.cli.output import (
    ORDER,
    age,
    as_json,
    cell,
    money,
    print_json,
    print_pairs,
    table_lines,
)
from payviox.cli.runtime import run
from payviox.cli.shown import show_audit, show_event
from payviox.giftcards.model import Reveal
from payviox.ledger.model import show_account
from payviox.ledger.service import MovementRow
from payviox.rail_accounts.callbacks import KeptCallback
from payviox.reporting.order_timeline import OrderTimeline, timeline
from payviox.webhooks.log import Entry as WebhookEvent
from payviox.withdrawals.model import Attempt, StateEntry

SECTIONS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "reasons": ("Why, and what to do", ("who",), ("meaning", "advice", "command")),
    "states": ("States", ("created_at", "status", "actor", "note"), ()),
    "attempts": (
        "Attempts",
        ("started_at", "age", "reference", "outcome", "finished_at"),
        ("rail_order_id", "answer"),
    ),
    "callbacks": ("Callbacks", ("received_at", "rail", "event_id"), ()),
    "audit": ("Decisions and alerts", ("created_at", "act", "actor"), ("detail",)),
    "transfers": ("Money", ("created_at", "kind", "amount", "from", "to"), ()),
    "events": ("Events", ("created_at", "type", "delivery", "attempts", "answer"), ()),
    "reveals": ("Reveals", ("created_at", "gift_card_id"), ()),
}
"""Each part of the story with its title, its columns on a screen, and what is too long for one and
stands beneath."""

UNFOLDED = 10_000
"""Lines of a story are never folded; a terminal wraps what is too long for it."""


@click.command()
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


def print_story(story: dict[str, Any]) -> None:
    """For a person."""
    print_pairs({name: value for name, value in story.items() if name not in SECTIONS})
    for name, (title, columns, beneath) in SECTIONS.items():
        click.echo(f"\n{title}")
        facts = story[name]
        rows = [[money(column, fact[column]) for column in columns] for fact in facts]
        header, *lines = table_lines(columns, rows, UNFOLDED) if rows else ["none"]
        click.echo(f"  {header}")
        for line, fact in zip(lines, facts, strict=False):
            click.echo(f"  {line}")
            for more in beneath:
                if fact[more] is not None:
                    click.echo(f"      {more}: {cell(fact[more])}")


def story_of(timeline: OrderTimeline) -> dict[str, Any]:
    """An order's timeline as it is printed, part by part."""
    return {
        **shown(timeline.order),
        "reasons": [
            {
                "who": each.who,
                "meaning": each.meaning,
                "advice": each.advice,
                "command": each.command,
            }
            for each in timeline.reasons
        ],
        "states": [
            {
                "status": state.status,
                "actor": state.actor,
                "note": state.note,
                "created_at": state.created_at,
            }
            for state in timeline.of(StateEntry)
        ],
        "attempts": [_attempt(each) for each in timeline.of(Attempt)],
        "callbacks": [_callback(each) for each in timeline.of(KeptCallback)],
        "transfers": [_movement(each) for each in timeline.of(MovementRow)],
        "events": [show_event(each) for each in timeline.of(WebhookEvent)],
        "audit": [show_audit(each) for each in timeline.of(AuditEntry)],
        "reveals": [
            {
                "gift_card_id": reveal.gift_card_id
                and ids.show(ids.GIFT_CARD, reveal.gift_card_id),
                "created_at": reveal.created_at,
            }
            for reveal in timeline.of(Reveal)
        ],
    }


def _movement(move: MovementRow) -> dict[str, Any]:
    return {
        "transfer_id": ids.show(ids.TRANSFER, str(move.id)),
        "kind": move.kind,
        "amount": move.amount,
        "from": show_account(move.from_kind, move.from_rail),
        "to": show_account(move.to_kind, move.to_rail),
        "actor": move.actor,
        "created_at": move.created_at,
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
