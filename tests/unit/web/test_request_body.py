"""What the edge holds of requests' bodies, and how slow they may be."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox.auth.keys import BusinessCaller
from payviox.errors import Busy, Unauthorized
from payviox.web import request_body
from payviox.web.body_memory import BodyMemory
from payviox.web.errors import error_answer
from payviox.web.request_body import RequestBodies, send_answer
from support.polling import eventually

pytestmark = pytest.mark.anyio

LARGE = request_body.MAX_BATCH_BODY


class Edge:
    """The edge around an application that answers when it is told to."""

    def __init__(self) -> None:
        self.leave = asyncio.Event()
        self.inside = 0
        self.answers: list[tuple[int, dict[bytes, bytes]]] = []
        self.bodies = RequestBodies(self._work, {}, self._authenticate)

    async def _authenticate(self, authorization: str | None) -> BusinessCaller:
        if authorization is None:
            raise Unauthorized
        return BusinessCaller(UUID(authorization), uuid4())

    async def _work(self, scope: Any, receive: Any, send: Any) -> None:
        self.inside += 1
        await self.leave.wait()
        await send_answer(send, 200, b"{}", {})

    async def ask(
        self,
        path: str,
        parts: list[bytes],
        business: UUID | None = None,
        length: int | None = None,
        *,
        ends: bool = True,
    ) -> int:
        """Send this body; answers the status."""
        headers = []
        if business is not None:
            headers.append((b"authorization", str(business).encode()))
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        coming = iter(parts)
        status = 0

        async def receive() -> Any:
            part = next(coming, None)
            if part is None:
                if not ends:
                    await asyncio.Event().wait()
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.request", "body": part, "more_body": True}

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]

        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        await self.bodies(scope, receive, send)
        return status


async def settled(edge: Edge, tasks: list["asyncio.Task[int]"]) -> None:
    """Until each is inside or answered."""
    await eventually(lambda: edge.inside + sum(task.done() for task in tasks) == len(tasks))


@pytest.mark.parametrize("length", [LARGE, None])
async def test_one_business_holds_no_more_than_its_share_of_long_bodies(
    length: int | None,
) -> None:
    edge, greedy, other = Edge(), uuid4(), uuid4()
    body = [b" " * 1_000_000] * 4

    def batch(business: UUID) -> "asyncio.Task[int]":
        return asyncio.create_task(edge.ask("/payout/batch", body, business, length))

    many = [batch(greedy) for _ in range(10)]
    await settled(edge, many)
    assert edge.inside == request_body.HELD_OF_ONE // LARGE
    modest = [batch(other)]
    await settled(edge, [*many, *modest])
    small = asyncio.create_task(edge.ask("/payout/create", [b"{}"], greedy))
    await settled(edge, [*many, *modest, small])
    edge.leave.set()

    statuses = await asyncio.gather(*many)
    assert sorted(statuses) == [200] * 4 + [429] * 6
    assert await modest[0] == await small == 200
    assert await batch(greedy) == 200, "what was answered is held no more"


async def test_all_businesses_together_hold_no_more_than_there_is_room_for() -> None:
    edge = Edge()
    many = [
        asyncio.create_task(edge.ask("/payout/batch", [b" "] * 3, uuid4(), LARGE))
        for _ in range(20)
    ]
    await settled(edge, many)
    assert edge.inside == request_body.HELD // LARGE
    edge.leave.set()
    assert sorted(await asyncio.gather(*many)) == [200] * 8 + [429] * 12


async def test_strangers_callbacks_hold_no_more_than_their_room_and_keep_small_ones_out_never() -> (
    None
):
    edge, most = Edge(), request_body.HELD_OF_STRANGERS
    length = request_body.MAX_CALLBACK_BODY
    many = [
        asyncio.create_task(edge.ask("/rails/paypal/biz_1/callback", [b" "], length=length))
        for _ in range(most // length + 10)
    ]
    await settled(edge, many)
    assert edge.inside == most // length
    small = asyncio.create_task(edge.ask("/rails/paypal/biz_1/callback", [b" " * 2_000]))
    business = asyncio.create_task(edge.ask("/payout/batch", [b" "], uuid4(), LARGE))
    await settled(edge, [*many, small, business])
    edge.leave.set()
    assert await small == await business == 200
    assert (await asyncio.gather(*many)).count(429) == 10


async def test_of_a_stranger_a_few_thousand_bytes_are_read_and_no_more() -> None:
    edge = Edge()
    part = b" " * 1_000
    for path in ("/payout/create", "/payout/batch", "/balance"):
        assert await edge.ask(path, [part] * 9, ends=False) == 401
        assert await edge.ask(path, [], length=LARGE, ends=False) == 401
    for path in ("/payout/quote", "/payout/withdraw", "/nowhere"):
        assert await edge.ask(path, [part] * 9, ends=False) == 413


async def test_a_body_that_drips_is_given_up_before_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request_body, "BEGIN_S", 0.05)
    edge = Edge()
    assert await edge.ask("/payout/create", [b"{"], ends=False) == 401, "of a stranger"
    assert await edge.ask("/payout/create", [b"{"], uuid4(), ends=False) == 408
    assert await edge.ask("/payout/quote", [b"{"], ends=False) == 408


async def test_time_that_the_server_itself_takes_is_not_the_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database that is slow to say who is asking makes no body late."""
    monkeypatch.setattr(request_body, "BEGIN_S", 0.02)
    monkeypatch.setattr(request_body, "LEAST_RATE", 10**9)
    edge = Edge()
    authenticate = edge.bodies._authenticate

    async def slowly(authorization: str | None) -> BusinessCaller:
        await asyncio.sleep(0.05)
        return await authenticate(authorization)

    edge.bodies._authenticate = slowly
    edge.leave.set()
    assert await edge.ask("/payout/batch", [b" " * 9_000, b" "], uuid4()) == 200


def test_what_is_held_is_given_back_however_it_ends() -> None:
    memory = BodyMemory(10, 6)
    with memory.hold("a", 6), memory.hold("b", 4):
        assert memory.held == 10
        for holder, size in (("a", 1), ("b", 1), ("c", 1)):
            with pytest.raises(Busy), memory.hold(holder, size):
                raise AssertionError
    with pytest.raises(ZeroDivisionError), memory.hold("a", 6):
        1 / 0  # noqa: B018  # what goes wrong within
    assert memory.held == 0
    status, _, headers = error_answer(Busy())
    assert (status, headers["Retry-After"]) == (429, "1")
