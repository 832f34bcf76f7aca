"""The sender against real sockets: receivers that misbehave, and targets that must not be reached.

Every case runs on asyncio's own loop and on uvloop, whose transports differ.
"""

import asyncio
import contextlib
import gzip
import itertools
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
import trustme
from aiohappyeyeballs import AddrInfoType

from payviox.webhooks import sender
from payviox.webhooks.sender import ANSWER_BYTES, EXCERPT_BYTES, Answer, Kept, post
from payviox.webhooks.targets import Lookup, Target
from support.machine import stretch
from support.sockets import GONE

pytestmark = pytest.mark.anyio

LIMIT_S = 0.3
"""For what is to be cut by time."""
AMPLE_S = stretch(30.0)
"""For everything else: a busy machine is no receiver's fault."""
CLOCK_MS = 5
"""uvloop's timers count whole milliseconds from a time it looked at before."""
BODY = b'{"type":"payout.succeeded"}'
HEADERS = {"Content-Type": "application/json", "Signature": "ab"}
PUBLIC = "93.184.216.34"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(
    params=[("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
    ids=["asyncio", "uvloop"],
)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return request.param


class Receiver:
    """A TCP server on 127.0.0.1 (and ::1) that counts connections and follows a script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.accepted = 0
        self.requests: list[bytes] = []
        self.port = 0
        self.ipv6 = False
        self.arrived = asyncio.Semaphore(0)
        """Released for each request that has come in."""
        self.left = asyncio.Semaphore(0)
        """Released for each script that has ended: the sender is gone, or was answered."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        with contextlib.suppress(*GONE):
            self.requests.append(await self.request(reader))
            self.arrived.release()
            await self.script(reader, writer)
        writer.close()
        self.left.release()

    @staticmethod
    async def request(reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        return head + await reader.readexactly(int(length.split(b":")[1]))

    def target(self, host: str = "127.0.0.1", path: str = "/", scheme: str = "http") -> Target:
        return Target(scheme, host, self.port, path, allow_private=True)


@contextlib.asynccontextmanager
async def receiver(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    one = Receiver(script)
    servers = [await asyncio.start_server(one.handle, "127.0.0.1", 0, ssl=tls)]
    one.port = servers[0].sockets[0].getsockname()[1]
    with contextlib.suppress(OSError):  # a machine without IPv6
        servers.append(await asyncio.start_server(one.handle, "::1", one.port, ssl=tls))
        one.ipv6 = True
    try:
        yield one
    finally:
        for server in servers:
            server.close()


def says(text: bytes = b"", *, then_waits: bool = False) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()
        if then_waits:
            await reader.read()

    return script


def repeats(first: bytes, again: bytes, pause_s: float = 0) -> Script:
    """Never ends by itself; a sender that goes away ends it by one of GONE."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return script


def drips(text: bytes) -> Script:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in itertools.chain(text, itertools.repeat(ord("x"))):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)

    return script


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def send(target: Target, **options: object) -> Answer:
    return await post(target, BODY, HEADERS, **{"timeout_s": AMPLE_S} | options)


async def answer_to(script: Script, timeout_s: float = AMPLE_S) -> tuple[Answer, Receiver]:
    """One delivery; the sender must have let go of the connection, however it went."""
    async with receiver(script) as one:
        answer = await send(one.target(), timeout_s=timeout_s)
        await one.left.acquire()
        assert one.accepted == 1
    return answer, one


# --- what is sent, and what counts as delivered


async def test_the_exact_body_and_headers_arrive_and_200_is_delivered() -> None:
    async with receiver(says(OK)) as one:
        answer = await send(one.target(path="/hook?a=b"))
    assert (answer.status, answer.body, answer.error, answer.delivered) == (200, "ok", None, True)
    assert 0 <= answer.duration_ms <= 1000 * AMPLE_S
    head, _, body = one.requests[0].partition(b"\r\n\r\n")
    assert body == BODY
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /hook?a=b HTTP/1.1"
    assert set(lines[1:]) == {
        b"Host: 127.0.0.1:%d" % one.port,
        b"User-Agent: Payviox-Webhooks/1",
        b"Accept: */*",
        b"Accept-Encoding: identity",
        b"Connection: close",
        b"Content-Length: %d" % len(BODY),
        b"Content-Type: application/json",
        b"Signature: ab",
    }


@pytest.mark.parametrize("status", [201, 202, 204, 301, 304, 400, 401, 404, 410, 429, 500, 503])
async def test_any_other_status_than_200_is_an_answer_but_no_delivery(status: int) -> None:
    answer, _ = await answer_to(says(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status))
    assert (answer.status, answer.error, answer.delivered) == (status, None, False)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", ""),
        (CHUNKED + b"1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", "ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hint\r\nLink: </a>\r\n\r\n" + OK, "ok"),
        (OK + OK, "ok"),
        (b"HTTP/1.1 200 OK\r\n\r\n\xff\x00\xfe", "\ufffd" * 3),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nbroken off", "broken off"),
        (CHUNKED + b"rubbish\r\n", ""),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 10_000, "a" * EXCERPT_BYTES),
    ],
    ids=["1.0", "to the end", "empty", "chunked", "1xx", "two answers", "not text", "cut off",
         "bad chunks", "long"],
)  # fmt: skip
async def test_every_way_of_saying_200_is_delivered(text: bytes, body: str) -> None:
    answer, _ = await answer_to(says(text))
    assert (answer.status, answer.body, answer.delivered) == (200, body, True)
    assert answer.error is None


async def test_a_receiver_that_answers_before_it_has_read_the_body_is_heard() -> None:
    async def early(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with receiver(early) as one:
        one.request = lambda _reader: asyncio.sleep(0, b"")  # type: ignore[method-assign,assignment]
        answer = await post(one.target(), b"x" * 2_000_000, HEADERS, timeout_s=AMPLE_S)
    assert answer.status == 413


# --- connections that are kept


def answers_each(*texts: bytes) -> Script:
    """The first request has the first text, and so on; where they end the connection does."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for text in texts[:-1]:
            writer.write(text)
            await Receiver.request(reader)
        writer.write(texts[-1])

    return script


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    one = Kept()
    yield one
    one.hang_up()


async def test_the_next_post_to_a_target_goes_over_the_same_connection(kept: Kept) -> None:
    chunked = CHUNKED + b"2\r\nok\r\n0\r\n\r\n"
    async with receiver(answers_each(OK, chunked, b"HTTP/1.1 500 No\r\n\r\n")) as one:
        answers = [await send(one.target(), kept=kept) for _ in range(3)]
        assert [(answer.status, answer.body) for answer in answers] == [
            (200, "ok"),
            (200, "ok"),
            (500, ""),
        ]
        assert one.accepted == 1
        assert b"Connection" not in one.requests[0]


async def test_several_at_once_have_a_connection_each_and_none_is_anothers(kept: Kept) -> None:
    async with receiver(answers_each(OK, OK)) as one, receiver(answers_each(OK, OK)) as other:
        for _ in range(2):
            await asyncio.gather(*(send(one.target(), kept=kept) for _ in range(3)))
        assert one.accepted == 3
        await send(one.target(path="/other"), kept=kept)
        assert one.accepted == 4
        assert (await send(other.target(), kept=kept)).delivered
        assert other.accepted == 1


@pytest.mark.parametrize(
    "text",
    [
        OK + OK,
        OK + b"x",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000,
    ],
    ids=["two answers", "more than the answer", "1.0", "close", "long"],
)
async def test_a_connection_with_anything_left_on_it_is_used_no_more(
    kept: Kept, text: bytes
) -> None:
    async with receiver(says(text, then_waits=True)) as one:
        for accepted in (1, 2):
            assert (await send(one.target(), kept=kept)).delivered
            assert one.accepted == accepted


async def test_an_answer_that_nobody_asked_for_is_nobodys(kept: Kept) -> None:
    refuses = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    goes_on = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(refuses)
        await goes_on.wait()
        writer.write(OK)
        await reader.read()

    async with receiver(script) as one:
        assert (await send(one.target(), kept=kept)).status == 500
        goes_on.set()
        await one.left.acquire()  # the connection was closed for it
        assert (await send(one.target(), kept=kept)).status == 500


async def test_one_that_the_receiver_closed_meanwhile_is_opened_anew(kept: Kept) -> None:
    async with receiver(says(OK)) as one:
        for accepted in range(1, 6):
            answer = await send(one.target(), kept=kept)
            assert (answer.status, answer.error) == (200, None)
            assert one.accepted == accepted


async def test_one_that_is_closed_at_the_next_request_is_opened_anew_once(kept: Kept) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if one.accepted == 1:
            writer.write(OK)
            await Receiver.request(reader)
        elif one.accepted == 3:
            writer.write(OK)

    async with receiver(script) as one:
        assert (await send(one.target(), kept=kept)).delivered
        answer = await send(one.target(), kept=kept)
        assert answer.error == "the connection was closed before an answer"
        assert one.accepted == 2
        assert (await send(one.target(), kept=kept)).delivered


async def test_half_an_answer_on_a_kept_connection_is_not_asked_for_again(kept: Kept) -> None:
    async with receiver(answers_each(OK, b"HTTP/1.1 200 ")) as one:
        assert (await send(one.target(), kept=kept)).delivered
        answer = await send(one.target(), kept=kept)
        assert answer.error == "the connection was closed before an answer"
        assert one.accepted == 1


async def test_no_answer_on_a_kept_connection_is_cut_by_time(kept: Kept) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await reader.read()

    async with receiver(script) as one:
        assert (await send(one.target(), kept=kept)).delivered
        answer = await send(one.target(), kept=kept, timeout_s=LIMIT_S)
        assert answer.error == "no answer within 0.3 s"
        await one.left.acquire()
        assert one.accepted == 1


async def test_one_that_rests_for_too_long_is_closed(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "IDLE_S", 0.05)
    async with receiver(says(OK, then_waits=True)) as one:
        assert (await send(one.target(), kept=kept)).delivered
        await one.left.acquire()
        assert (await send(one.target(), kept=kept)).delivered
        assert one.accepted == 2


async def test_a_name_is_checked_again_once_its_connection_is_old(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = []

    async def rebinding(host: str, port: int) -> Sequence[AddrInfoType]:
        looked_up.append(host)
        return await answering(PUBLIC if len(looked_up) == 1 else "127.0.0.1")(host, port)

    async with receiver(answers_each(OK, OK, OK)) as one:
        target = Target("http", "hooks.example.com", 80, "/", allow_private=False)
        for _ in range(2):
            sent = await send(target, kept=kept, lookup=rebinding, connect=Spy(one.port))
            assert sent.delivered
        assert looked_up == ["hooks.example.com"]
        monkeypatch.setattr(sender, "MOST_AGE_S", -1)
        sent = await send(target, kept=kept, lookup=rebinding, connect=Spy(one.port))
        assert sent.error == "the name does not resolve to a public address"
        assert one.accepted == 1


# --- receivers that misbehave


async def test_no_answer_is_cut_by_time_and_says_so() -> None:
    began = time.monotonic()
    answer, _ = await answer_to(says(then_waits=True), LIMIT_S)
    took_ms = (time.monotonic() - began) * 1000
    assert (answer.status, answer.error) == (None, "no answer within 0.3 s")
    assert LIMIT_S * 1000 - CLOCK_MS <= answer.duration_ms <= took_ms + CLOCK_MS


async def test_headers_that_drip_in_byte_by_byte_are_cut_by_time() -> None:
    answer, _ = await answer_to(drips(b"HTTP/1.1 200 OK\r\nX: "), LIMIT_S)
    assert (answer.status, answer.error) == (None, "no answer within 0.3 s")


async def test_a_body_that_drips_is_cut_by_time_and_the_200_before_it_stands() -> None:
    script = repeats(b"HTTP/1.1 200 OK\r\n\r\n", b"x", pause_s=0.02)
    limit_s = stretch(LIMIT_S)  # long enough for the head
    answer, _ = await answer_to(script, limit_s)
    assert answer.delivered
    assert answer.error is None
    assert set(answer.body) == {"x"}
    assert answer.duration_ms >= limit_s * 1000 - CLOCK_MS


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"", b"x" * 65536),
        (b"", b"y"),
        (b"Content-Encoding: gzip\r\n", gzip.compress(bytes(100_000_000))),
        (b"Transfer-Encoding: chunked\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"1;" + b"e" * 10_000 + b"\r\nx\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"f" * 100_000),
    ],
    ids=["fast", "small writes", "gzip bomb", "chunked", "chunk extensions", "chunk size"],
)
async def test_an_endless_body_is_cut_by_bytes_and_the_200_before_it_stands(
    first: bytes, again: bytes
) -> None:
    answer, _ = await answer_to(repeats(b"HTTP/1.1 200 OK\r\n" + first + b"\r\n", again))
    assert answer.delivered
    assert len(answer.body) <= EXCERPT_BYTES


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1_000_000),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (b"", b"HTTP/1.1 103 Hint\r\nX: " + b"x" * 10_000 + b"\r\n\r\n"),
    ],
    ids=["one long", "many short", "endless 100", "endless 103"],
)
async def test_a_header_bomb_is_cut_by_bytes(first: bytes, again: bytes) -> None:
    answer, _ = await answer_to(repeats(first, again))
    assert (answer.status, answer.delivered) == (None, False)
    assert answer.error == f"the answer's headers are longer than {ANSWER_BYTES} bytes"


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\x00\xa5", b"SSH-2.0-OpenSSH_9.6\r\n", b"ok", b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA B: c\r\n\r\n", b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", b"\r\n\r\nHTTP/1.1\r\n\r\n",
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_http_is_an_error_without_the_peers_words(text: bytes) -> None:
    answer, _ = await answer_to(says(text + b"\r\n\r\n"))
    assert (answer.status, answer.body, answer.error) == (None, "", "the answer is not valid HTTP")


