"""Folders in memory for the databases of test processes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from payviox import machine
from support import homes


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the machine's, with room for one byte at least."""
    monkeypatch.setattr(homes, "MEMORY", tmp_path)
    monkeypatch.setattr(homes, "ROOM", 1)
    return tmp_path


@contextmanager
def a_file() -> Iterator[Path]:
    with homes.in_memory(Path("/nowhere")) as folder:
        (folder / "file").touch()
        yield folder


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(
    memory: Path,
) -> None:
    left = memory / "payviox-tests-left"
    left.mkdir()
    (left / "file").touch()
    with a_file() as first:
        assert list(memory.iterdir()) == [first]
        with a_file() as second:
            assert set(memory.iterdir()) == {first, second}
        assert list(memory.iterdir()) == [first]
    assert list(memory.iterdir()) == []


def test_what_somebody_else_removes_meanwhile_is_no_error(memory: Path) -> None:
    with a_file() as folder:
        shutil.rmtree(folder)
    assert list(memory.iterdir()) == []


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize("lacking", ["folder", "room in it", "memory"])
def test_where_there_is_no_room_it_is_another_folder(
    memory: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    match lacking:
        case "folder":
            monkeypatch.setattr(homes, "MEMORY", memory / "missing")
        case "room in it":
            monkeypatch.setattr(homes.shutil, "disk_usage", lambda _: Usage(0))
        case _:
            monkeypatch.setattr(machine, "memory_bytes", lambda: 1)
    with homes.in_memory(Path("/nowhere")) as folder:
        assert folder == Path("/nowhere")
