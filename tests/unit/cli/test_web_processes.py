"""How many web processes `serve` runs."""

from pathlib import Path

import pytest

from payviox import machine
from payviox.cli.web_processes import how_many
from payviox.db import connections
from payviox.errors import SettingsError
from payviox.settings import Settings

GIB = 2**30


def settings(wanted: int | None = None) -> Settings:
    return Settings(home=Path("/nonexistent"), web_processes=wanted)


@pytest.mark.parametrize(
    ("cores", "memory", "allowed", "number"),
    [
        (1, 8 * GIB, 297, 1),
        (2, 8 * GIB, 297, 1),
        (8, 8 * GIB, 297, 4),
        (8, GIB, 297, 2),
        (8, GIB // 4, 297, 1),
        (8, 8 * GIB, 97, 2),
        (8, 8 * GIB, 95, 1),
        (8, 8 * GIB, 20, 1),
        (64, 64 * GIB, 297, 14),
    ],
)
def test_it_goes_by_cores_memory_and_connections(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: int, allowed: int, number: int
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: cores)
    monkeypatch.setattr(machine, "memory_bytes", lambda: memory)
    monkeypatch.setattr(connections, "allowed", lambda _: allowed)
    assert how_many(settings(), "") == number


def test_what_is_set_is_done_or_refused_where_the_database_allows_too_few_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 1)
    monkeypatch.setattr(connections, "allowed", lambda _: 97)
    assert how_many(settings(2), "") == 2
    with pytest.raises(SettingsError, match="lower it to 2, or raise"):
        how_many(settings(3), "")
