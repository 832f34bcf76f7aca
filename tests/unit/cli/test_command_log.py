"""What is logged while a command runs goes to standard error, formatted as the processes do it."""

import json
import subprocess
import sys
from pathlib import Path

SECRET = "sk_test_" + "x" * 43
SCRIPT = f"""
import logging
import sys
from payviox.cli import command_log
from payviox.event_log import EventLogger

command_log.begin()
assert "structlog" not in sys.modules, "most commands log nothing"
print('{{"ok":true}}')
EventLogger("payviox.a").warning("float.low", amount="3.10", note="{SECRET}")
logging.getLogger("payviox.b").info("as %d", 1)
logging.getLogger("alembic").info("noise")
def fail(password):
    local = password[::-1]
    raise ValueError("broken")
try:
    fail("hunter" + "2")
except ValueError:
    EventLogger("payviox.c").exception("a rail's statement could not be read")
"""


def run(home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        cwd=home,
        env={"PAYVIOX_HOME": str(home), **environment},
        check=True,
    )


def test_stdout_has_what_the_command_prints_and_nothing_else(tmp_path: Path) -> None:
    ended = run(tmp_path)

    assert ended.stdout == '{"ok":true}\n'
    low, info, broken = [json.loads(line) for line in ended.stderr.splitlines()]
    assert (low["event"], low["level"], low["amount"]) == ("float.low", "warning", "3.10")
    assert low["note"] == "sk_test_[hidden]"
    assert info["event"] == "as 1"
    assert "ValueError: broken" in broken["exception"]
    assert "hunter2" not in ended.stderr
    assert "2retnuh" not in ended.stderr, "no frame's locals"


def test_the_level_is_the_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PAYVIOX_LOG_LEVEL=error\n")

    [line] = run(tmp_path).stderr.splitlines()

    assert json.loads(line)["level"] == "error"
