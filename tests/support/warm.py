"""The command `payviox`, and Python files of the tests, in processes of their own that need not
import anything: forked from one process, which has imported the whole product and has done nothing
else. What such a process then does, its settings, logs and threads included, ends with it.

Python itself does not start anew: what it reads from the environment is this test process's.

This file is run as that one process too, with a socket as its standard input."""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn

PAYVIOX = str(Path(sys.executable).with_name("payviox"))
_TESTS = str(Path(__file__).parents[1])
_LONGEST = 2**20


@functools.cache
def _server() -> socket.socket:
    """The way to this test process's server, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", __file__], stdin=theirs, stdout=subprocess.DEVNULL
        )
    atexit.register(process.wait)
    atexit.register(ours.close)  # called first
    return ours


class Process:
    """A running one, as `subprocess.Popen` is. `line` is its command line: PAYVIOX, or a file of
    Python, with arguments. Its standard input is empty unless `stdin` names a file."""

    def __init__(
        self,
        line: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        stdout: IO[bytes] | int,
        stderr: IO[bytes] | int,
        stdin: IO[bytes] | None = None,
    ) -> None:
        self.line = list(line)
        self.returncode: int | None = None
        request = json.dumps([self.line, dict(environment), str(folder)]).encode()
        told, tell = os.pipe()
        self._status = os.fdopen(told, "rb", buffering=0)
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, tell)
            standard = [stdin or stack.enter_context(Path(os.devnull).open("rb")), stdout, stderr]
            numbers = [each if isinstance(each, int) else each.fileno() for each in standard]
            socket.send_fds(_server(), [request], [tell, *numbers])
        self.pid = int(self._status.read(8) or 0)
        assert self.pid, "the process that starts others is gone"

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended. Raises TimeoutExpired after so many seconds."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.line, timeout or 0.0)
            self.returncode = os.waitstatus_to_exitcode(int(self._status.read(8)))
            self._status.close()
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    line: Sequence[str],
    *,
    given: str = "",
    environment: Mapping[str, str],
    folder: Path,
    timeout: float,
) -> "subprocess.CompletedProcess[str]":
    """Run one to its end, as `subprocess.run` does; `given` is its standard input."""
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(given.encode())
        files[0].seek(0)
        process = Process(
            line,
            environment=environment,
            folder=folder,
            stdin=files[0],
            stdout=files[1],
            stderr=files[2],
        )
        try:
            ended = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            process.kill()
            error.stdout, error.stderr = _read(files[1]), _read(files[2])
            raise
        return subprocess.CompletedProcess(
            process.line, ended, _read(files[1]).decode(), _read(files[2]).decode()
        )


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _serve() -> None:
    """Return in each process that is to be another, with everything set up for it."""
    running: dict[int, tuple[int, int]] = {}  # by pidfd: pid, and who waits
    with socket.socket(fileno=os.dup(0)) as asked, selectors.EpollSelector() as ready:
        ready.register(asked, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fd in running:
                    ready.unregister(key.fd)
                    _say_ended(key.fd, *running.pop(key.fd))
                    continue
                request, files, _, _ = socket.recv_fds(asked, _LONGEST, 4)
                if not request:
                    os._exit(0)
                _import_for(Path(json.loads(request)[0][0]))
                pid = os.fork()
                if pid == 0:
                    for process, (_, status) in running.items():
                        os.close(process)
                        os.close(status)
                    break
                for file in files[1:]:
                    os.close(file)
                os.write(files[0], b"%8d" % pid)
                process = os.pidfd_open(pid)
                running[process] = (pid, files[0])
                ready.register(process, selectors.EVENT_READ)
            else:
                continue
            break
    status, *standard = files
    os.close(status)
    for number, file in enumerate(standard):
        os.dup2(file, number)
        os.close(file)
    sys.argv, environment, folder = json.loads(request)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)


def _say_ended(process: int, pid: int, status: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(status, b"%8d" % os.waitpid(pid, 0)[1])
    os.close(process)
    os.close(status)


def _import_all() -> None:
    import payviox.cli  # noqa: PLC0415  # not in the test process

    for module in pkgutil.walk_packages(payviox.cli.__path__, "payviox.cli."):
        importlib.import_module(module.name)
    for rest in ("payviox.app", "payviox.worker", "payviox.wiring", "payviox.db.migrate"):
        importlib.import_module(rest)
    import eth_account  # noqa: F401, PLC0415  # not in the test process
    import litestar  # noqa: PLC0415  # as above

    # Imports what every application looks for.
    litestar.Litestar(openapi_config=None, logging_config=None)
    _keep()


def _import_for(program: Path) -> None:
    """What a file of this folder imports is imported here, once for all that run it."""
    if program.parent != Path(__file__).parent or f"support.{program.stem}" in sys.modules:
        return
    sys.path.insert(0, _TESTS)
    importlib.import_module(f"support.{program.stem}")
    sys.path.remove(_TESTS)
    _keep()


def _keep() -> None:
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a thread would not be forked"
    gc.freeze()


def _main() -> None:
    """What the command line names."""
    if sys.argv[0] == PAYVIOX:
        from payviox import garbage  # noqa: PLC0415  # as above
        from payviox.cli.main import main  # noqa: PLC0415  # as above

        garbage.while_loading()
        main()
    else:
        sys.path.insert(0, _TESTS)
        runpy.run_path(sys.argv[0], run_name="__main__")


def _end(status: int) -> NoReturn:
    """End as Python does, but for taking down what was imported: that would copy every page of it
    first, and be most of what a command takes."""
    threading._shutdown()  # type: ignore[attr-defined]  # what Python calls at this point
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _import_all()
    _serve()
    try:
        _main()
    except SystemExit as ended:
        if not isinstance(ended.code, int):
            raise
        _end(ended.code)
    _end(0)
