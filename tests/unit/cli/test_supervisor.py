"""Children that hang under `serve`, and a terminal that closes."""

import asyncio
import errno
import itertools
import logging
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from payviox.cli import children, health, looks, supervisor
from payviox.cli.health import worker_is_silent
from payviox.cli.reload import served_file
from payviox.cli.supervisor import Supervisor
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

    monkeypatch.setattr(children, "execute", execute)
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

    monkeypatch.setattr(health, "worker_is_silent", silent)
    for name, value in {"LOOK_S": 0.01, "STARTED_S": 0.0, "END_S": 0.1, "STOP_S": 0.1}.items():
        monkeypatch.setattr(children if name == "END_S" else looks, name, value)
    async with supervising(settings(tmp_path), "worker"):
        await eventually(lambda: len(started) == 2)
        assert started[0].returncode == -9
        assert started[1].returncode is None


async def test_a_web_process_that_is_not_heard_of_any_more_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = run_instead(monkeypatch, PULSE_ONCE)
    for name, value in {"LOOK_S": 0.01, "SILENT_S": 0.1, "STOP_S": 0.1}.items():
        monkeypatch.setattr(children if name == "END_S" else looks, name, value)
    async with supervising(settings(tmp_path), "web"):
        await eventually(lambda: len(started) >= 2)
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
    monkeypatch.setattr(looks, "STOP_S", 0.1)
    try:
        async with supervising(settings(tmp_path), "worker"):
            await eventually(lambda: started)
    finally:
        supervisor.logger.removeHandler(handler)
    assert statuses == [-9]


SERVES_ALONE = """
import json, os, sys, time
place = json.loads(sys.argv[-1]) if sys.argv[-1].startswith("{") else {"pulse": int(sys.argv[-1])}
while True:
    os.write(place["pulse"], b"{said}")
    print(flush=True)
    time.sleep(0.05)
"""


@pytest.mark.parametrize("name", ["web process", "worker"])
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise SystemExit(3)", "did not come up; the log of `serve`"),
        (SERVES_ALONE.replace("{said}", "."), "cannot do its work; /health/ready or the log"),
    ],
)
async def test_what_does_not_come_up_or_cannot_work_leaves_the_old_one_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, program: str, said: str
) -> None:
    """And ends the reload: nobody else is replaced."""
    started = run_instead(monkeypatch, SERVES_ALONE.replace("{said}", ".!"), heard=True)
    there = settings(tmp_path)
    heard: list[str | None] = []
    for constant, value in {"STOP_S": 0.1, "READY_S": 1.0}.items():
        monkeypatch.setattr(looks, constant, value)
    with listening.bind(there.host, there.port) as listener:
        listeners, others = ([listener], ["worker"]) if name == "web process" else ([], ["worker"])
        watching = Supervisor(there, listeners, others, on_reloaded=heard.append)
        running = asyncio.create_task(watching.run(lambda: None))
        await eventually(lambda: len(started) == len(listeners) + len(others))
        replacing = run_instead(monkeypatch, program, heard=True)
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: heard)
        assert [process.returncode for process in started] == [None] * len(started)
        assert len(replacing) == 1
        assert replacing[0].returncode is not None
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert heard[0] is not None
    assert heard[0].startswith(f"A new {name} ")
    assert said in heard[0]
    assert heard[0].endswith("The old one goes on.")


READS_ITS_SETTINGS = """
import json, os, signal, sys, time
place = json.loads(sys.argv[-1])
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0))
with open("{home}/read", "a") as read, open("{home}/settings") as text:
    read.write(text.read() + "\\n")
while not os.path.exists("{home}/may-serve"):
    time.sleep(0.01)
while True:
    os.write(place["pulse"], b".!")
    time.sleep(0.05)
"""


async def test_a_reload_that_is_asked_for_during_another_one_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its command hears of it alone: what it changed before is read then, and not before."""
    started = run_instead(monkeypatch, READS_ITS_SETTINGS.format(home=tmp_path))
    typed, may_serve, there = tmp_path / "settings", tmp_path / "may-serve", settings(tmp_path)

    def read() -> list[str]:
        return (tmp_path / "read").read_text().split()

    typed.write_text("first")
    may_serve.touch()
    (tmp_path / "read").touch()
    with listening.bind(there.host, there.port) as listener, served_file(there) as file:
        watching = Supervisor(
            there, [listener], (), on_reload=file.begun, on_reloaded=file.reloaded
        )
        running = asyncio.create_task(watching.run(lambda: None))
        try:
            await eventually(lambda: started and read())
            may_serve.unlink()
            typed.write_text("second")
            os.kill(os.getpid(), signal.SIGHUP)
            await eventually(lambda: len(read()) == 2)
            typed.write_text("third")
            command = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "payviox",
                "reload",
                env=os.environ | {"PAYVIOX_HOME": str(tmp_path), "PAYVIOX_PORT": str(there.port)},
                stdout=asyncio.subprocess.PIPE,
            )
            await eventually(watching._reload_asked.is_set)
            may_serve.touch()
            assert command.stdout is not None
            assert await command.stdout.read() == b"Reloaded.\n"
            assert read() == ["first", "second", "third"]
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


SERVES = """
import json, os, signal, socket, sys, time
place = json.loads(sys.argv[-1])
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0))
listener = socket.socket(fileno=place["listener"])
listener.listen()
listener.settimeout(0.05)
while True:
    os.write(place["pulse"], b".!")
    try:
        listener.accept()[0].sendall(b"%d" % os.getpid())
    except OSError:  # nobody came, or it is shut
        time.sleep(0.01)
