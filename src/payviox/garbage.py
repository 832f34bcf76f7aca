"""When Python looks for garbage: hardly while a process loads what it needs, none of which is any.
It would take a fifth of a start."""

import gc

_USUAL = gc.get_threshold()
_WHILE_LOADING = 200_000
"""Objects made since the last look. A command that does little besides loading has no look at all,
and one that does much has enough of them."""


def while_loading() -> None:
    """Look rarely from now on."""
    gc.set_threshold(_WHILE_LOADING, *_USUAL[1:])


def loaded() -> None:
    """Look as often as Python does, and never again at what is there by now: it lives as long as
    the process, and each full look would take 50 ms of everybody's time. It is not looked through
    once more either: hardly one object in two hundred of it is garbage."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
