"""Who does something, in one text form that is kept beside what they did, and from where.

A door says both once: it names the actor to the use case, and the place for as long as its call
runs (`at`). Services pass the actor on; the audit reads the place.
"""

import contextlib
import os
import pwd
import socket
from collections.abc import Iterator
from contextvars import ContextVar
from typing import NewType
from uuid import UUID

from payviox import ids

Actor = NewType("Actor", str)
"""`operator:<id>`, `key:<last characters>`, `command:<system user>`, `payout_user:<id>`,
`link:<what it opens>`, `stranger` or `worker`."""

WORKER = Actor("worker")
STRANGER = Actor("stranger")
"""Somebody who did not show who they are."""
RULES = Actor("rules")
"""The business's own rules, where they decide about a new order."""

_place: ContextVar[str | None] = ContextVar("place", default=None)


def operator(operator_id: UUID) -> Actor:
    return Actor(f"operator:{ids.show(ids.OPERATOR, operator_id)}")


def link(opens: str) -> Actor:
    """Whoever holds a link that was sent to one person alone."""
    return Actor(f"link:{opens}")


def key(hint: str) -> Actor:
    """A business calling with the secret key that ends so."""
    return Actor(f"key:{hint}")


def payout_user(user_id: UUID) -> Actor:
    return Actor(f"payout_user:{ids.show(ids.USER, user_id)}")


def command() -> Actor:
    """Whoever runs this process, by the operating system's own word."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return Actor(f"command:{name}")


def host() -> str:
    """The name of this machine, as the place of a command."""
    return socket.gethostname()


@contextlib.contextmanager
def at(place: str | None) -> Iterator[None]:
    """Whatever is done within the block is done from this place: a client's address, or a host."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def place() -> str | None:
    """From where what happens now is done; None for what the worker does by itself."""
    return _place.get()