@pytest.mark.parametrize("text", [b"", b"HTTP/1.1 200 OK\r\nX: y\r\n"])
async def test_a_connection_closed_before_the_answer_says_so(text: bytes) -> None:
    answer, _ = await answer_to(says(text))
    assert answer.error == "the connection was closed before an answer"


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with receiver(says(OK)) as inside:
        location = f"http://127.0.0.1:{inside.port}/".encode()
        for status in (301, 302, 303, 307, 308):
            text = b"HTTP/1.1 %d Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
            answer, _ = await answer_to(says(text % (status, location)))
            assert (answer.status, answer.delivered) == (status, False)
    assert inside.accepted == 0


async def test_hanging_receivers_do_not_hold_up_others_and_leave_no_socket_behind() -> None:
    async with receiver(says(then_waits=True)) as bad, receiver(says(OK)) as good:
        hanging = [asyncio.create_task(send(bad.target())) for _ in range(50)]
        for _ in hanging:
            await bad.arrived.acquire()
        assert (await send(good.target())).delivered
        assert not any(task.done() for task in hanging)
        for task in hanging:
            task.cancel()  # as a worker does that shuts down
        for _ in hanging:
            await bad.left.acquire()
    assert all(task.cancelled() for task in hanging)


# --- targets that cannot be reached


