"""How an error reads: one clear sentence, and the exit status that goes with it."""

import os
import traceback

import click

from payviox.cli.exit_status import FAILED, SET_UP_WRONG
from payviox.db.embedded.errors import EmbeddedError
from payviox.errors import FieldErrors, NotFound, PayvioxError, SchemaUnknown, SettingsError
from payviox.logs import redact


def refusal(error: Exception) -> tuple[str, int] | None:
    """What to say of a refusal that was foreseen, and the exit status; else None."""
    if isinstance(error, SettingsError | SchemaUnknown):
        return str(error), SET_UP_WRONG
    if isinstance(error, FieldErrors):
        return " ".join(text for texts in error.fields.values() for text in texts), FAILED
    if isinstance(error, NotFound) and str(error) == NotFound.message:
        return (
            "There is nothing with this id; `payviox business list` lists the businesses.",
            FAILED,
        )
    if isinstance(error, PayvioxError | EmbeddedError):
        return str(error), FAILED
    return None


def unforeseen(error: Exception) -> str:
    """What to say of any other error, without secrets. For debugging its trace is shown first,
    without any frame's locals."""
    what = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(".")
    sentence = f"The command failed: {redact(what)}."
    if os.environ.get("PAYVIOX_LOG_LEVEL", "").lower() != "debug":
        return f"{sentence} With PAYVIOX_LOG_LEVEL=debug it shows where."
    click.echo(redact("".join(traceback.format_exception(error))), err=True, nl=False)
    return sentence
