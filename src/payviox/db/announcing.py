"""Telling open pages that something of a business changed. The session that writes says so with its
COMMIT (pool.py), and not the tables: what a shard announces nobody hears, and a transaction that
has announced cannot be prepared to commit on several nodes at once.

Money is not announced: allocations must not wait for listeners."""

from typing import Any, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection

Kind = Literal["orders", "items", "webhooks"]
CHANNEL = "payviox_changes"

_noted: WeakKeyDictionary[AsyncConnection[Any], dict[str, None]] = WeakKeyDictionary()


def announce(connection: AsyncConnection[Any], business_id: UUID, kind: Kind) -> None:
    """Let the transaction's COMMIT tell the business's open pages, once, that this has changed."""
    _noted.setdefault(connection, {})[f"{business_id} {kind}"] = None


def forget(connection: AsyncConnection[Any]) -> None:
    """A transaction begins: what another noted that was not committed is not told."""
    _noted.pop(connection, None)


def statements(connection: AsyncConnection[Any]) -> str:
    """What to say before COMMIT of all that was noted, to be sent with it."""
    return "".join(f"NOTIFY {CHANNEL}, '{payload}'; " for payload in _noted.pop(connection, ()))
