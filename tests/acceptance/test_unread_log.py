"""A process that serves, whose log nobody reads."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support import live, warm
from support.databases import Urls
from support.installation import until
from support.live import free_port

PIPE = 65_536
"""Bytes that a pipe takes; a request's line has more than a hundred."""


@pytest.fixture
def unread(urls: Urls, tmp_path: Path) -> Iterator[tuple[warm.Process, str]]:
    """`payviox web` and its address; its stdout and stderr are one pipe that is full already."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    while True:
        try:
            os.write(writing, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(writing, True)
    port = free_port()
    process = warm.Process(
        [warm.PAYVIOX, "web"],
        environment=live.environment(tmp_path, urls.application, PAYVIOX_PORT=str(port)),
        folder=tmp_path,
        stdout=writing,
        stderr=writing,
    )
    os.close(writing)
    yield process, f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()
    os.close(reading)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def test_it_starts_serves_and_stops_in_order(
    unread: tuple[warm.Process, str],
) -> None:
    process, url = unread
    until(lambda: answers(url), within_s=60)
    with httpx.Client(base_url=url, timeout=30) as client:
        statuses = {client.get("/balance").status_code for _ in range(PIPE // 100)}
    assert statuses == {401}

    process.terminate()

    assert process.wait(60) == 0, "it ends in order, and not by its own deadline"
