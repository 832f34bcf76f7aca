"""The group `payviox order`; each command is imported when it is used."""

import click

from payviox.cli.groups import Group, Part

COMMANDS = {
    "list": Part(
        "payviox.cli.order.listing:list_",
        "List a business's orders, newest first, with what each waits for.",
    ),
    "show": Part(
        "payviox.cli.order.story:show",
        "Tell one order's whole story: states, attempts at the rail, callbacks, alerts, money,"
        " events.",
    ),
    "approve": Part(
        "payviox.cli.order.decide:approve",
        "Let a reviewed order go, for the amount and destination that it has now.",
    ),
    "reject": Part(
        "payviox.cli.order.decide:reject",
        "Refuse an order that was not sent; its money goes back to the payout user.",
    ),
    "cancel": Part(
        "payviox.cli.order.decide:cancel",
        "Take back an order that was not sent; its money goes back to the payout user.",
    ),
    "resume": Part(
        "payviox.cli.order.wake:resume",
        "Let every order of a business that waits for CAUSE be tried now, such as after a top-up.",
    ),
    "look-up": Part(
        "payviox.cli.order.wake:look_up",
        "Have the worker ask the rail now what became of an order that was sent.",
    ),
    "settle": Part(
        "payviox.cli.order.settle:settle",
        "Book what you found out at the rail about an order that waits for a person.",
    ),
}
"""Every command, as `payviox.cli.main` names its own."""


@click.group(cls=Group, parts=COMMANDS)
def order() -> None:
    """Payout orders: list, one order's whole story, approve, reject, cancel."""
