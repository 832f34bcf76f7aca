"""HTTP to vendors: whether a call that broke may have arrived."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from payviox.rails import http
from payviox.rails.http import Http, NotSent, Unclear
from support.polling import eventually

pytestmark = pytest.mark.anyio


class Slow:
    """A vendor that acts on a call at once and answers when it is let to, or hangs up."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.answers = asyncio.Event()
        self.hangs_up = False
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(await request.text())
        if self.hangs_up:
            assert request.transport is not None
            request.transport.abort()
        await self.answers.wait()
        return web.json_response({"taken": len(self.got)})


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    vendor = Slow()
    application = web.Application()
    application.router.add_route("*", "/", vendor.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield vendor
    vendor.answers.set()
    await runner.cleanup()


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Http]:
    """With one connection, for which a call waits a tenth of a second."""
    monkeypatch.setattr(http, "CONNECTIONS", 1)
    monkeypatch.setattr(http, "CONNECT_S", 0.1)
    made = Http()
    yield made
    await made.close()


async def test_a_call_that_never_got_a_connection_was_not_sent(slow: Slow, client: Http) -> None:
    first = asyncio.create_task(client.request("POST", slow.url, json_body="first"))
    await eventually(lambda: slow.got)

    with pytest.raises(NotSent):
        await client.request("POST", slow.url, json_body="second")

    slow.answers.set()
    assert (await first).status == 200
    assert slow.got == ['"first"']


async def test_a_call_that_waited_for_a_connection_goes_through_when_one_is_free(
    slow: Slow, client: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CONNECT_S", 10.0)
    calls = [
        asyncio.create_task(client.request("POST", slow.url, json_body=name))
        for name in ("first", "second")
    ]
    await eventually(lambda: slow.got)
    slow.answers.set()
    assert [call.status for call in await asyncio.gather(*calls)] == [200, 200]
    assert slow.got == ['"first"', '"second"']


async def test_a_call_that_had_its_connection_and_got_no_answer_is_unclear(
    slow: Slow, client: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "ANSWER_S", 0.3)
    with pytest.raises(Unclear):
        await client.request("POST", slow.url, json_body="only")
    assert slow.got == ['"only"']


async def test_a_call_on_a_kept_connection_is_unclear_however_long_a_new_one_may_take(
    slow: Slow, client: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "ANSWER_S", 0.3)
    slow.answers.set()
    await client.request("POST", slow.url, json_body="first")
    slow.answers.clear()
    with pytest.raises(Unclear):
        await client.request("POST", slow.url, json_body="second")
    assert slow.got == ['"first"', '"second"']


async def test_a_call_after_which_the_vendor_hangs_up_is_unclear_and_not_repeated(
    slow: Slow, client: Http
) -> None:
    slow.answers.set()
    await client.request("POST", slow.url, json_body="first")
    slow.hangs_up = True
    with pytest.raises(Unclear):
        await client.request("POST", slow.url, json_body="second")
    assert slow.got == ['"first"', '"second"']


async def test_a_call_to_where_nobody_listens_was_not_sent(slow: Slow, client: Http) -> None:
    with pytest.raises(NotSent):
        await client.request("POST", "http://127.0.0.1:1/", json_body="only")
    assert slow.got == []


async def test_a_call_that_broke_says_why_and_names_the_host_alone(slow: Slow) -> None:
    made = Http()
    host = slow.url.removeprefix("http://").rstrip("/")
    slow.hangs_up = True
    cases = [
        ("http://user:word@127.0.0.1:1/secret", NotSent, "127.0.0.1:1 refuses connections"),
        ("http://nobody.invalid/secret", NotSent, "the name nobody.invalid is not found"),
        (f"https://{host}/secret", NotSent, f"{host} does not speak TLS"),
        (slow.url, Unclear, f"{host} broke the connection off"),
    ]
    for url, kind, said in cases:
        with pytest.raises(kind) as broken:
            await made.request("POST", url)
        assert str(broken.value) == said
    await made.close()