async def test_a_port_where_nobody_listens_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    answer = await send(Target("http", "127.0.0.1", port, "/", allow_private=True))
    assert (answer.status, answer.error) == (None, "connection refused")


async def test_a_name_that_does_not_resolve_and_one_that_takes_forever_say_so() -> None:
    async def unknown(_host: str, _port: int) -> Sequence[AddrInfoType]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def forever(_host: str, _port: int) -> Sequence[AddrInfoType]:
        return await asyncio.get_running_loop().create_future()

    target = Target("https", "hooks.example.com", 443, "/", allow_private=False)
    assert (await send(target, lookup=unknown)).error == "the name does not resolve"
    answer = await send(target, lookup=forever, timeout_s=LIMIT_S)
    assert answer.error == "no answer within 0.3 s"


async def test_a_network_that_is_down_and_a_connect_that_hangs_say_so() -> None:
    async def down(_addresses: Sequence[AddrInfoType]) -> socket.socket:
        raise OSError(101, "Network is unreachable")

    async def hangs(_addresses: Sequence[AddrInfoType]) -> socket.socket:
        return await asyncio.get_running_loop().create_future()

    target = Target("http", "127.0.0.1", 80, "/", allow_private=True)
    assert (await send(target, connect=down)).error == "cannot connect: Network is unreachable"
    answer = await send(target, connect=hangs, timeout_s=LIMIT_S)
    assert answer.error == "no answer within 0.3 s"


