"""The command `payviox`: its groups, loaded when they are asked for, and how an error reads: one
clear sentence on stderr, never a trace."""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from payviox import __version__, logs
from payviox.db.embedded.errors import EmbeddedError
from payviox.errors import FieldErrors, NotFound, PayvioxError, SchemaUnknown, SettingsError
from payviox.logs import redact

FAILED = 1
"""Exit status: the command was understood and refused, or failed."""

SET_UP_WRONG = 2
"""Exit status: wrong usage (click's own), settings or schema; repeating it will not help."""

COMMANDS = {
    "serve": "payviox.cli.serve:serve",
    "web": "payviox.cli.serve:web",
    "worker": "payviox.cli.serve:worker",
    "demo": "payviox.cli.demo.command:demo",
    "migrate": "payviox.cli.serve:migrate",
    "business": "payviox.cli.business:business",
    "keys": "payviox.cli.keys:keys",
    "operator": "payviox.cli.operators:operator",
    "users": "payviox.cli.users:users",
    "order": "payviox.cli.orders:order",
    "giftcards": "payviox.cli.giftcards:giftcards",
    "webhook": "payviox.cli.webhook:webhook",
    "rail": "payviox.cli.rail.commands:rail",
    "database": "payviox.cli.database:database",
    "ledger": "payviox.cli.ledger:ledger",
    "reconcile": "payviox.cli.reconcile.compare:reconcile",
    "secrets": "payviox.cli.secret_keys:secrets",
}
"""Every command and where it lives: imported only when it is used, which keeps each one quick."""


class Commands(click.Group):
    """The root group."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what is logged meanwhile goes to stderr."""
        from payviox import settings  # noqa: PLC0415  # --help reads none

        logs.configure(settings.log_level())
        return super().invoke(ctx)

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> Any:
        """Run, and turn every refusal into a sentence and an exit status."""
        given = sys.argv[1:] if args is None else list(args)
        try:
            _check_utf8(given)
            return super().main(given, **options)
        except (SettingsError, SchemaUnknown) as error:
            _give_up(error, SET_UP_WRONG)
        except (PayvioxError, EmbeddedError) as error:
            _give_up(error, FAILED)
        except Exception as error:  # noqa: BLE001  # nothing ends in Python's own trace
            _give_up(_Unexpected(error), FAILED)


class _Unexpected(Exception):
    """What nothing foresaw, in a sentence; for debugging after its trace, which shows no frame's
    locals."""

    def __init__(self, cause: Exception) -> None:
        what = " ".join(f"{type(cause).__name__}: {cause}".split()).removesuffix(".")
        sentence = f"The command failed: {redact(what)}."
        if os.environ.get("PAYVIOX_LOG_LEVEL", "").lower() == "debug":
            click.echo(redact("".join(traceback.format_exception(cause))), err=True, nl=False)
        else:
            sentence += " With PAYVIOX_LOG_LEVEL=debug it shows where."
        super().__init__(sentence)


def _check_utf8(arguments: Sequence[str]) -> None:
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise SettingsError(f"The argument {argument!a} is not UTF-8 text.")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="payviox", message="payviox %(version)s")
def main() -> None:
    """A self-hosted payout platform.

    Start it with `payviox serve`, or try it with `payviox demo`. Amounts are in US cents. Settings
    are read from the environment and from `.env`: see docs/operating.md.
    """


def _give_up(error: Exception, status: int) -> None:
    if isinstance(error, FieldErrors):
        text = " ".join(message for messages in error.fields.values() for message in messages)
    elif isinstance(error, NotFound) and str(error) == NotFound.message:
        text = "There is nothing with this id; `payviox business list` lists the businesses."
    else:
        text = str(error)
    click.echo(f"Error: {text}", err=True)
    sys.exit(status)
