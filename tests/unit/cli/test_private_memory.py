"""A process that may hold keys leaves no core dump."""

import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from payviox.cli import main as cli
from payviox.cli import private_memory

SCRIPT = """
import ctypes, os, resource
from payviox.cli.private_memory import keep_private
keep_private()
PR_GET_DUMPABLE = 3
dumpable = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
print(dumpable, *resource.getrlimit(resource.RLIMIT_CORE), flush=True)
print(len(os.listdir("/proc/self/fd")) > 0, flush=True)
os.abort()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's way")
def test_a_private_process_leaves_no_core_and_still_reads_its_own_files(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=tmp_path, check=False
    )

    assert ended.stdout.splitlines() == ["0 0 0", "True"]
    assert ended.returncode == -signal.SIGABRT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["web", "worker", "serve", "order"])
def test_every_command_is_private_before_it_reads_a_key(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    done: list[str] = []

    @click.command()
    def command() -> None:
        done.append("command")

    monkeypatch.setattr(private_memory, "keep_private", lambda: done.append("private"))
    monkeypatch.setattr("payviox.cli.command_log.begin", lambda: None)
    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: command)

    assert CliRunner().invoke(cli.main, [name]).exit_code == 0
    assert done == ["private", "command"]
