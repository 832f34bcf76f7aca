"""The receivers that the documentation shows, started as a reader would and sent our posts."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pytest

from payviox.webhooks.sender import Answer, post
from payviox.webhooks.signing import new_token, sign
from payviox.webhooks.targets import parse_target

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TOKEN = new_token()
BODY = json.dumps(
    {"type": "payout.succeeded", "amount": 5000, "recipient": {"email": "jürgen@example.com"}},
    ensure_ascii=False,
).encode()


def test_the_python_receiver_says_which_setting_it_lacks() -> None:
    ended = subprocess.run(
        [sys.executable, "-I", str(EXAMPLES / "webhook_receiver.py")],
        env={name: v for name, v in os.environ.items() if name != "PAYVIOX_WEBHOOK_TOKEN"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, "set PAYVIOX_WEBHOOK_TOKEN\n")


@dataclass
class Running:
    port: int
    stdout: IO[str]

    async def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        target = parse_target(f"http://127.0.0.1:{self.port}/hook", allow_private=True)
        return await post(target, body, headers, timeout_s=5)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=["python", "node"])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    with receiver(request.param, TOKEN) as started:
        yield started


@contextlib.contextmanager
def receiver(language: str, tokens: str) -> Iterator[Running]:
    """The example in this language, started with these tokens."""
    if language == "python":
        command = [sys.executable, "-I", str(EXAMPLES / "webhook_receiver.py")]
    else:
        node = shutil.which("node")
        if node is None:
            pytest.skip("node is not installed, so the Node receiver was not tried")
        command = [node, str(EXAMPLES / "webhook_receiver.mjs")]
    environment = os.environ | {"PAYVIOX_WEBHOOK_TOKEN": tokens, "PORT": "0"}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        listening = process.stderr.readline()
        port = urlsplit(listening.removeprefix("listening on ").strip()).port
        assert port is not None, listening + process.stderr.read()
        yield Running(port, process.stdout)
        process.terminate()
        # Only what a test has read was printed: nothing for any event that was turned away.
        assert process.stdout.read() == ""


def signed(body: bytes = BODY, *, token: str = TOKEN, age_s: int = 0) -> dict[str, str]:
    return sign(token, body, "evt_1", int(time.time()) - age_s)


async def test_a_verified_event_is_printed_at_once_as_one_line_and_answered_200(
    running: Running,
) -> None:
    answer = await running.post(BODY, signed())
    assert (answer.status, answer.error) == (200, None)
    assert json.loads(running.stdout.readline()) == json.loads(BODY)


async def test_while_a_token_rotates_either_signature_will_do(running: Running) -> None:
    headers = signed()
    other = signed(token=new_token())["webhook-signature"]
    headers["webhook-signature"] = f"{other} {headers['webhook-signature']}"
    assert (await running.post(BODY, headers)).delivered
    assert json.loads(running.stdout.readline())["amount"] == 5000


@pytest.mark.parametrize("language", ["python", "node"])
async def test_changed_as_the_guide_says_the_token_fails_no_delivery(language: str) -> None:
    old, new, stranger = new_token(), new_token(), new_token()
    alone, waiting, confirmed = signed(token=old), signed(token=old), signed(token=new)
    waiting["webhook-signature"] += f" {confirmed['webhook-signature']}"
    mixed = signed(token=old) | {"Signature": confirmed["Signature"]}
    steps = [(old, [alone, waiting]), (f"{old}, {new}", [waiting, confirmed]), (new, [confirmed])]
    for tokens, deliveries in steps:
        with receiver(language, tokens) as started:
            for headers in deliveries:
                assert (await started.post(BODY, headers)).status == 200
                assert json.loads(started.stdout.readline()) == json.loads(BODY)
            assert (await started.post(BODY, signed(token=stranger))).status == 401
            assert (await started.post(BODY, mixed)).status == 401, "both by one token"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Signature", "0" * 64),
        ("Signature", ""),
        ("Signature", "short"),
        ("webhook-signature", "v1,AAAA"),
        ("webhook-signature", ""),
        ("webhook-id", "evt_2"),
        ("webhook-timestamp", "1700000000"),
        ("webhook-timestamp", "NaN"),
        ("webhook-timestamp", "9" * 400),
        ("webhook-timestamp", "9" * 5000),
        ("webhook-timestamp", ""),
    ],
)
async def test_a_changed_header_is_answered_401(running: Running, name: str, value: str) -> None:
    assert (await running.post(BODY, signed() | {name: value})).status == 401


async def test_a_missing_header_is_answered_401(running: Running) -> None:
    for name in ("Signature", "webhook-id", "webhook-timestamp", "webhook-signature"):
        headers = signed()
        del headers[name]
        assert (await running.post(BODY, headers)).status == 401


async def test_a_changed_body_and_another_token_are_answered_401(running: Running) -> None:
    assert (await running.post(BODY.replace(b"5000", b"5001"), signed())).status == 401
    assert (await running.post(BODY, signed(token=new_token()))).status == 401
    assert (await running.post(b"", signed())).status == 401


async def test_a_moved_time_is_answered_401_even_if_it_is_recent(running: Running) -> None:
    headers = signed(age_s=10)
    headers["webhook-timestamp"] = str(int(time.time()))
    assert (await running.post(BODY, headers)).status == 401


@pytest.mark.parametrize("age_s", [301, 86_400, -400])
async def test_a_replay_of_an_old_delivery_is_answered_401(running: Running, age_s: int) -> None:
    assert (await running.post(BODY, signed(age_s=age_s))).status == 401


async def test_an_oversized_body_is_turned_away(running: Running) -> None:
    body = b"x" * 1_000_001
    answer = await running.post(body, signed(body))
    assert not answer.delivered
