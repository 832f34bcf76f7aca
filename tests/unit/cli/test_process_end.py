"""How the command's process ends: at once, and yet with all that it has to say."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import atexit
import sys
from payviox import __main__
from payviox.cli import main

def command():
    atexit.register(print, "the end")
    sys.stdout.write("x" * {size})
    sys.exit({status})

main.main = command
__main__.main()
"""


def end(status: str, stdout: int, size: int = 10) -> subprocess.CompletedProcess[bytes]:
    """What becomes of it, its output in Python's usual buffers."""
    return subprocess.run(
        [sys.executable, "-E", "-c", PROGRAM.format(status=status, size=size)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )


def test_all_that_was_written_arrives_and_what_is_registered_for_the_end_is_done() -> None:
    ended = end("3", subprocess.PIPE, size=1_000_000)
    assert ended.stdout == b"x" * 1_000_000 + b"the end\n"
    assert (ended.returncode, ended.stderr) == (3, b"")


def test_a_status_that_is_a_sentence_is_said() -> None:
    ended = end("'Not today.'", subprocess.PIPE)
    assert (ended.returncode, ended.stderr) == (1, b"Not today.\n")


def test_what_cannot_be_written_is_no_success() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = end("0", full.fileno())
    assert ended.returncode != 0
    assert b"No space left on device" in ended.stderr
