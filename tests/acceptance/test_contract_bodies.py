"""Bodies, methods and paths that no client should send: clear errors, always JSON, bounded memory,
nothing moved."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from payviox.web import request_body
from support.machine import stretch

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
GOOD = b'{"email":"a@x.com","amount":5}'


async def send(business: Any, body: Any, path: str = "/payout/create", **headers: str) -> Any:
    """Send it, and see that an answer other than 2xx moved nothing and is one JSON error."""
    before = await business.ledger()
    answer = await business.client.post(path, content=body, headers={**JSON, **headers})
    if not answer.is_success:
        assert answer.headers["content-type"] == "application/json"
        assert await business.ledger() == before
        assert answer.status_code < 500, answer.text
        assert "Traceback" not in answer.text
    return answer


MALFORMED = {
    "cut off": b'{"email":"a@x.com","amount":5',
    "trailing": GOOD + b"}",
    "two objects": GOOD + GOOD,
    "trailing comma": b'{"email":"a@x.com","amount":5,}',
    "single quotes": b"{'email':'a@x.com','amount':5}",
    "a comment": b'{"email":"a@x.com","amount":5/*x*/}',
    "NaN": b'{"email":"a@x.com","amount":NaN}',
    "Infinity": b'{"email":"a@x.com","amount":Infinity}',
    "-Infinity": b'{"email":"a@x.com","amount":-Infinity}',
    "leading zero": b'{"email":"a@x.com","amount":05}',
    "plus": b'{"email":"a@x.com","amount":+5}',
    "hexadecimal": b'{"email":"a@x.com","amount":0x5}',
    "null": b"null",
    "a list": b"[" + GOOD + b"]",
    "a string": b'"a@x.com"',
    "a number": b"5",
    "true": b"true",
    "a form": b"email=a%40x.com&amount=5",
    "NUL": b'{"email":"a\0@x.com","amount":5}',
    "a line break in a string": b'{"email":"a@x.com\n","amount":5}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-32": GOOD.decode().encode("utf-32-le"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "Latin-1": b'{"email":"\xe9@x.com","amount":5}',
    "Latin-1 in a field not ours": b'{"email":"a@x.com","amount":5,"note":"\xe9"}',
    "Latin-1 in a name not ours": b'{"email":"a@x.com","amount":5,"\xe9":1}',
    "an overlong form": b'{"email":"a@x.com","amount":5,"note":"\xc0\xaf"}',
    "a surrogate as UTF-8": b'{"email":"a\xed\xa0\x80@x.com","amount":5}',
    "a lone surrogate": b'{"email":"a\\ud800@x.com","amount":5}',
    "a lone low surrogate": b'{"email":"a\\udc00@x.com","amount":5}',
    "a number beyond a double, then NaN": b'{"email":"a@x.com","amount":1e400,"x":NaN}',
    "a number beyond a double, then a surrogate": b'{"amount":1e400,"x":"\\ud800"}',
    "a number beyond a double, cut off": b'{"email":"a@x.com","amount":1e400',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("path", ["/payout/create", "/payout/fund"])
async def test_what_is_not_json_is_malformed(business, body: bytes, path: str) -> None:
    for headers in ({}, {"Idempotency-Key": "k"}):
        answer = await send(business, body, path, **headers)
        assert answer.status_code == 400
        assert list(answer.json()) == ["error"]
        assert isinstance(answer.json()["error"], str)


LONG = b"9" * 5_000


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (b"1e400", "The amount must be an integer."),
        (b"-1e400", "The amount must be an integer."),
        (LONG, "The amount may not be greater than "),
        (b"-" + LONG, "The amount must be at least 1."),
    ],
)
@pytest.mark.parametrize("path", ["/payout/create", "/payout/fund"])
async def test_a_number_out_of_range_is_a_fields_own_fault(
    business, amount: bytes, message: str, path: str
) -> None:
    for headers in ({}, {"Idempotency-Key": "k"}):
        answer = await send(business, b'{"email":"x","amount":%s}' % amount, path, **headers)
        assert answer.status_code == 400
        fields = answer.json()
        assert fields.pop("amount")[0].startswith(message)
        email = {"email": ["The email must be a valid email address."]}
        assert fields == (email if path == "/payout/create" else {})


async def test_a_hash_is_found_in_a_body_with_a_number_out_of_range(business) -> None:
    payout_hash = (await business.create("a@x.com", 5)).json()["hash"]
    body = b'{"payout_hash":"%s","provider":"paypal","amount":1e400}' % payout_hash.encode()
    async with business.client_with(JSON) as client:
        answer = await client.post("/payout/quote", content=body)
    assert answer.status_code == 400
    assert answer.json()["amount"] == ["The amount must be an integer."]


async def test_a_body_is_json_also_where_no_field_is_read(business) -> None:
    await business.create("a@x.com", 1)
    [user] = (await business.client.get("/payout/users")).json()["data"]
    path = f"/payout/users/{user['id']}/deactivate"
    for body in (b"{bad json", b"[]"):
        assert (await send(business, body, path)).status_code == 400
    assert (await business.client.get(f"/payout/users/{user['id']}")).json()["status"] == "active"
    assert (await send(business, b" ", path)).status_code == 200


async def test_malformed_json_says_nothing_of_what_was_sent(business) -> None:
    answer = await send(business, b'{"email":"secret@x.com","amount":5,"x":"\xff}')
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"email":"b@x.com","email":"a@x.com","amount":1,"amount":5}',
        b'{"email":"a@x.com","amount":5,"amount":5}',
        b'{"email":"a@x.com","amount":5,"\\u0061mount":5}',
        b'{"email":"a@x.com","amount":5,"n":{"a":1,"a":1}}',
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
async def test_a_key_that_comes_twice_is_refused(business, body: bytes, headers) -> None:
    before = await business.ledger()
    items = b'{"items":[%s,{"email":"b@x.com","amount":1,"reference":"a:b"}]}' % body
    for path, content in (("/payout/create", body), ("/payout/batch", items)):
        answer = await send(business, content, path, **headers)
        assert answer.status_code == 400, path
        assert re.fullmatch(r"The request body has the key \"\w+\" twice", answer.json()["error"])
    assert await business.ledger() == before


async def test_colons_in_texts_are_no_keys(business) -> None:
    body = b'{"email":"a@x.com","amount":5,"note":":::"}'
    assert (await send(business, body, **{"Idempotency-Key": "k"})).status_code == 201


async def test_what_is_no_utf_8_is_told_so_in_our_words(business) -> None:
    for path in ("/payout/create", "/payout/batch", "/payout/fund"):
        answer = await send(business, b'{"email":"\xff","amount":5}', path)
        assert answer.json() == {"error": "The request body is not UTF-8 text"}
        answer = await send(business, b'{"x":"\\ud800","amount":1e400}', path)
        assert answer.status_code == 400
        assert "codec" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"email":"a@x.com","email":5,"amount":5}',
        b'{"email":5,"email":"a@x.com","amount":5}',
        b'{"email":"a@x.com","amount":"x","amount":5}',
        b'{"email":"a@x.com","amount":5,"amount":null}',
    ],
)
async def test_a_field_given_twice_and_once_wrongly_is_refused(business, body: bytes) -> None:
    assert (await send(business, body)).status_code == 400


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("keyed", [True, False])
async def test_deep_nesting_is_refused_or_harmless(business, opening: bytes, keyed: bool) -> None:
    """At every depth, also just where the recursion limit lies."""
    closing = b"]" if opening == b"[" else b"}"
    headers = {"Idempotency-Key": "k"} if keyed else {}
    before = await business.ledger()
    for depth in [1, 64, *range(850, 1_000, 3), 2_000, 100_000]:
        nested = opening * depth + b"1" + closing * depth
        for body in (nested, b'{"email":"a@x.com","amount":"x","note":' + nested + b"}"):
            answer = await business.client.post(
                "/payout/create", content=body, headers={**JSON, **headers}
            )
            assert answer.status_code == 400, (depth, answer.text)
    assert await business.ledger() == before
    answer = await send(business, b'{"email":"a@x.com","amount":5,"n":%s}' % nested)
    assert answer.json() == {"error": "The request body is nested too deeply"}


async def test_nesting_near_the_limit_is_never_our_fault(business) -> None:
    for depth in range(900, 1_000):
        body = b'{"email":"a@x.com","amount":1,"note":' + b"[" * depth + b"]" * depth + b"}"
        headers = {**JSON, "Idempotency-Key": f"k{depth}"}
        answer = await business.client.post("/payout/create", content=body, headers=headers)
        assert answer.status_code in (201, 400), (depth, answer.text)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/json",
        "application/jsonp",
        "*/*",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/payout/create", "/payout/fund"])
async def test_another_content_type_is_415(business, kind: str, path: str) -> None:
    answer = await send(business, GOOD, path, **{"Content-Type": kind})
    assert (answer.status_code, list(answer.json())) == (415, ["error"])


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON;charset=UTF-8",
        " application/json ",
        "application/vnd.payviox+json",
    ],
)
async def test_json_by_any_of_its_names_is_read(business, kind: str) -> None:
    assert (await send(business, GOOD, **{"Content-Type": kind})).status_code == 201


async def test_a_body_without_a_content_type_is_taken_for_json(business) -> None:
    answer = await business.client.post("/payout/create", content=GOOD)
    assert answer.request.headers.get("content-type") is None
    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/payout/create", "/payout/fund", "/nowhere"])
async def test_a_body_that_is_too_large_is_413(business, path: str) -> None:
    large = b'{"email":"a@x.com","amount":5,"note":"%s"}' % (b"x" * request_body.MAX_BODY)
    answer = await send(business, large, path)
    assert (answer.status_code, list(answer.json())) == (413, ["error"])


async def test_a_body_of_the_largest_size_is_read(business) -> None:
    frame = b'{"email":"a@x.com","amount":5,"note":"%s"}'
    body = frame % (b"x" * (request_body.MAX_BODY - len(frame) + 2))
    assert len(body) == request_body.MAX_BODY
    assert (await send(business, body)).status_code == 201
    assert (await send(business, body + b" ")).status_code == 413


async def test_an_endless_body_is_cut_off_at_the_limit(business) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 10_000
            yield b" " * 10_000

    answer = await send(business, endless())
    assert answer.status_code == 413
    assert taken <= request_body.MAX_BODY + 20_000


LARGE = b'{"email":"a@x.com","amount":5,"note":"%s"}' % (b"x" * request_body.MAX_STRANGERS_BODY)


@pytest.mark.parametrize("path", ["/payout/create", "/payout/fund", "/payout/batch"])
async def test_a_strangers_body_is_401_whatever_it_is_and_read_no_further(
    business, path: str
) -> None:
    async with business.client_with({"Authorization": f"Bearer {business.public_key}"}) as client:
        taken = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal taken
            while True:
                taken += 10_000
                yield b" " * 10_000

        for content in (GOOD, LARGE, b" " * (request_body.MAX_BATCH_BODY + 1), endless()):
            for kind in ("application/json", "text/plain"):
                answer = await client.post(path, content=content, headers={"Content-Type": kind})
                assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    assert taken <= 2 * (request_body.MAX_STRANGERS_BODY + 20_000)


async def test_a_strangers_long_body_is_not_even_begun(application) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("nobody asked for it")

    async def answer(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-length", b"%d" % (request_body.MAX_STRANGERS_BODY + 1))]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/payout/create",
        "headers": headers,
        "query_string": b"",
    }
    await application(scope, receive, answer)
    assert sent[0]["status"] == 401


async def test_a_known_business_may_send_a_long_body(business) -> None:
    assert (await send(business, LARGE)).status_code == 201


@pytest.mark.parametrize(
    "path", ["/payout/operations", "/payout/quote", "/payout/withdraw", "/payout/withdrawals/x"]
)
async def test_a_payout_users_body_is_never_long(business, path: str) -> None:
    payout_hash = (await business.create("a@x.com", 5)).json()["hash"]
    async with business.client_with({"X-Payout-Hash": payout_hash}) as client:
        answer = await client.post(path, content=LARGE, headers=JSON)
    assert (answer.status_code, list(answer.json())) == (413, ["error"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/payout/create"),
        ("POST", "/payout/fund"),
        ("GET", "/balance"),
        ("GET", "/payout/operations"),
    ],
)
async def test_a_header_that_counts_once_is_refused_twice(business, method: str, path: str) -> None:
    payout_hash = (await business.create("a@x.com", 5)).json()["hash"]
    before = await business.ledger()
    key, hash_ = ("Authorization", f"Bearer {business.secret_key}"), ("X-Payout-Hash", payout_hash)
    once = [key, hash_, ("Idempotency-Key", "k")]
    body = {"email": "a@x.com", "amount": 5} if method == "POST" else None
    for again, status in ((key, 401), (hash_, 401), (once[2], 400)):
        async with business.client_with({}) as client:
            answer = await client.request(method, path, json=body, headers=[*once, again])
        assert answer.status_code == status
        if status == 400:
            assert answer.json()["error"].startswith("The Idempotency-Key header must be")
    twice = [("Authorization", "Bearer x"), once[2], once[2]]
    if path != "/payout/operations":
        async with business.client_with({}) as client:
            answer = await client.request(method, path, json=body, headers=twice)
        assert answer.status_code == 401
    assert await business.ledger() == before


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/payout/create", {"POST", "OPTIONS"}),
        ("HEAD", "/payout/create", {"POST", "OPTIONS"}),
        ("PUT", "/payout/create", {"POST", "OPTIONS"}),
        ("DELETE", "/payout/create", {"POST", "OPTIONS"}),
        ("DELETE", "/payout/webhook", {"GET", "HEAD", "PUT", "OPTIONS"}),
        ("GET", "/payout/fund", {"POST", "OPTIONS"}),
        ("POST", "/balance", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/balance", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_another_method_is_405_and_names_the_allowed(
    business, method: str, path: str, allowed: set[str]
) -> None:
    answer = await business.client.request(method, path)
    assert answer.status_code == 405
    if method != "HEAD":
        assert answer.json() == {"error": "Method not allowed"}
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.headers["allow"].split(", ")) == allowed
    asked = await business.client.options(path)
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["allow"] == answer.headers["allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/payout",
        "/payout/create/x",
        "/balance/x",
        "/%00",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_a_json_404(business, method: str, path: str) -> None:
    answer = await business.client.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})


@pytest.mark.parametrize("content", ["<script>", "'; DROP TABLE transfers; --", "%s%n", "\\u0000"])
async def test_hostile_text_is_only_text(business, content: str) -> None:
    body = json.dumps({"email": content, "amount": content, "payout_hash": content}).encode()
    answer = await send(business, body)
    assert answer.status_code == 400
    assert content not in answer.text


async def raw(url: str, *parts: bytes, read: bool = True) -> bytes:
    """Send bytes as they are; answers what came back until it closed or said a JSON body."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    answer = b""
    try:
        async with asyncio.timeout(stretch(30)):
            for part in parts:
                writer.write(part)
                await writer.drain()
            while read and b"}" not in answer and (part := await reader.read(65_536)):
                answer += part
    except (ConnectionError, RuntimeError):  # the latter is uvloop's, of a closed transport
        pass  # hung up on, which is an answer too
    finally:
        writer.close()
    return answer


