"""A pytest plugin: how many test processes `-n auto` stands for."""

import pytest

from payviox import machine

EACH = 2 * 2**30
"""What a test process takes at most, in bytes, with its database, its browser and the rest."""


@pytest.hookimpl
def pytest_xdist_auto_num_workers() -> int:
    """Two for each core, since four tenths of the time a test waits for others; fewer where memory
    is short, but two."""
    return max(2, min(2 * machine.cores(), machine.memory_bytes() // EACH))
