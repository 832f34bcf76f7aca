"""A whole installation as its operator has it: the command `payviox` in processes of its own,
beside a running `serve` or not; and which processes are left of it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from payviox.db.embedded import embedded, processes
from payviox.db.embedded.layout import Layout
from support import homes, warm
from support.live import PAYVIOX, LiveServer, free_port
from support.machine import slowness, stretch
from support.polling import until

COMMAND_EVERY_S = 0.5
"""How often to look by a command, which takes most of a second itself."""
STARTING = [("serve",), ("demo",), ("web",), ("worker",)]


@dataclass
class Installation:
    """One PAYVIOX_HOME, embedded database unless `more` names another."""

    home: Path
    more: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    business: str = ""
    """A business of it, where a fixture has made one."""

    @classmethod
    def copied(cls, made_home: Path, home: Path, **more: str) -> "Installation":
        """One whose first start need not make and migrate the database: see support/homes."""
        homes.copy(made_home, home)
        return cls(home, more)

    @property
    def environment(self) -> dict[str, str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("PAYVIOX_", "PG"))}
        return {
            **kept,
            "PAYVIOX_HOME": str(self.home),
            "PAYVIOX_PORT": str(self.port),
            "PAYVIOX_WEB_PROCESSES": "1",  # each more costs seconds of a core
            **self.more,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run one command to its end; `given` is its standard input. What Python itself reads from
        the environment is read where it starts, and so is a command that starts others."""
        if arguments[:1] in STARTING or _of_python(self.environment) != _of_python(os.environ):
            return self.run_from_scratch(*arguments, given=given)
        return warm.run(
            [PAYVIOX, *arguments],
            given=given,
            environment=self.environment,
            folder=self.home.parent,
            timeout=stretch(60),
        )

    def run_from_scratch(
        self, *arguments: str, given: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """The same in a new Python."""
        return subprocess.run(
            [PAYVIOX, *arguments],
            input=given,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.home.parent,
            timeout=stretch(60),
            check=False,
        )

    def done(self, *arguments: str, given: str = "") -> str:
        """What a command that must succeed prints."""
        ended = self.run(*arguments, given=given)
        assert ended.returncode == 0, f"{arguments}: {ended.stderr}"
        assert "Traceback" not in ended.stderr
        return ended.stdout.strip()

    def told(self, *arguments: str, given: str = "") -> Any:
        """The JSON that a command prints."""
        return json.loads(self.done(*arguments, "--json", given=given))

    def refused(self, *arguments: str, given: str = "", status: int = 1) -> str:
        """What a command that must be refused says: one sentence, no trace."""
        ended = self.run(*arguments, given=given)
        assert ended.returncode == status, f"{arguments}: {ended.returncode} {ended.stderr}"
        assert "Traceback" not in ended.stderr
        assert ended.stdout == ""
        return ended.stderr.strip()

    def start(self, *arguments: str, ready: bool = True) -> "Serving":
        """Start a command that goes on, such as `serve`, in a process group of its own."""
        serving = Serving(self, arguments or ("serve",))
        try:
            if ready:
                serving.wait_until_ready()
        except BaseException:
            serving.kill()
            raise
        return serving

    @contextlib.contextmanager
    def served(self) -> Iterator[None]:
        """Web and worker apart, which need not import anything: where commands need somebody who
        serves, and it matters little how."""
        web = LiveServer(self.environment, self.home.parent, port=self.port)
        worker = LiveServer(self.environment, self.home.parent, command="worker")
        with embedded(self.home):
            try:
                worker.spawn()
                web.start()
                yield
            finally:
                for each in (web, worker):
                    each.stop()

    def left(self) -> list[str]:
        """The command lines of this installation's processes, database included."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environment = (entry / "environ").read_bytes()
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            ours = f"PAYVIOX_HOME={self.home}\0".encode() in environment
            keeper = "embedded.keeper" in line and str(self.home) in line
            if line and (ours or keeper):
                found.append(f"{entry.name} {line}")
        layout = Layout(self.home)
        secrets = layout.read_secrets()
        if secrets is not None:
            name = layout.cluster_name(secrets.name)
            found += [f"{pid} postgres" for pid in processes.server_processes(name)]
        return found


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    """What Python reads when it starts."""
    read = ("PYTHON", "LANG", "LC_", "TZ")
    return {n: v for n, v in environment.items() if n.startswith(read)}


class Serving:
    """`payviox serve` or another command that goes on."""

    def __init__(self, installation: Installation, arguments: tuple[str, ...]) -> None:
        self.installation = installation
        self.said = installation.home.parent / f"{arguments[0]}-{time.monotonic_ns()}.log"
        with self.said.open("wb") as log:
            self.process = subprocess.Popen(
                [PAYVIOX, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=installation.environment,
                cwd=installation.home.parent,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.said.read_text()

    def wait_until_ready(self, within_s: float = 60) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, f"it ended: {self.output}"
            return "is ready at" in self.output

        until(ready, within_s)

    def child(self, name: str) -> int:
        """The pid of `payviox web` or `payviox worker` under this `serve`, once it runs."""
        return int(until(lambda: self._child(name)))

    def _child(self, name: str) -> int | None:
        return next(iter(self.children(name)), None)

    def children(self, name: str) -> list[int]:
        """The pids of all that run this command under this `serve`."""
        pids = []
        for entry in Path("/proc").iterdir():
            try:
                parent = re.search(r"PPid:\s+(\d+)", (entry / "status").read_text())
                line = (entry / "cmdline").read_bytes().split(b"\0")
            except (OSError, ValueError):
                continue
            if parent and int(parent[1]) == self.process.pid and name.encode() in line:
                pids.append(int(entry.name))
        return sorted(pids)

    def healthy(self) -> bool:
        try:
            answer = httpx.get(f"{self.installation.url}/health/ready", timeout=stretch(5))
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Tell it to stop; how many seconds of a quick machine that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(stretch(30))
        return (time.monotonic() - began) / slowness()

    def kill(self) -> None:
        """End this one process by kill -9."""
        self.process.kill()
        self.process.wait()
