"""Commands in processes of their own that need not import anything: forked from one process, which
has imported every command and has done nothing else. What a command then does, its settings, logs
and threads included, ends with its process.

This file is run as that process too, with a socket as its standard input."""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

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


def run(
    command: str,
    arguments: tuple[str, ...],
    *,
    given: str,
    environment: Mapping[str, str],
    folder: Path,
    timeout: float,
) -> "subprocess.CompletedProcess[str]":
    """As `subprocess.run` does; `command` is what it takes itself to be."""
    line = [command, *arguments]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(given.encode())
        files[0].seek(0)
        told, tell = os.pipe()
        status = stack.enter_context(os.fdopen(told, "rb", buffering=0))
        try:
            request = json.dumps([line, dict(environment), str(folder)]).encode()
            socket.send_fds(_server(), [request], [tell, *(file.fileno() for file in files)])
        finally:
            os.close(tell)
        pid = int(status.read(8) or 0)
        assert pid, "the process that starts commands is gone"
        if not select.select([status], [], [], timeout)[0]:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(line, timeout, _read(files[1]), _read(files[2]))
        ended = os.waitstatus_to_exitcode(int(status.read(8)))
        return subprocess.CompletedProcess(
            line, ended, _read(files[1]).decode(), _read(files[2]).decode()
        )


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _serve() -> None:
    """Return in each process that is to be a command, with everything set up for it."""
    with socket.socket(fileno=os.dup(0)) as asked:
        while True:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            request, files, _, _ = socket.recv_fds(asked, _LONGEST, 4)
            if not request:
                os._exit(0)
            if os.fork() == 0:
                break
            for file in files:
                os.close(file)
    status, *standard = files
    pid = os.fork()
    if pid:
        os.write(status, b"%8d" % pid)
        os.write(status, b"%8d" % os.waitpid(pid, 0)[1])
        os._exit(0)
    os.close(status)
    for number, file in enumerate(standard):
        os.dup2(file, number)
        os.close(file)
    sys.argv, environment, folder = json.loads(request)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)


def _import_all() -> None:
    import payviox.cli  # noqa: PLC0415  # not in the test process

    for module in pkgutil.walk_packages(payviox.cli.__path__, "payviox.cli."):
        importlib.import_module(module.name)
    gc.freeze()


if __name__ == "__main__":
    _import_all()
    _serve()
    from payviox.cli.main import main

    sys.exit(main())
