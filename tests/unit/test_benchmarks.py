"""`make bench` starts: what it imports is there."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_command_of_the_makefile_says_what_it_takes() -> None:
    line = next(
        line
        for line in (ROOT / "Makefile").read_text().splitlines()
        if "-m tests.benchmarks" in line
    )
    assert line.strip().startswith("PYTHONPATH=tests ")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--help"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "tests"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "--quick" in ended.stdout
    assert "--only {allocations,processes,orders,rails" in ended.stdout
    assert "dashboard" in ended.stdout
