"""The real web process on a real port, for tests of sockets, signals and sudden deaths."""

import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from support import warm
from support.machine import stretch
from support.warm import PAYVIOX

SECRET_KEY = "a secret key that only the tests know and of a fine length"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment(home: Path, database_url: str, **more: str) -> dict[str, str]:
    """What a `payviox` command of the tests sees; nothing of the developer's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAYVIOX_")}
    return {
        **kept,
        "PAYVIOX_HOME": str(home),
        "PAYVIOX_DATABASE_URL": database_url,
        "PAYVIOX_SECRET_KEY": SECRET_KEY,
        "PAYVIOX_ALLOW_PRIVATE_WEBHOOKS": "1",
        **more,
    }


@dataclass
class LiveServer:
    """A `payviox web` process that need not import anything. It can be killed and started again on
    the same port."""

    environment: dict[str, str] = field(repr=False)
    folder: Path
    command: str = "web"
    port: int = field(default_factory=free_port)
    process: warm.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.command}-{self.port}.log"

    def start(self, timeout_s: float = 90) -> "LiveServer":
        """Start, and wait until it answers."""
        self.spawn()
        assert self.process is not None
        until = time.monotonic() + stretch(timeout_s)
        while True:
            try:
                httpx.get(f"{self.url}/health/live", timeout=stretch(5))
            except httpx.TransportError:
                assert self.process.poll() is None, f"it ended: {self.log.read_text()}"
                assert time.monotonic() < until, f"not up in {timeout_s} s: {self.log.read_text()}"
                time.sleep(0.02)
            else:
                return self

    def spawn(self) -> None:
        """Start without waiting: a worker answers nobody."""
        with self.log.open("ab") as log:
            self.process = warm.Process(
                [PAYVIOX, self.command],
                environment={**self.environment, "PAYVIOX_PORT": str(self.port)},
                folder=self.folder,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it by SIGKILL, and wait for the end."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, timeout_s: float = 30) -> int:
        """SIGTERM; answers the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(stretch(timeout_s))
