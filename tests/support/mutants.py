"""A pytest plugin of `make mutants`: all runs of tests, one a mutant, have one PostgreSQL and one
migrated template; and what functions each test calls is written down where that is asked for."""

import contextlib
import json
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from mutmut.state import state

from support import databases
from support.databases import Server, Urls

SERVER = "PAYVIOX_MUTANTS_SERVER"
"""The server's three URLs and the template's name, as JSON."""
CALLS = "PAYVIOX_MUTANTS_CALLS"
"""Names the file that gets a line a test: its id, its seconds, the functions that it called."""


def described(server: Server) -> str:
    """What SERVER is to say of this one, its template made."""
    with server.fresh():
        pass
    urls = server._maintenance
    return json.dumps([urls.application, urls.owner, urls.admin, server._template])


@contextlib.contextmanager
def _server(_: Path) -> Iterator[Server]:
    *urls, template = json.loads(os.environ[SERVER])
    made = Server(Urls(*urls))
    made._template = template
    yield made


def pytest_configure() -> None:
    databases.server = _server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, Any, Any]:
    if call.when == "call" and CALLS in os.environ:
        called = sorted(state()._stats)
        state()._stats.clear()
        with Path(os.environ[CALLS]).open("a") as file:
            file.write(json.dumps([item.nodeid, call.duration, called]) + "\n")
    return (yield)
