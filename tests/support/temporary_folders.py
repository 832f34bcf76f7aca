"""A pytest plugin: the temporary folders of a run are in memory, where there is room, and gone
afterwards. An installation is thousands of files: on a disk, making and removing them takes a
third of what tests of whole installations take. `--basetemp=FOLDER` keeps what they leave."""

import contextlib
import os
from pathlib import Path

import pytest

from support import homes


@pytest.hookimpl(tryfirst=True)  # before pytest chooses a folder of its own
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.basetemp is not None:
        return  # a test process has one in its parent's
    if not homes.MEMORY.is_dir() or os.statvfs(homes.MEMORY).f_flag & os.ST_NOEXEC:
        return  # tests make programs
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    disk = Path()
    folder = stack.enter_context(homes.in_memory(disk))
    if folder != disk:
        config.option.basetemp = folder / "tests"
