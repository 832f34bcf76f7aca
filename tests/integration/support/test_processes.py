"""How many test processes there are."""

import pytest

from payviox import machine
from support.processes import pytest_xdist_auto_num_workers


@pytest.mark.parametrize(
    ("cores", "memory_gib", "processes"),
    [(2, 16, 4), (8, 64, 16), (8, 12, 6), (1, 16, 2), (4, 1, 2)],
)
def test_two_for_each_core_where_memory_allows(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory_gib: int, processes: int
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: cores)
    monkeypatch.setattr(machine, "memory_bytes", lambda: memory_gib * 2**30)
    assert pytest_xdist_auto_num_workers() == processes
