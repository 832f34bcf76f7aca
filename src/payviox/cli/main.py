"""The command `payviox`: its groups, imported when they are used, and how it ends: every refusal
is one clear sentence on stderr, never a trace."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from payviox import __version__
from payviox.cli.exit_status import FAILED
from payviox.cli.groups import Group, Part
from payviox.errors import SettingsError

COMMANDS = {
    "serve": Part("payviox.cli.serve:serve", "Serve the API and the worker, in one process group."),
    "web": Part("payviox.cli.serve:web", "Serve the API alone."),
    "reload": Part(
        "payviox.cli.reload:reload",
        "Replace the running processes of `payviox serve` one after another, without a refused"
        " call.",
    ),
    "worker": Part(
        "payviox.cli.serve:worker", "Run the worker alone: sends, look-ups, webhooks, upkeep."
    ),
    "demo": Part(
        "payviox.cli.demo.command:demo",
        "Serve, with a test business that has money, payout users, orders and gift cards.",
    ),
    "migrate": Part("payviox.cli.serve:migrate", "Bring the database to this version's schema."),
    "business": Part(
        "payviox.cli.business.commands:business",
        "Businesses, live and test: their balances, switches and rules.",
    ),
    "keys": Part("payviox.cli.keys:keys", "API keys."),
    "operator": Part(
        "payviox.cli.operators:operator", "Operators: the people who run the installation."
    ),
    "mail": Part("payviox.cli.mails:mail", "Mails: what came of them, what came back, and a test."),
    "users": Part(
        "payviox.cli.users:users",
        "Payout users: list, activate, deactivate, give a new hash, take money back.",
    ),
    "upload": Part(
        "payviox.cli.uploads:upload",
        "Allocations from a CSV or Excel file: check, confirm, discard, show, cancel, resume.",
    ),
    "order": Part(
        "payviox.cli.order.commands:order",
        "Payout orders: list, one order's whole story, approve, reject, cancel.",
    ),
    "approval": Part(
        "payviox.cli.approvals:approval",
        "Acts that wait for a second person: list, approve, cancel.",
    ),
    "doctor": Part(
        "payviox.cli.doctor:doctor",
        "Look at the whole installation and say what to do: settings, database, clock, disk, mail,"
        " rails, address and backups.",
    ),
    "attention": Part(
        "payviox.cli.attention:attention",
        "List what waits for a person, the most urgent first, each with what to do next.",
    ),
    "giftcards": Part(
        "payviox.cli.giftcards:giftcards", "The stock of gift cards: import, count, take out."
    ),
    "bank": Part(
        "payviox.cli.bank:bank",
        "Files of payments to a bank: cut, approve, release, and import what the bank says.",
    ),
    "webhook": Part(
        "payviox.cli.webhook:webhook",
        "Webhooks: URL, token, events, switch, tests and the delivery log.",
    ),
    "listen": Part(
        "payviox.cli.events.commands:listen",
        "Forward a test business's events to your machine, signed as its webhooks are.",
    ),
    "trigger": Part(
        "payviox.cli.events.trigger:trigger",
        "Make an event happen to a test business: TYPE is such as payout.failed.",
    ),
    "events": Part("payviox.cli.events.commands:events", "Events of a business, as they happen."),
    "rail": Part(
        "payviox.cli.rail.commands:rail",
        "A business's own accounts at PayPal, Tremendous, a bank and on EVM chains.",
    ),
    "rates": Part(
        "payviox.cli.rates:rates",
        "Exchange rates: what a euro is worth, by whom, until when.",
    ),
    "database": Part(
        "payviox.cli.database:database",
        "The database: make backups of the embedded one, bring one back; build indexes anew.",
    ),
    "ledger": Part("payviox.cli.ledger:ledger", "The double-entry ledger."),
    "taxes": Part(
        "payviox.cli.taxes:taxes",
        "Tax facts: what was paid to whom in a year, thresholds, notes.",
    ),
    "reconcile": Part(
        "payviox.cli.reconcile.compare:reconcile",
        "Compare our books with what each rail says, and find what nobody can explain.",
    ),
    "secrets": Part(
        "payviox.cli.secret_keys:secrets", "The installation's secret key, PAYVIOX_SECRET_KEY."
    ),
}
"""Every command. Its help is its own help's first sentence, written here so that `payviox --help`
imports none."""


class Commands(Group):
    """The root group."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, its memory private; what is logged meanwhile goes to stderr."""
        from payviox.cli import command_log, private_memory  # noqa: PLC0415  # help needs neither

        private_memory.keep_private()
        command_log.begin()
        return super().invoke(ctx)

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> Any:
        """Run, and turn every refusal into a sentence and an exit status."""
        arguments = sys.argv[1:] if args is None else list(args)
        try:
            _check_utf8(arguments)
            return super().main(arguments, **options)
        except Exception as error:  # noqa: BLE001  # nothing ends in Python's own trace
            from payviox.cli import refusals  # noqa: PLC0415  # needed when something is refused

            text, status = refusals.refusal(error) or (refusals.unforeseen(error), FAILED)
            click.echo(f"Error: {text}", err=True)
            sys.exit(status)


def _check_utf8(arguments: Sequence[str]) -> None:
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise SettingsError(f"The argument {argument!a} is not UTF-8 text.")


@click.group(cls=Commands, parts=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="payviox", message="payviox %(version)s")
def main() -> None:
    """A self-hosted payout platform.

    Start it with `payviox serve`, or try it with `payviox demo`. Amounts are given in US cents;
    text shows dollars, JSON cents. Settings are read from the environment and from `.env`: see
    docs/operating.md.
    """
