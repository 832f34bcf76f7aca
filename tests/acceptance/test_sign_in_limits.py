"""Two real web processes on one database: limits of guesses hold across them, a code works once."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pyotp
import pytest

from payviox.auth import attempts, authenticator
from payviox.auth.sessions import Session
from payviox.db.pool import Database
from payviox.keyring import Keyring
from support import live
from support.dashboard import PASSWORD, make_operator
from support.databases import Urls
from support.live import SECRET_KEY, LiveServer
from support.machine import stretch

pytestmark = pytest.mark.anyio

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def processes(
    urls: Urls, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveServer, LiveServer]]:
    servers = []
    for name in ("one", "two"):
        folder = tmp_path_factory.mktemp(name)
        servers.append(LiveServer(live.environment(folder / "home", urls.application), folder))
    try:
        yield servers[0].start(), servers[1].start()
    finally:
        for server in servers:
            server.kill()


async def send(server: LiveServer, **fields: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=stretch(60)) as client:
        return await client.post(f"{server.url}/login", data=fields, headers=OURS)


async def test_guesses_are_counted_across_processes(
    processes: tuple[LiveServer, LiveServer], database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email)
    statuses = [
        (await send(processes[number % 2], email=email, password="a guess")).status_code
        for number in range(attempts.PER_PERSON + 2)
    ]
    assert statuses == [422] * attempts.PER_PERSON + [429] * 2
    for server in processes:
        assert (await send(server, email=email, password=PASSWORD)).status_code == 429


async def test_one_code_sent_to_both_at_once_lets_one_in(
    processes: tuple[LiveServer, LiveServer], database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    operator_id = await make_operator(database, email)
    secret = await set_up(database, operator_id, email)
    started = []
    for server in processes:
        asked = await send(server, email=email, password=PASSWORD)
        found = re.search(r'name="started" value="([^"]+)"', asked.text)
        assert found is not None, asked.text
        started.append(found[1])
    code = pyotp.TOTP(secret).at(datetime.now(UTC), counter_offset=1)
    answers = await asyncio.gather(
        *(
            send(server, started=token, code=code)
            for server, token in zip(processes, started, strict=True)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [303, 422]


async def set_up(database: Database, operator_id: UUID, email: str) -> str:
    """Give an operator an authenticator app; answers its secret."""
    keyring = Keyring(SECRET_KEY)
    session = Session(uuid4(), operator_id, email, is_admin=False, is_fresh=True, digest=b"")
    await database.write(authenticator.begin, keyring, session)
    setup = await database.fetch(authenticator.setup_of, keyring, session)
    assert setup is not None
    code = pyotp.TOTP(setup.secret).now()
    await database.write(authenticator.confirm, keyring, session, code)
    return setup.secret