# --- THREATS 19: no connection is made


def answering(*addresses: str) -> Lookup:
    async def lookup(_host: str, port: int) -> Sequence[AddrInfoType]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (text, port, 0, 0))
            if ":" in text
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))
            for text in addresses
        ]

    return lookup


REACHES_THIS_MACHINE = [
    "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "017700000001",
    "0177.0.0.1", "0x7f.0x0.0x0.0x1", "0.0.0.0", "0", "::1", "::", "::ffff:127.0.0.1",
    "0:0:0:0:0:ffff:7f00:1",
]  # fmt: skip


@pytest.mark.parametrize("host", REACHES_THIS_MACHINE)
async def test_no_connection_reaches_this_machine_by_any_form_of_its_address(host: str) -> None:
    """With the syntax check left out, and with a control that the form would have arrived."""
    async with receiver(says(OK)) as one:
        guarded = Target("https", host, one.port, "/", allow_private=False)
        answer = await send(guarded)
        assert answer.error is not None
        assert answer.error == "the name does not resolve to a public address"
        assert (answer.status, one.accepted) == (None, 0)
        if host in ("::", "::1") and not one.ipv6:
            pytest.skip("this machine has no IPv6, so the control cannot arrive")
        assert (await send(one.target(host))).delivered
        assert one.accepted == 1


