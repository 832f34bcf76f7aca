"""Printing a secret that is shown this once. By then the act is done: where standard output does
not take the secret, the command says so, and how to make another."""

import contextlib
import os
import sys
from collections.abc import Iterator

from payviox.errors import PayvioxError


class NotShown(PayvioxError):
    """The act was done, and its secret reached nobody."""


@contextlib.contextmanager
def shown_once(what: str, again: str) -> Iterator[None]:
    """Print `what` in this block, to standard output alone.

    Raises NotShown, which says how to make it `again`, where that fails: a full disk, a reader that
    has gone, a closed descriptor, an encoding without its letters.
    """
    if sys.stdout is None:  # closed before Python began, which then prints nothing and says nothing
        raise _not_shown(what, "standard output is closed", again)
    try:
        yield
        sys.stdout.flush()
    except (OSError, UnicodeError) as error:
        _discard_output()
        raise _not_shown(what, getattr(error, "strerror", None) or str(error), again) from error


def _not_shown(what: str, why: str, again: str) -> NotShown:
    return NotShown(
        f"It was done, but {what} could not be shown ({why}). Regenerate again: {again}"
    )


def _discard_output() -> None:
    """What is left in the buffer goes nowhere, so that Python does not fail on it at its end."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
