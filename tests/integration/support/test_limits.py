"""Runs of pytest within a test: what hangs fails alone, and a lost test process ends its run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]

HANGING = """
import asyncio
import subprocess
import sys
import time

import pytest
from hypothesis import given, strategies as st

brief = pytest.mark.timeout(0.5)


@pytest.fixture
def anyio_backend():
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture
async def opened(anyio_backend):
    yield "open"
    print("closed in order")


@pytest.fixture
async def closes_never(anyio_backend):
    yield
    await asyncio.Event().wait()


@brief
@pytest.mark.anyio
async def test_that_waits(opened):
    await asyncio.Event().wait()


@brief
@pytest.mark.anyio
async def test_that_blocks_its_loop(opened):
    subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"])


@brief
@pytest.mark.anyio
async def test_whose_fixture_hangs(closes_never):
    pass


@brief
def test_that_sleeps():
    time.sleep(600)


@brief
@given(st.integers())
def test_of_examples(number):
    time.sleep(600)


@pytest.mark.anyio
async def test_that_is_quick(opened):
    assert opened == "open"
"""

DYING = """
import os
import signal
import time

import pytest


@pytest.mark.xdist_group("doomed")
@pytest.mark.parametrize("number", range(5))
def test_that_kills_its_process(number):
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("number", range(20))
def test_of_others(number):
    time.sleep(0.02)
"""


CLEAN = {
    "PYTHONPATH": str(TESTS),
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_ADDOPTS": "",  # what the outer run was asked for is not asked of the inner one
}
PLUGINS = ("anyio.pytest_plugin", "xdist.plugin", "support.limits", "support.lost_process")


def run(folder: Path, text: str, *arguments: str) -> tuple[int, str]:
    """The exit status of a run over one file, with no other plugins, and what it printed."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_them.py").write_text(text)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", *(f"-p{name}" for name in PLUGINS), *arguments],
        cwd=folder,
        env={**os.environ, **CLEAN},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_a_limit_that_is_hit_fails_its_test_and_the_next_ones_run(tmp_path: Path) -> None:
    status, said = run(tmp_path, HANGING)

    assert status == pytest.ExitCode.TESTS_FAILED, said
    told = [line.split(" - ")[0] for line in said.splitlines() if "test_them.py::" in line]
    assert sorted(told) == [
        "ERROR test_them.py::test_whose_fixture_hangs",
        "FAILED test_them.py::test_of_examples",
        "FAILED test_them.py::test_that_blocks_its_loop",
        "FAILED test_them.py::test_that_sleeps",
        "FAILED test_them.py::test_that_waits",
        "PASSED test_them.py::test_that_is_quick",
        "PASSED test_them.py::test_whose_fixture_hangs",
    ]
    assert "await asyncio.Event().wait()" in said, "where it waited"
    assert said.count("closed in order") == 3, "fixtures of tests that were late, too"


def test_a_lost_test_process_ends_the_run_with_its_name_and_its_test(tmp_path: Path) -> None:
    status, said = run(tmp_path, DYING, "-n", "2", "--dist", "loadgroup")

    assert status == pytest.ExitCode.TESTS_FAILED, said
    killed = "test_them.py::test_that_kills_its_process[1]"
    assert f"FAILED {killed}" in said
    assert f"is lost; it ran {killed}" in said
