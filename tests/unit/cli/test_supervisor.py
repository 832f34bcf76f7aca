"""Children that hang under `serve`, and a terminal that closes."""

import asyncio
import logging
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from payviox.cli import supervisor
from payviox.cli.supervisor import Supervisor, worker_is_silent
from payviox.settings import Settings
from payviox.web import listening
from support.live import free_port
from support.polling import eventually

pytestmark = pytest.mark.anyio

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print(flush=True); time.sleep(60)"
)


def settings(home: Path) -> Settings:
    return Settings(home=home, secret_key="k" * 48, port=free_port())


PULSE_ONCE = (
    "import json, os, sys, time; place = json.loads(sys.argv[-1]);"
    " os.write(place['pulse'], b'.'); time.sleep(60)"
)
"""A web process that serves, and hangs from then on."""


def run_instead(
    monkeypatch: pytest.MonkeyPatch, program: str, *, heard: bool = False
) -> list[asyncio.subprocess.Process]:
    """Have this Python program run in place of every child; answers those that were started.
    `heard` says that it prints a line once it is as it has to be."""
    started: list[asyncio.subprocess.Process] = []

    async def execute(
        _: str, arguments: Sequence[str], inherited: Sequence[int]
    ) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=inherited,
        )
        if heard:
            assert process.stdout is not None
            await process.stdout.readline()
        started.append(process)
        return process

    monkeypatch.setattr(supervisor, "_execute", execute)
    return started


@asynccontextmanager
async def supervising(there: Settings, name: str) -> AsyncIterator[None]:
    with listening.bind(there.host, there.port) as listener:
        watching = Supervisor(there, *(([listener], ()) if name == "web" else ([], [name])))
        running = asyncio.create_task(watching.run(lambda: None))
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_worker_without_heartbeat_is_ended_by_force_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is any that hears no SIGTERM; the web's answer says that no worker is heard."""
    started = run_instead(monkeypatch, STUBBORN, heard=True)

    async def silent(_: Settings) -> bool:
        return len(started) == 1

    monkeypatch.setattr(supervisor, "worker_is_silent", silent)
    for name, value in {"LOOK_S": 0.01, "STARTED_S": 0.0, "END_S": 0.1, "STOP_S": 0.1}.items():
        monkeypatch.setattr(supervisor, name, value)
    async with supervising(settings(tmp_path), "worker"):
        await eventually(lambda: len(started) == 2)
        assert started[0].returncode == -9
        assert started[1].returncode is None


async def test_a_web_process_that_is_not_heard_of_any_more_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = run_instead(monkeypatch, PULSE_ONCE)
    for name, value in {"LOOK_S": 0.01, "SILENT_S": 0.1, "STOP_S": 0.1}.items():
        monkeypatch.setattr(supervisor, name, value)
    async with supervising(settings(tmp_path), "web"):
        await eventually(lambda: len(started) == 2)
        assert started[0].returncode == -15


async def test_a_child_that_does_not_stop_is_killed_before_anything_is_said_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where logging waits for its reader, the child must not outlive that."""
    started = run_instead(monkeypatch, STUBBORN, heard=True)
    statuses: list[int | None] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            statuses.append(started[0].returncode)

    handler = Handler()
    supervisor.logger.addHandler(handler)
    monkeypatch.setattr(supervisor, "STOP_S", 0.1)
    try:
        async with supervising(settings(tmp_path), "worker"):
            await eventually(lambda: started)
    finally:
        supervisor.logger.removeHandler(handler)
    assert statuses == [-9]


async def test_a_new_web_process_that_does_not_come_up_leaves_the_old_one_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = run_instead(monkeypatch, PULSE_ONCE)
    there = settings(tmp_path)
    heard: list[str | None] = []
    monkeypatch.setattr(supervisor, "STOP_S", 0.1)
    with listening.bind(there.host, there.port) as listener:
        watching = Supervisor(there, [listener], (), on_reloaded=heard.append)
        running = asyncio.create_task(watching.run(lambda: None))
        await eventually(lambda: started)
        run_instead(monkeypatch, "raise SystemExit(3)")
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: heard)
        assert started[0].returncode is None
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert heard == ["A new web process did not come up; the log of `serve` says why."]


IN_A_TERMINAL = """
import asyncio, os
from pathlib import Path
from payviox.cli import supervisor
from payviox.settings import Settings
from payviox.web import listening

async def execute(*_):
    process = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    os.write(1, b"started")
    return process

supervisor._execute = execute
supervisor.STOP_S = 1.0
settings = Settings(home=Path("/nonexistent"))
asyncio.run(supervisor.Supervisor(settings, []).run(print))
"""


def test_it_stops_with_its_terminal() -> None:
    """A hang-up of a terminal that is still there, or that never was, is a reload."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", IN_A_TERMINAL])
    said = b""
    while b"started" not in said:
        said += os.read(terminal, 1024)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


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
