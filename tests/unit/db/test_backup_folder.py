"""What stands in a folder of backups: others' files are not touched, and a gap in WAL is seen."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from payviox.db.embedded import backup_folder, wal
from payviox.db.embedded.archive import Archive
from payviox.db.embedded.backup import BackupError
from payviox.db.embedded.backup_folder import BaseBackup
from payviox.db.embedded.layout import Layout, new_secrets
from payviox.errors import Conflict

WAL = "wal-20261129T070000Z"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Of an installation whose server does not run."""
    made = Layout(tmp_path / "home")
    made.prepare()
    made.data.mkdir()
    made.write_secrets(new_secrets())
    return made


def a_base_backup(folder: Path, *segments: str) -> BaseBackup:
    made = folder / "base" / "20261129T070000Z"
    made.mkdir(parents=True)
    moment = datetime(2026, 11, 29, 7, tzinfo=UTC).isoformat()
    info = {"started_at": moment, "ended_at": moment, "schema": "0005", "key_ids": []}
    info |= {"wal": WAL, "first_segment": _name(2), "data_bytes": 1}
    (made / "backup.json").write_text(json.dumps(info))
    (folder / WAL).mkdir()
    for segment in segments:
        (folder / WAL / segment).touch()
    [found] = backup_folder.find(folder)
    return found


def _name(number: int) -> str:
    return f"{1:08X}{0:08X}{number:08X}"


def test_others_folders_beside_the_backups_stay(layout: Layout, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    backup_folder.prune(layout, folder, 1)  # marks it
    old, others = folder / WAL, folder / "wal-of-another-server"
    old.mkdir()
    others.mkdir()
    (others / "precious").touch()
    backup_folder.prune(layout, folder, 1)
    assert not old.exists()
    assert (others / "precious").exists()


@pytest.mark.parametrize("name", ["photos", "wal-20261129T070000Z", "base/20261129T070000Z"])
def test_a_folder_of_something_else_is_refused(layout: Layout, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "shared"
    (folder / name).mkdir(parents=True)
    with pytest.raises(Conflict, match="no base backups of Payviox"):
        backup_folder.prune(layout, folder, 1)
    assert [path.name for path in folder.iterdir()] == [name.split("/", maxsplit=1)[0]]


def test_a_folder_with_dumps_or_of_a_new_disk_is_not(layout: Layout, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    (folder / "lost+found").mkdir(parents=True)
    (folder / "before-0005-20261129T070000Z.dump").touch()
    backup_folder.prune(layout, folder, 1)
    assert len(list(folder.glob("*.dump"))) == 1


def test_wal_is_used_up_to_the_first_hole(tmp_path: Path) -> None:
    backup = a_base_backup(tmp_path, _name(1), _name(2), _name(3), _name(5), _name(6) + ".partial")
    found = backup_folder.continuation(tmp_path, backup)
    assert [path.name for path in found.files] == [_name(2), _name(3)]
    assert found.hole_before == tmp_path / WAL / _name(5)
    current = Archive(tmp_path, WAL, "ours")
    assert "has no WAL file before" in str(backup_folder.trouble(tmp_path, current))

    (tmp_path / WAL / _name(4)).touch()
    assert len(backup_folder.continuation(tmp_path, backup).files) == 5
    assert backup_folder.trouble(tmp_path, current) is None


@pytest.mark.parametrize("left", [[], [_name(3)]])
def test_a_base_backup_without_its_wal_is_said_and_not_restored(
    tmp_path: Path, left: list[str]
) -> None:
    backup = a_base_backup(tmp_path, *left)
    with pytest.raises(BackupError, match="has no WAL that continues"):
        backup_folder.continuation(tmp_path, backup)
    assert "has no WAL that" in str(backup_folder.trouble(tmp_path, Archive(tmp_path, WAL, "ours")))


def test_base_backups_and_an_archive_that_do_not_belong_together_are_said(
    layout: Layout, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    assert backup_folder.trouble(folder, None) is None
    backup_folder.prune(layout, folder, 1)
    assert "is not archived" in str(backup_folder.trouble(folder, None))
    current = Archive(folder, "wal-20261129T080000Z", "ours")
    assert "no base backup" in str(backup_folder.trouble(folder, current))
    draft = folder / "base" / ".20261129T080000Z.part"
    draft.mkdir()
    assert "is being written, or was broken off" in str(backup_folder.trouble(folder, current))
    backup_folder.remove_drafts(folder)
    assert not draft.exists()
    a_base_backup(folder, _name(2))
    assert "no base backup" in str(backup_folder.trouble(folder, current))


def test_where_a_record_that_is_not_whole_would_end(tmp_path: Path) -> None:
    files = [tmp_path / _name(1), tmp_path / (_name(2) + ".partial")]
    position = 2 * wal.SEGMENT_BYTES - 48  # 48 bytes in its own file, 100 in the next
    files[0].write_bytes(bytes(wal.SEGMENT_BYTES - 48) + (148).to_bytes(4, "little") + b"x" * 44)
    files[1].write_bytes(b"h" * 40 + b"x" * 60 + bytes(wal.SEGMENT_BYTES - 100))
    assert wal.end(files) == 2 * wal.SEGMENT_BYTES + 100
    assert wal.record_end(files, position) == 2 * wal.SEGMENT_BYTES + 140
    # A length that no record has, and a position after all files.
    assert wal.record_end(files, position + 4) == position + 4
    assert wal.record_end(files, 9 * wal.SEGMENT_BYTES) == 9 * wal.SEGMENT_BYTES + 40

    files[1].rename(tmp_path / _name(2))  # it became whole
    assert wal.end(files) == 2 * wal.SEGMENT_BYTES + 100
