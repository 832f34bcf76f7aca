"""The group `payviox business`; each command is imported when it is used."""

import click

from payviox.cli.groups import Group, Part

COMMANDS = {
    "ageing": Part(
        "payviox.cli.business.unclaimed:ageing_",
        "Show money that payout users have not taken, by its age, and who has the oldest.",
    ),
    "audit": Part(
        "payviox.cli.business.audit:audit",
        "List who did what to the business's money, rights, settings and secrets, and alerts.",
    ),
    "brand": Part(
        "payviox.cli.business.brand:brand_",
        "Say whether payout users get mails, and in whose name; show what is set.",
    ),
    "create": Part(
        "payviox.cli.business.create:create",
        "Make a live and a test business called NAME, each with its keys, payouts off.",
    ),
    "defund": Part(
        "payviox.cli.business.money:defund",
        "Move AMOUNT cents from the payout back to the main balance.",
    ),
    "deposit": Part(
        "payviox.cli.business.money:deposit",
        "Credit AMOUNT cents to the main balance.",
    ),
    "disable-payouts": Part(
        "payviox.cli.business.switches:disable_payouts",
        "Switch payouts off: nothing more is allocated from this moment on.",
    ),
    "disable-withdrawals": Part(
        "payviox.cli.business.switches:disable_withdrawals",
        "Switch withdrawals off: payout users make no more orders from this moment on.",
    ),
    "embed": Part(
        "payviox.cli.business.sites:embed",
        "Say which sites may show the redemption page inside their own; show which may.",
    ),
    "enable-payouts": Part(
        "payviox.cli.business.switches:enable_payouts",
        "Switch payouts on: money can be allocated to payout users.",
    ),
    "enable-withdrawals": Part(
        "payviox.cli.business.switches:enable_withdrawals",
        "Switch withdrawals on: payout users can ask for orders.",
    ),
    "expiry": Part(
        "payviox.cli.business.unclaimed:expiry_",
        "Say when people are reminded of unspent money and when it returns; show what is set.",
    ),
    "fund": Part(
        "payviox.cli.business.money:fund",
        "Move AMOUNT cents from the main to the payout balance.",
    ),
    "host": Part(
        "payviox.cli.business.sites:host",
        "Show the host of the redemption page and whether it leads here; look at it, or set it.",
    ),
    "list": Part(
        "payviox.cli.business.summaries:list_",
        "List every business with its balances.",
    ),
    "set": Part(
        "payviox.cli.business.rules:set_",
        "Change review rules, limits and lifetimes; the value `none` clears one.",
    ),
    "show": Part(
        "payviox.cli.business.summaries:show",
        "Show one business: what every account holds, switches, rules and limits.",
    ),
    "withdraw-funds": Part(
        "payviox.cli.business.money:withdraw_funds",
        "Take AMOUNT cents out of the main balance: a mistyped deposit, or money taken back.",
    ),
}
"""Every command, as `payviox.cli.main` names its own."""


@click.group(cls=Group, parts=COMMANDS)
def business() -> None:
    """Businesses, live and test: their balances, switches and rules."""
