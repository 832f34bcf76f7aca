"""Several statements in one round trip: they leave the process in one piece, and it wakes up when
their results are there. Psycopg's own pipeline sends and reads them one by one, two turns of the
event loop each. Underneath it is psycopg's connection all the same, and afterwards as it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import abc, generators
from psycopg.adapt import Transformer
from psycopg.errors import (
    DuplicatePreparedStatement,
    FeatureNotSupported,
    InvalidSqlStatementName,
    error_from_result,
)
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from payviox.db.pool import Connection

DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
RESET = (InvalidSqlStatementName, DuplicatePreparedStatement, FeatureNotSupported)
"""What it has prepared is not what we remember: a pooler reset the session (DISCARD ALL) or lent us
another one, or a table changed under a plan ("cached plan must not change result type")."""


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """SQL with `$1`, `$2`… for its parameters, prepared on each connection under its name, which
    no other statement has."""

    name: str
    sql: str


Sent = tuple[Statement, Sequence[bytes]]
"""A statement and its parameters, each as PostgreSQL writes it as text."""
Rows = list[tuple[Any, ...]]

_prepared: WeakKeyDictionary[Connection, set[Statement]] = WeakKeyDictionary()


async def round_trip(connection: Connection, *sent: Sent) -> list[Rows]:
    """Run the statements up to the first that fails; answers the rows of each.

    Outside a transaction they are one of their own. Raises PostgreSQL's error where one fails:
    then the connection waits for its next statement, or is closed where what it has prepared is not
    what was thought. Where it is lost (psycopg.OperationalError) or the caller is cancelled, it is
    closed, and what was sent may have been done.
    """
    pgconn = connection.pgconn
    async with connection.lock:
        prepared = _prepared.setdefault(connection, set())
        new = list(dict.fromkeys(each for each, _ in sent if each not in prepared))
        try:
            pgconn.enter_pipeline_mode()
            for statement in new:
                pgconn.send_prepare(statement.name.encode(), statement.sql.encode())
            for statement, parameters in sent:
                pgconn.send_query_prepared(statement.name.encode(), parameters)
            pgconn.pipeline_sync()
            results = await connection.wait(_read(pgconn, len(new) + len(sent)))
            if len(results) != len(new) + len(sent):
                raise psycopg.OperationalError("not as many results as statements")  # noqa: TRY301
            pgconn.exit_pipeline_mode()
        except BaseException:
            pgconn.finish()  # nobody knows what it has prepared, and has yet to answer
            raise
        for statement, result in zip(new, results, strict=False):
            if result.status in DONE:  # it stays prepared, whatever the transaction does
                prepared.add(statement)
        for result in results:
            if result.status not in DONE:
                error = error_from_result(result, encoding="utf-8")
                if isinstance(error, RESET):
                    pgconn.finish()
                raise error
        return _rows(Transformer(connection), results[len(new) :])


def _read(pgconn: PGconn, number: int) -> abc.PQGen[list[PGresult]]:
    """Send what libpq still holds, then read so many results and the end of the pipeline."""
    results: list[PGresult] = []
    yield from generators.send(pgconn)
    for _ in range(number):
        results += yield from generators.fetch_many(pgconn)
        if pgconn.status == ConnStatus.BAD:  # its socket's number may be another's by now
            raise psycopg.OperationalError("the connection was lost between two results")
    yield from generators.fetch_many(pgconn)
    return results


def _rows(loader: abc.Transformer, results: Sequence[PGresult]) -> list[Rows]:
    rows: list[Rows] = []
    for result in results:
        loader.set_pgresult(result)
        rows.append(loader.load_rows(0, result.ntuples, tuple))
    return rows