"""
"""A web process that answers each connection with its id."""


@asynccontextmanager
async def two_serving(there: Settings, started: list[Any]) -> AsyncIterator[list[str | None]]:
    """Two web processes on one port within the block; answers what is said of reloads."""
    heard: list[str | None] = []
    with (
        listening.bind(there.host, there.port) as first,
        listening.several(first, 2) as listeners,
    ):
        watching = Supervisor(there, listeners, (), on_reloaded=heard.append)
        running = asyncio.create_task(watching.run(lambda: None))
        try:
            await eventually(lambda: len(started) == 2)
            await eventually(lambda: every_answer(there, started))
            yield heard
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def answers_of(there: Settings, number: int = 16) -> list[bytes]:
    """What new connections hear within a second; nothing where they are reset or wait longer."""

    async def ask() -> bytes:
        try:
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection(there.host, there.port)
                try:
                    return await reader.read(100)
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return b""

    return await asyncio.gather(*(ask() for _ in range(number)))


async def every_answer(there: Settings, processes: Sequence[asyncio.subprocess.Process]) -> bool:
    """Whether these processes answer, all of them and nobody else."""
    return set(await answers_of(there)) == {b"%d" % process.pid for process in processes}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_no_connection_waits_for_a_process_that_died_or_hangs_while_another_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    """What waited for it is reset; the one that takes its place gets its share."""
    started = run_instead(monkeypatch, SERVES)
    for name, value in {"STALLED_S": 0.5, "SILENT_S": 600.0, "LOOK_S": 0.05}.items():
        monkeypatch.setattr(children if name == "END_S" else looks, name, value)
    there = settings(tmp_path)
    async with two_serving(there, started):
        victim, other = started
        may_start = asyncio.Event()
        execute = children.execute

        async def later(*arguments: Any) -> asyncio.subprocess.Process:
            await may_start.wait()
            return await execute(*arguments)

        monkeypatch.setattr(children, "execute", later)
        victim.send_signal(how)
        waiting = asyncio.create_task(answers_of(there, 32))
        await eventually(lambda: every_answer(there, [other]))
        assert set(await waiting) <= {b"", b"%d" % other.pid}
        may_start.set()
        if how == signal.SIGSTOP:
            victim.send_signal(signal.SIGCONT)
        await eventually(lambda: len(started) == 3)
        await eventually(lambda: every_answer(there, started[1:]))


@pytest.mark.parametrize("how", ["a child dies", "a reload"])
async def test_a_machine_without_processes_to_spare_ends_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    started = run_instead(monkeypatch, SERVES)
    there = settings(tmp_path)
    execute, refused = children.execute, 0

    async def full(*_: Any) -> asyncio.subprocess.Process:
        nonlocal refused
        refused += 1
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    async with two_serving(there, started) as heard:
        monkeypatch.setattr(children, "execute", full)
        if how == "a reload":
            os.kill(os.getpid(), signal.SIGHUP)
            await eventually(lambda: heard)
            assert heard[0] is not None
            assert "Resource temporarily unavailable" in heard[0]
            await eventually(lambda: every_answer(there, started))
        else:
            started[0].kill()
            await eventually(lambda: refused >= 2)
            await eventually(lambda: every_answer(there, started[1:]))
            monkeypatch.setattr(children, "execute", execute)
            await eventually(lambda: len(started) == 3)
            await eventually(lambda: every_answer(there, started[1:]))


async def test_a_web_process_that_never_serves_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = run_instead(monkeypatch, "import time; time.sleep(60)")
    for name, value in {"LOOK_S": 0.01, "READY_S": 0.2, "STOP_S": 0.1}.items():
        monkeypatch.setattr(children if name == "END_S" else looks, name, value)
    async with supervising(settings(tmp_path), "web"):
        await eventually(lambda: len(started) >= 2)
        assert started[0].returncode == -15


async def test_looks_that_learn_nothing_do_not_forget_what_others_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a web process hangs, too."""
    started = run_instead(monkeypatch, "import time; time.sleep(60)")
    learned = itertools.cycle([True, None])

    async def look(_: Settings) -> bool | None:
        return next(learned)

    monkeypatch.setattr(health, "worker_is_silent", look)
    for name, value in {"LOOK_S": 0.01, "STARTED_S": 0.0, "STOP_S": 0.1}.items():
        monkeypatch.setattr(children if name == "END_S" else looks, name, value)
    async with supervising(settings(tmp_path), "worker"):
        await eventually(lambda: len(started) >= 2)


IN_A_TERMINAL = """
import asyncio, os
from pathlib import Path
from payviox.cli import children, looks, supervisor
from payviox.settings import Settings
from payviox.web import listening

async def execute(*_):
    process = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    os.write(1, b"started")
    return process

children.execute = execute
looks.STOP_S = 1.0
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
        ('{"checks":{"database":"away","schema":"not checked","worker":"not checked"}}', None),
        ("[]", None),
        ("", None),
    ],
)
async def test_a_worker_is_silent_where_the_database_answers_and_knows_of_none(
    tmp_path: Path, body: str, silent: bool | None
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
    assert await worker_is_silent(there) is None
    async with await asyncio.start_server(answer, "127.0.0.1", there.port):
        assert await worker_is_silent(there) is silent
