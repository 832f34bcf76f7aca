"""What is advised where archived WAL is damaged: a moment that can be reached, from a backup that
has it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from payviox.db.embedded import recovery
from payviox.db.embedded.backup_folder import BaseBackup

ENDED = datetime(2026, 11, 29, 12, 0, 0, 500_000, tzinfo=UTC)
FILES = [Path("wal-1/000000010000000000000004"), Path("wal-1/000000010000000000000005")]


def said(moment: datetime | None) -> str:
    backup = BaseBackup(
        Path("base/1"), ENDED, ENDED, "0005", frozenset(), "wal-1", FILES[0].name, data_bytes=0
    )
    return str(recovery._fell_short(FILES, backup, moment))


def test_a_moment_before_the_last_commit_is_advised_since_it_is_known_to_be_reached() -> None:
    committed = ENDED + timedelta(seconds=1, microseconds=7)
    assert "Choose --at 2026-11-29T12:00:01.500006Z, or before that" in said(committed)


def test_where_nothing_after_the_backup_can_be_replayed_an_older_one_is_advised() -> None:
    for moment in (None, ENDED - timedelta(milliseconds=3)):
        assert "before 2026-11-29T12:00:00Z, from an older base backup" in said(moment)