class Spy:
    """Stands in for connecting: notes the addresses, and connects to a receiver of ours if any."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port
        self.calls: list[list[str]] = []

    async def __call__(self, addresses: Sequence[AddrInfoType]) -> socket.socket:
        self.calls.append([info[4][0] for info in addresses])
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        return sock


@pytest.mark.parametrize(
    "answers",
    [
        ["10.0.0.1"], ["172.16.0.1"], ["192.168.1.1"], ["169.254.169.254"], ["169.254.1.1"],
        ["100.64.0.1"], ["100.100.100.200"], ["168.63.129.16"], ["192.0.0.192"], ["192.0.2.1"],
        ["198.18.0.1"], ["224.0.0.1"], ["240.0.0.1"], ["255.255.255.255"], ["0.1.2.3"],
        ["fc00::1"], ["fd00:ec2::254"], ["fe80::1"], ["fe80::1%1"], ["fec0::1"], ["ff02::1"],
        ["::ffff:10.0.0.1"], ["::10.0.0.1"], ["::ffff:0:10.0.0.1"], ["64:ff9b::10.0.0.1"],
        ["64:ff9b:1::10.0.0.1"], ["2002:a00:1::"], ["2001::f5ff:fffe"], ["2001:db8::1"],
        [PUBLIC, "127.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "2606:4700::1", "::1"],
    ],
    ids=" ".join,
)  # fmt: skip
async def test_no_connection_is_tried_when_any_answer_is_not_public(answers: list[str]) -> None:
    spy = Spy()
    target = Target("https", "hooks.example.com", 443, "/", allow_private=False)
    answer = await send(target, lookup=answering(*answers), connect=spy)
    assert answer.error is not None
    assert answer.error == "the name does not resolve to a public address"
    assert spy.calls == []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_a_name_that_changes_after_the_check_is_reached_where_it_was_checked(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when checked, this machine ever after."""
    lookups: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[AddrInfoType]:
        lookups.append(host)
        return await answering(PUBLIC if len(lookups) == 1 else "127.0.0.1")(host, port)

    def second_look(*_args: object, **_options: object) -> None:
        pytest.fail("looked up again between the check and the connection")

    names: list[str] = []
    tls = server_tls(authority, "hooks.example.com")
    tls.sni_callback = lambda _sock, name, _context: names.append(name)
    target = Target("https", "hooks.example.com", 443, "/x", allow_private=False)
    async with receiver(says(OK), tls) as one:
        spy = Spy(one.port)
        monkeypatch.setattr(socket, "getaddrinfo", second_look)
        answer = await send(target, lookup=rebinding, connect=spy, tls=client_tls(authority))
        assert answer.delivered
        assert (lookups, spy.calls) == (["hooks.example.com"], [[PUBLIC]])
        assert names == ["hooks.example.com"]
        assert b"Host: hooks.example.com\r\n" in one.requests[0]
        again = await send(target, lookup=rebinding, connect=spy)
        assert again.error == "the name does not resolve to a public address"
        assert one.accepted == 1


