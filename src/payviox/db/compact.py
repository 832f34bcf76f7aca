"""Building anew the indexes of `transfers` whose pages stay half empty (docs/decisions/0048). What
is written once never changes, so what was built anew stays so."""

from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg import sql

from payviox.db import session
from payviox.errors import Conflict, SettingsError

ENTRY_BYTES = {"transfers_from_version": 52, "transfers_pkey": 36}
"""What an entry takes with its place on the page, of indexes that grow in their middle."""
FILLED = 0.9
"""How far pages are filled that are built anew."""
WORTH = 1.15
"""So many times what it would take anew: it is built anew."""
LEAST_BYTES = 2**23
"""Smaller indexes are left as they are."""

_LOCK = 5_048_100_001

Connection = psycopg.Connection[tuple[Any, ...]]

# A copy that an interrupted run has left: it costs every insert, and serves nobody.
_LEFT = r"""
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'transfers'::regclass AND NOT i.indisvalid
  AND c.relname ~ '^transfers_(from_version|pkey)_cc(new|old)[0-9]*$'
"""
_SIZES = """
SELECT relname, pg_relation_size(oid), reltuples::bigint FROM pg_class
WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'transfers'::regclass)
  AND relname = ANY(%s) ORDER BY relname
"""


class Compacted(msgspec.Struct, frozen=True):
    """An index, and its bytes before and after."""

    index: str
    before_bytes: int
    after_bytes: int


def compact(owner_url: str) -> list[Compacted]:
    """Build anew what is worth it, beside everything else, one index after another; answers what
    was. Broken off, it is begun again. Raises Conflict where another does it, SettingsError where
    the URL's role does not own the tables."""
    with psycopg.connect(owner_url, autocommit=True, options=session.READ_ALIKE) as connection:
        if connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone() != (True,):
            raise Conflict("The indexes are being built anew already.")
        try:
            return _compact(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise SettingsError(
                "Only the tables' owner may build their indexes anew: name it by"
                " PAYVIOX_MIGRATION_URL."
            ) from error


def _compact(connection: Connection) -> list[Compacted]:
    for (name,) in connection.execute(_LEFT).fetchall():
        connection.execute(_of("DROP INDEX CONCURRENTLY {}", str(name)))
    connection.execute("ANALYZE transfers (business_id)")  # counts the entries
    done = []
    for name, before in _worth_it(connection):
        connection.execute(_of("REINDEX INDEX CONCURRENTLY {}", name))
        row = connection.execute("SELECT pg_relation_size(%s::regclass)", [name]).fetchone()
        assert row is not None  # noqa: S101  # a SELECT without FROM
        done.append(Compacted(name, before, row[0]))
    return done


def _worth_it(connection: Connection) -> list[tuple[str, int]]:
    """Name and bytes of those that take far more than they would anew."""
    return [
        (name, size)
        for name, size, entries in connection.execute(_SIZES, [list(ENTRY_BYTES)]).fetchall()
        if size >= LEAST_BYTES and size > WORTH * entries * ENTRY_BYTES[name] / FILLED
    ]


def _of(statement: LiteralString, name: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(name))
