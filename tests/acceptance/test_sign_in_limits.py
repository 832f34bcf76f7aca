"""Two real web processes on one database: limits of guesses hold across them, a code works once,
and what is taken away in one is gone in the other."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pyotp
import pytest

from payviox.auth import attempts, authenticator, operators
from payviox.auth.sessions import Session
from payviox.db.pool import Database
from payviox.keyring import Keyring
from support import live
from support.businesses import open_business
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


async def test_a_key_and_a_payout_user_that_end_in_one_process_end_in_the_other(
    processes: tuple[LiveServer, LiveServer], database: Database
) -> None:
    business = await open_business(database, funds=1_000)
    key = {"Authorization": f"Bearer {business.secret_key}"}

    async def pay(server: LiveServer, headers: dict[str, str]) -> httpx.Response:
        body = {"email": "ada@example.com", "amount": 1}
        async with httpx.AsyncClient(base_url=server.url, timeout=stretch(60)) as client:
            return await client.post("/payout/create", json=body, headers=headers)

    async def look(server: LiveServer, payout_hash: str) -> int:
        async with httpx.AsyncClient(base_url=server.url, timeout=stretch(60)) as client:
            headers = {"X-Payout-Hash": payout_hash}
            return (await client.get("/payout/operations", headers=headers)).status_code

    paid = [await pay(server, key) for server in processes]
    assert [answer.status_code for answer in paid] == [201, 201]
    payout_hash = paid[0].json()["hash"]
    assert [await look(server, payout_hash) for server in processes] == [200, 200]
    async with httpx.AsyncClient(base_url=processes[0].url, headers=key) as client:
        [user] = (await client.get("/payout/users")).json()["data"]
        ended = await client.post(f"/payout/users/{user['id']}/deactivate")
    assert ended.status_code == 200
    assert [await look(server, payout_hash) for server in processes] == [401, 401]
    assert {(await pay(server, key)).status_code for server in processes} == {409}
    await business.regenerate()
    assert [(await pay(server, key)).status_code for server in processes] == [401, 401]
    assert (await business.ledger())["payout"] == 998


async def test_an_operator_who_is_disabled_is_signed_out_of_every_process(
    processes: tuple[LiveServer, LiveServer], database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email)
    session = (await send(processes[0], email=email, password=PASSWORD)).cookies["session"]

    async def look(server: LiveServer) -> int:
        async with httpx.AsyncClient(timeout=stretch(60)) as client:
            headers = {"Cookie": f"session={session}"}
            return (await client.get(f"{server.url}/account", headers=headers)).status_code

    assert [await look(server) for server in processes] == [200, 200]
    await database.write(operators.disable, email, "test")
    assert [await look(server) for server in processes] == [303, 303]


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