async def test_the_connection_goes_to_the_addresses_of_the_one_look_up_in_turn() -> None:
    """With the real connector: a name that only our look-up knows, whose first address is dead."""
    async with receiver(says(OK)) as one:
        lookup = answering("127.0.0.2", "127.0.0.1")
        answer = await send(one.target("hooks.example.invalid"), lookup=lookup)
    assert answer.delivered
    assert b"Host: hooks.example.invalid:%d\r\n" % one.port in one.requests[0]


async def test_proxies_named_in_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiver(says(OK)) as proxy, receiver(says(OK)) as one:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert (await send(one.target())).delivered
    assert (proxy.accepted, one.accepted) == (0, 1)


# --- TLS


@pytest.mark.parametrize(
    ("named", "trusted", "error"),
    [
        ("localhost", False, "unable to get local issuer certificate"),
        ("other.example", True, "Hostname mismatch, certificate is not valid for 'localhost'."),
    ],
)
async def test_a_certificate_that_is_not_valid_gets_no_request(
    authority: trustme.CA, named: str, trusted: bool, error: str
) -> None:
    async with receiver(says(OK), server_tls(authority, named)) as one:
        tls = client_tls(authority) if trusted else None
        answer = await send(one.target("localhost", scheme="https"), tls=tls)
    assert (answer.status, answer.error) == (None, f"TLS certificate not valid: {error}")
    assert one.requests == []


async def test_a_port_that_does_not_speak_tls_says_so() -> None:
    async with receiver(says()) as one:
        one.request = lambda _reader: asyncio.sleep(0, b"")  # type: ignore[method-assign,assignment]
        one.script = says(OK)
        answer = await send(one.target(scheme="https"))
    assert answer.error is not None
    assert answer.error.startswith("TLS failed: ")


async def test_a_tls_handshake_that_never_ends_is_cut_by_time_and_let_go() -> None:
    async def swallow(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with receiver(swallow) as one:
        one.request = lambda _reader: asyncio.sleep(0, b"")  # type: ignore[method-assign,assignment]
        answer = await send(one.target(scheme="https"), timeout_s=LIMIT_S)
        await one.left.acquire()
    assert (answer.status, answer.error) == (None, "no answer within 0.3 s")
