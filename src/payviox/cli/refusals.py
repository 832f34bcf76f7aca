"""How an error reads: one clear sentence, and the exit status that goes with it."""

import os
import traceback

import click

from payviox.cli.exit_status import FAILED, SET_UP_WRONG
from payviox.db.embedded.errors import EmbeddedError
from payviox.errors import (
    FieldErrors,
    InsufficientBalance,
    NotFound,
    PayvioxError,
    SchemaInUse,
    SchemaUnknown,
    SettingsError,
)
from payviox.logs import redact
from payviox.money import dollars

LISTS = {
    "business": "; `payviox business list` lists the businesses",
    "payout user": " of this business; `payviox users list` lists them",
    "event": " of this business; `payviox webhook log` lists them",
}
"""Where to find what there is, by what was not found."""


def refusal(error: Exception) -> tuple[str, int] | None:
    """What to say of a refusal that was foreseen, and the exit status; else None."""
    if isinstance(error, SettingsError | SchemaUnknown):
        return str(error), SET_UP_WRONG
    if isinstance(error, PayvioxError | EmbeddedError | SchemaInUse):
        return _sentence(error), FAILED
    return None


def _sentence(error: Exception) -> str:
    match error:
        case FieldErrors():
            return " ".join(text for texts in error.fields.values() for text in texts)
        case NotFound(missing=str(missing)):
            return f"There is no {missing}{LISTS.get(missing.rpartition(' ')[0], '')}."
        case NotFound() if str(error) == NotFound.message:
            return "There is nothing with this id."
        case InsufficientBalance(held=int(held), asked=int(asked)):
            return f"{error}: {dollars(asked)} asked for, {dollars(held)} there."
        case _:
            return str(error)


def unforeseen(error: Exception) -> str:
    """What to say of any other error, without secrets. For debugging its trace is shown first,
    without any frame's locals."""
    what = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(".")
    sentence = f"The command failed: {redact(what)}."
    if os.environ.get("PAYVIOX_LOG_LEVEL", "").lower() != "debug":
        return f"{sentence} With PAYVIOX_LOG_LEVEL=debug it shows where."
    click.echo(redact("".join(traceback.format_exception(error))), err=True, nl=False)
    return sentence
