"""On a Citus cluster every statement runs, and one of a business runs where the business stands."""

import inspect
import os
from collections.abc import AsyncIterator

import psycopg
import pytest

from payviox.db.pool import SESSION, Connection
from support.citus import CLUSTER
from support.databases import Urls
from support.every_statement import Call, arguments, functions

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(CLUSTER not in os.environ, reason=f"{CLUSTER} names no cluster"),
]

ACROSS = frozenset({"rail_accounts.accounts.list_wallet_settings"})
"""Of one business, and yet asked of all others."""


@pytest.fixture
async def connection(urls: Urls) -> AsyncIterator[Connection]:
    connection = await psycopg.AsyncConnection.connect(
        urls.application, autocommit=True, options=SESSION, prepare_threshold=None
    )
    async with connection:
        yield connection


async def _call(connection: Connection, function: Call, given: dict[str, object]) -> None:
    """Run it, whatever the database's rules say of the arguments, and undo it."""
    await connection.execute("BEGIN")
    try:
        result = function(connection, **given)
        if inspect.isasyncgen(result):
            async for _ in result:
                pass
        else:
            await result
    except (psycopg.IntegrityError, psycopg.DataError, LookupError, AssertionError):
        pass
    except psycopg.InternalError as error:
        if "violates" not in str(error):  # what a worker refuses comes so from COPY
            raise
    finally:
        await connection.rollback()


@pytest.mark.parametrize("fewest", [False, True])
async def test_every_statement_runs(connection: Connection, fewest: bool) -> None:
    refused = []
    every = list(functions())
    for name, function in every:
        for given in arguments(name, function, fewest=fewest):
            try:
                await _call(connection, function, given)
            except psycopg.Error as error:
                refused.append(f"{name}: {error}")
    assert not refused
    assert len(every) > 400


async def test_a_statement_of_one_business_goes_to_one_node(connection: Connection) -> None:
    wide, notices = set(), list[str]()
    connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    await connection.execute("SET citus.multi_task_query_log_level = notice")
    for name, function in functions():
        if "business_id" not in inspect.signature(function).parameters:
            continue
        for fewest in (False, True):
            for given in arguments(name, function, fewest=fewest):
                if given["business_id"] is not None:
                    await _call(connection, function, given)
        if any("multi-task" in text for text in notices):
            wide.add(name)
        notices.clear()
    assert wide == ACROSS