async def test_a_client_that_hangs_up_in_its_body_leaves_nothing_behind(
    business, live_server
) -> None:
    before = await business.ledger()
    head = (
        "POST /payout/create HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {business.secret_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(GOOD) + 1}\r\n\r\n"
    ).encode()
    for _ in range(20):
        await raw(live_server.url, head, GOOD, read=False)
    async with httpx.AsyncClient(base_url=live_server.url) as client:
        assert (await client.get("/balance")).status_code == 401
    assert await business.ledger() == before


async def test_a_slow_client_is_told_so_and_holds_nobody_up(
    business, application, monkeypatch
) -> None:
    """The body's time is bounded; here with less patience than usual."""
    inner = application
    while not isinstance(inner, request_body.RequestBodies):
        inner = inner._inner
    monkeypatch.setattr(inner, "_body_s", 0.05)
    before = await business.ledger()
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def answer(message: Any) -> None:
        sent.append(message)

    key = (b"authorization", b"Bearer " + business.secret_key.encode())
    for method, path in (("POST", "/payout/create"), ("POST", "/payout/fund"), ("GET", "/balance")):
        for headers, status in (([key], 408), ([], 401)):
            scope = {
                "type": "http",
                "method": method,
                "path": path,
                "headers": headers,
                "query_string": b"",
            }
            await application(scope, receive, answer)
            start, body = sent[-2:]
            assert start["status"] == status
            assert list(json.loads(body["body"])) == ["error"]
    assert await business.ledger() == before


async def test_many_slow_clients_do_not_keep_others_waiting(business, live_server) -> None:
    head = b"POST /payout/create HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    address = (urlsplit(live_server.url).hostname, urlsplit(live_server.url).port)
    slow = [socket.create_connection(address) for _ in range(200)]
    try:
        for one in slow:
            one.sendall(head)
        headers = {"Authorization": f"Bearer {business.secret_key}"}
        async with httpx.AsyncClient(base_url=live_server.url, headers=headers) as client:
            answer = await client.post("/payout/create", json={"email": "a@x.com", "amount": 5})
        assert answer.status_code == 201
    finally:
        for one in slow:
            one.close()


async def test_bytes_that_are_no_http_are_refused_and_the_server_goes_on(live_server) -> None:
    for rubbish in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\0" * 100):
        await raw(live_server.url, rubbish, b"\r\n\r\n")
    async with httpx.AsyncClient(base_url=live_server.url) as client:
        assert (await client.get("/balance")).status_code == 401
