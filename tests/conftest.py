"""Fixtures of every test: a PostgreSQL server for each test process; a database, pools and the
application on it for each test file; and for each test businesses of its own to call it."""

import contextlib
import functools
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import argon2
import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State

from payviox import app
from payviox.auth import passwords
from payviox.db.pool import Database
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.web.context import Services
from support import citus, databases, homes, live
from support.businesses import TestBusiness, open_business
from support.databases import Server, Urls
from support.live import LiveServer

# Hundreds of commands are started: each would compile the whole package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# As tables/excel_tables.py says it in its own process, whoever imports openpyxl first here.
os.environ["OPENPYXL_LXML"] = "False"

# Each client would read the world's certificates anew: 30 ms of CPU, for calls of a millisecond.
httpx._transports.default.create_ssl_context = functools.cache(httpx.create_ssl_context)  # type: ignore[assignment]

pytest_plugins = [
    "support.limits",
    "support.longest_first",
    "support.lost_process",
    "support.processes",
    "support.temporary_folders",
]


# Next to nothing of what is imported and collected is garbage; looking for it takes seconds.
gc.disable()


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: no garbage is looked for in it again. In
    what comes later it is looked for rarely: after every 700 objects it takes a tenth of a test
    process's time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


MakeBusiness = Callable[..., Awaitable[TestBusiness]]
Build = Callable[[Services], Application]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> Iterator[argon2.PasswordHasher]:
    """What hashes operators' passwords outside tests: in this process they cost a moment."""
    real = passwords._hasher
    with pytest.MonkeyPatch.context() as patch:
        cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_hasher", cheap)
        yield real


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a database at this version's schema, to be copied: see support/homes."""
    own = tmp_path_factory.getbasetemp()
    return homes.made(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Server]:
    """This test process's PostgreSQL, or the server or cluster that the environment names."""
    with contextlib.ExitStack() as stack:
        if url := os.environ.get(citus.CLUSTER):
            yield stack.enter_context(citus.cluster(url))
        elif url := os.environ.get(databases.EXTERNAL):
            yield stack.enter_context(databases.external(url))
        else:
            folder = stack.enter_context(homes.in_memory(tmp_path_factory.mktemp("server")))
            home = folder / "home"
            homes.copy(request.getfixturevalue("made_home"), home)
            yield stack.enter_context(databases.embedded_server(home))


@pytest.fixture(scope="module")
def urls(server: Server) -> Iterator[Urls]:
    """The test file's own database. Tests keep out of one another's way by a business each."""
    with server.fresh() as fresh:
        yield fresh


@pytest.fixture
def fresh_urls(server: Server) -> Iterator[Urls]:
    """A database for one test alone: request it where a test breaks or counts everything."""
    with server.fresh() as fresh:
        yield fresh


@pytest.fixture(scope="module")
async def database(urls: Urls) -> AsyncIterator[Database]:
    """Pools of the application's role on the test file's database."""
    opened = Database(urls.application)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Override in a test file for other settings."""
    home = tmp_path_factory.mktemp("home")
    return Settings(home=home, secret_key=live.SECRET_KEY, allow_private_webhooks=True)


@pytest.fixture(scope="module")
async def services(settings: Settings, urls: Urls) -> AsyncIterator[Services]:
    """What the web process runs on, as app.py puts it together. A test that breaks them, or counts
    what they have done, opens its own by `app.open_services`, or overrides this and
    `application`."""
    async with app.open_services(settings, urls.application) as opened:
        yield opened


@pytest.fixture(scope="session")
def build() -> Build:
    """`build(services)`: the ASGI application, as the web process serves it. One at a time: its
    hundreds of routes, which take most of building one, are made once and lent to the next with
    other services behind them. Who needs two at once makes the second by `app.build`."""
    made: list[Litestar] = []

    def routes(*arguments: Any, **named: Any) -> Litestar:
        if not made:
            made.append(Litestar(*arguments, **named))
        made[0].state = State()
        return made[0]

    def build(services: Services) -> Application:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(app, "Litestar", routes)
            return app.build(services)

    return build


@pytest.fixture(scope="module")
def application(services: Services, build: Build) -> Application:
    return build(services)


@pytest.fixture
async def make_business(
    database: Database, application: Application
) -> AsyncIterator[MakeBusiness]:
    """Call it with funds=…, main=…, payouts_enabled=True, mode="test" and await it. At the test's
    end the ledgers of all of them are checked."""
    made: list[TestBusiness] = []

    async def make(**options: Any) -> TestBusiness:
        business = await open_business(database, application, **options)
        made.append(business)
        return business

    yield make
    for business in made:
        if not business.tampered:
            await business.ledger()


@pytest.fixture
async def business(make_business: MakeBusiness) -> TestBusiness:
    """A test business with 1,000,000 cents to pay out and as much in the main balance."""
    return await make_business(funds=1_000_000, main=1_000_000)


@pytest.fixture
async def anonymous(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials."""
    transport = httpx.ASGITransport(application)  # type: ignore[arg-type]  # ASGI
    async with httpx.AsyncClient(transport=transport, base_url="http://payviox.test") as client:
        yield client


@pytest.fixture
def make_live_server(urls: Urls, tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """`make_live_server(**environment)` starts a real web process on the test file's database; all
    are killed at the end."""
    started: list[LiveServer] = []

    def make(**more: str) -> LiveServer:
        given = live.environment(tmp_path / "live", urls.application, **more)
        started.append(LiveServer(given, tmp_path))
        return started[-1].start()

    yield make
    for process in started:
        process.kill()


@pytest.fixture
def live_server(make_live_server: Callable[..., LiveServer]) -> LiveServer:
    return make_live_server()
