"""A worker that hangs under `serve`."""

import asyncio
import logging
import sys
from pathlib import Path

import pytest

from payviox.cli import supervisor
from payviox.cli.supervisor import Supervisor, worker_is_silent
from payviox.settings import Settings
from support.live import free_port
from support.polling import eventually

pytestmark = pytest.mark.anyio

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print(flush=True); time.sleep(60)"
)


def settings(home: Path) -> Settings:
    return Settings(home=home, secret_key="k" * 48, port=free_port())


async def test_a_worker_without_heartbeat_is_ended_by_force_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is any that hears no SIGTERM; the web's answer says that no worker is heard."""
    started: list[asyncio.subprocess.Process] = []

    async def start(_: Supervisor, __: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STUBBORN, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        started.append(process)
        return process

    async def silent(_: Settings) -> bool:
        return len(started) == 1

    monkeypatch.setattr(Supervisor, "_start", start)
    monkeypatch.setattr(supervisor, "worker_is_silent", silent)
    for name, value in {"LOOK_S": 0.01, "STARTED_S": 0.0, "END_S": 0.1, "STOP_S": 0.1}.items():
        monkeypatch.setattr(supervisor, name, value)
    running = asyncio.create_task(Supervisor(settings(tmp_path), ["worker"]).run(lambda: None))
    await eventually(lambda: len(started) == 2)
    assert started[0].returncode == -9
    assert started[1].returncode is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_child_that_does_not_stop_is_killed_before_anything_is_said_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where logging waits for its reader, the child must not outlive that."""
    started: list[asyncio.subprocess.Process] = []

    async def start(_: Supervisor, __: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STUBBORN, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        started.append(process)
        return process

    statuses: list[int | None] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            statuses.append(started[0].returncode)

    handler = Handler()
    supervisor.logger.addHandler(handler)
    monkeypatch.setattr(Supervisor, "_start", start)
    monkeypatch.setattr(supervisor, "STOP_S", 0.1)
    try:
        running = asyncio.create_task(Supervisor(settings(tmp_path), ["web"]).run(lambda: None))
        await eventually(lambda: started)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    finally:
        supervisor.logger.removeHandler(handler)
    assert statuses == [-9]


@pytest.mark.parametrize(
    ("body", "silent"),
    [
        ('{"checks":{"database":"ok","schema":"ok","worker":"no worker has been heard of"}}', True),
        ('{"checks":{"database":"ok","schema":"ok","worker":"ok"}}', False),
        ('{"checks":{"database":"away","schema":"not checked","worker":"not checked"}}', False),
        ("[]", False),
        ("", False),
    ],
)
async def test_a_worker_is_silent_where_the_database_answers_and_knows_of_none(
    tmp_path: Path, body: str, silent: bool
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 503 x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        await asyncio.sleep(0.01)  # a body of its own packet
        writer.write(body.encode())
        writer.close()

    there = settings(tmp_path)
    assert not await worker_is_silent(there)
    async with await asyncio.start_server(answer, "127.0.0.1", there.port):
        assert await worker_is_silent(there) is silent
