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
"""The template's name and the server's three URLs, as JSON."""
CALLS = "PAYVIOX_MUTANTS_CALLS"
"""Names the file that gets a line a test: its id, its seconds, the functions that it called."""


def environment(server: Server) -> dict[str, str]:
    """What the environment of tests says that are to run on this server."""
    urls = server._maintenance
    known = [server._template, urls.application, urls.owner, urls.admin]
    return {databases.EXTERNAL: urls.admin, SERVER: json.dumps(known)}


@contextlib.contextmanager
def _server(url: str) -> Iterator[Server]:
    template, *urls = json.loads(os.environ[SERVER])
    yield Server(Urls(*urls), template, waits_for_disk=False)


def pytest_configure() -> None:
    databases.external = _server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, Any, Any]:
    if call.when == "call" and CALLS in os.environ:
        called = sorted(state()._stats)
        state()._stats.clear()
        if call.excinfo is None:
            with Path(os.environ[CALLS]).open("a") as file:
                file.write(json.dumps([item.nodeid, call.duration, called]) + "\n")
    return (yield)
