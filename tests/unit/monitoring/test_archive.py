"""What is seen of the folder of backups: whether it is away, full or old. Nobody waits for it."""

import json
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from payviox.db.embedded.archive import Archive, write
from payviox.db.embedded.layout import Layout
from payviox.maintenance import tasks
from payviox.monitoring import archive
from payviox.monitoring.archive import FolderWatch, Place, State
from payviox.settings import Settings

pytestmark = pytest.mark.anyio

WAL = "wal-20261129T070000Z"
SEGMENT = f"{1:08X}{0:08X}{2:08X}"


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation that archives into `backups` beside it, with one base backup of 100 kB."""
    layout = Layout(tmp_path / "home")
    layout.prepare()
    folder = tmp_path / "backups"
    base = folder / "base" / "20261129T070000Z"
    base.mkdir(parents=True)
    (folder / WAL).mkdir()
    (folder / WAL / SEGMENT).touch()
    (base / "base.tar.gz").write_bytes(bytes(100_000))
    made_at(folder, datetime.now(UTC) - timedelta(hours=3))
    write(layout, Archive(folder, WAL, "ours"))
    return layout.home


def made_at(folder: Path, moment: datetime) -> None:
    at = moment.isoformat()
    info = {"started_at": at, "ended_at": at, "schema": "0005", "key_ids": [], "data_bytes": 1}
    info |= {"wal": WAL, "first_segment": SEGMENT}
    (folder / "base" / "20261129T070000Z" / "backup.json").write_text(json.dumps(info))


def test_the_age_of_the_newest_and_the_room_beside_it_are_told(home: Path) -> None:
    place = archive.place(home)
    assert place is not None
    assert place.wrong is None
    assert place.backup_age_s is not None
    assert 3 * 3_600 <= place.backup_age_s < 4 * 3_600
    assert place.free_bytes == shutil.disk_usage(home).free


def test_a_folder_that_is_away_is_said(home: Path) -> None:
    (home.parent / "backups").rename(home.parent / "unmounted")
    place = archive.place(home)
    assert place is not None
    assert "is out of reach" in str(place.wrong)
    assert (place.backup_age_s, place.free_bytes) == (None, None)


def test_a_folder_without_room_for_another_backup_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 99_000, 99_000))
    assert "too little for another backup" in str(_wrong(home))


def test_a_newest_backup_of_last_week_is_said(home: Path) -> None:
    made_at(home.parent / "backups", datetime.now(UTC) - timedelta(days=9))
    assert "is 9 days old" in str(_wrong(home))


def test_where_nothing_is_archived_nothing_is_wrong(home: Path) -> None:
    Layout(home).archive.unlink()
    assert archive.place(home) is None


def _wrong(home: Path) -> str | None:
    place = archive.place(home)
    assert place is not None
    return place.wrong


async def test_a_folder_that_does_not_answer_keeps_nobody_waiting_and_is_asked_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    answers = threading.Event()

    def hangs(folder: Path) -> Place:
        asked.append(folder)
        answers.wait()
        return Place(1.0, 2, None)

    monkeypatch.setattr(archive, "place", hangs)
    monkeypatch.setattr(archive, "ANSWERS_WITHIN_S", 0.01)
    monkeypatch.setattr(archive, "HOLDS_S", 0.0)
    watch = FolderWatch()
    try:
        for _ in range(3):
            place = await watch.place(home)
            assert place is not None
            assert "does not answer" in str(place.wrong)
    finally:
        answers.set()
    assert await watch.place(home, 600.0) == Place(1.0, 2, None)
    assert asked == [home]


async def test_a_look_that_fails_is_raised_where_it_is_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Path) -> Place:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr(archive, "place", fails)
    with pytest.raises(RuntimeError, match="nobody expected this"):
        await FolderWatch().place(home, 600.0)


class _NothingWrong:
    """A database whose server archives as it should."""

    async def fetch(self, _: object) -> State:
        return State(0, is_written=True, is_lost=False, command_fails=False)


async def test_upkeep_says_each_time_that_a_folder_does_not_answer_and_asks_it_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[Path] = []
    answers = threading.Event()

    def hangs(folder: Path) -> None:
        asked.append(folder)
        answers.wait()

    monkeypatch.setattr(archive, "place", hangs)
    monkeypatch.setattr(archive, "COMMAND_WAITS_S", 0.01)
    database: Any = _NothingWrong()
    try:
        for _ in range(3):
            await tasks.watch_archive(database, Settings(home=home))
    finally:
        answers.set()
    assert caplog.text.count("the folder of backups does not answer") == 3
    assert asked == [home]
