"""`payviox trigger`: make one event happen to a test business, by the calls that a business and its
payout user would make themselves."""

import asyncio
import contextlib
from collections.abc import Callable

import click

from payviox.cli.events.api import Api, CallFailed, ask_key
from payviox.cli.events.commands import address_of, url_option
from payviox.cli.output import CENTS, as_json, print_json
from payviox.money import dollars
from payviox.webhooks.events import TYPES, EventType

PAYEES: dict[EventType, str] = {
    "payout.created": "trigger@example.com",
    "payout.processing": "trigger@example.com",
    "payout.succeeded": "trigger@example.com",
    "payout.failed": "fail@example.com",
    "payout.rejected": "float-empty@example.com",
    "payout.canceled": "float-empty@example.com",
    "payout.returned": "returned@example.com",
}
"""The PayPal address by which the sandbox rail is asked for an ending: docs/sandbox.md."""
BY_HAND: dict[EventType, tuple[str, str]] = {
    "payout.rejected": ("reject", "rejected"),
    "payout.canceled": ("cancel", "canceled"),
}
"""What a person does to an order that waits for them or for money, and what it is then."""
USER = "trigger@example.com"
WITHIN_S = 60.0
EVERY_S = 0.25


@click.command()
@click.argument("event_type", type=click.Choice(TYPES), metavar="TYPE")
@click.option("--amount", type=CENTS, default=1_000, show_default=True, help="US cents.")
@url_option
@as_json
def trigger(event_type: EventType, *, amount: int, api_url: str | None, as_json: bool) -> None:
    """Make an event happen to a test business: TYPE is such as payout.failed.

    An amount is allocated to trigger@example.com, who withdraws it by PayPal; the sandbox rail, and
    where need be an operator's decision, bring the ending. No real money moves. The secret key of
    the test business comes from PAYVIOX_KEY, or is asked for.
    """
    key, where = ask_key(test_only=True), address_of(api_url)

    async def work() -> dict[str, str]:
        async with Api(*where, key) as api:
            return await make_happen(api, event_type, amount, _say)

    shown = asyncio.run(work())
    if as_json:
        print_json(shown)
    else:
        click.echo(f"{event_type} happened to {shown['order_id']}: {shown['event_id']}")


async def make_happen(
    api: Api, event_type: EventType, amount: int, tell: Callable[[str], object]
) -> dict[str, str]:
    """Bring an order of `amount` cents to this event; answers `event_id` and `order_id`. `tell`
    hears of each step. Raises CallFailed."""
    made = await api.post("/payout/create", {"email": USER, "amount": amount})
    tell(f"{dollars(amount)} allocated to {USER}")
    payee = PAYEES[event_type]
    withdrawal = {"provider": "paypal", "amount": amount, "paypal": {"email": payee}}
    order = await api.post("/payout/withdraw", withdrawal, payout_hash=made["hash"])
    order_id = str(order["id"])
    tell(f"{order_id} ordered, to {payee}")
    try:
        async with asyncio.timeout(WITHIN_S):
            await _decide(api, event_type, order_id, tell)
            return {"event_id": await _event(api, event_type, order_id), "order_id": order_id}
    except TimeoutError:
        raise CallFailed(
            f"{event_type} did not happen to {order_id} within {WITHIN_S:g} s. Does the worker run,"
            " and is PayPal a rail that this business has connected, or has methods_off?"
        ) from None


async def _decide(
    api: Api, event_type: EventType, order_id: str, tell: Callable[[str], object]
) -> None:
    """What a person would do: approve what waits for a review, reject or cancel where asked to."""
    act, done = BY_HAND.get(event_type, ("", ""))
    while True:
        order = await api.get(f"/payout/orders/{order_id}", dict)
        if not act:
            if order["status"] == "review":
                await api.post(f"/payout/orders/{order_id}/approve", {})
                tell(f"{order_id} approved: a rule of the business had it wait")
            return
        if order["status"] in ("review", "queued"):
            # The worker may take it meanwhile; it comes back, since nobody pays it.
            with contextlib.suppress(CallFailed):
                await api.post(f"/payout/orders/{order_id}/{act}", {})
                tell(f"{order_id} {done}")
                return
        await asyncio.sleep(EVERY_S)


async def _event(api: Api, event_type: EventType, order_id: str) -> str:
    while True:
        query = {"order": order_id, "type": event_type}
        listed = await api.get("/payout/events", dict, **query)
        if listed["data"]:
            return str(listed["data"][0]["id"])
        await asyncio.sleep(EVERY_S)


def _say(text: str) -> None:
    click.echo(text, err=True)
