"""Base backups with the WAL after them: any moment comes back, and an archive with a hole is never
silent."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from payviox.db.embedded import embedded, processes
from support.callers import new_business
from support.installation import PAYVIOX, Installation
from support.live import SECRET_KEY
from support.polling import until


class Served:
    """An installation that is served, and backed up into a folder while it is."""

    def __init__(self, folder: Path, made_home: Path) -> None:
        (folder / "first").mkdir()
        self.installation = Installation.copied(made_home, folder / "first" / "home")
        self.backups = folder / "backups"
        self.serving = self.installation.start()
        self.business: Any = new_business(self.installation)

    def pay(self, email: str, cents: int) -> datetime:
        """Allocate, and answer a moment when that was committed."""
        answer = httpx.post(
            f"{self.installation.url}/payout/create",
            json={"email": email, "amount": cents},
            headers={"Authorization": f"Bearer {self.business['secret_key']}"},
        )
        assert answer.status_code == 201, answer.text
        return datetime.now(UTC)

    def back_up(self, *options: str) -> str:
        return self.installation.done("database", "backup", str(self.backups), *options)

    def beside(self, name: str, folder: Path) -> Installation:
        """Another installation with the same secret key, and nothing else."""
        made = Installation(folder / name)
        made.home.mkdir(mode=0o700)
        shutil.copy(self.installation.home / "secret_key", made.home)
        return made

    def shown(self) -> Any:
        return json.loads(self.installation.run("database", "show", "--json").stdout)

    def wal(self) -> Path:
        return Path(self.shown()["archived_to"])

    def receiver(self) -> int | None:
        """The pid of what writes the archive."""
        for pid in processes._all_pids():
            command = processes.command_of(pid)
            if "/pg_receivewal " in command and str(self.backups) in command:
                return pid
        return None


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, made_home: Path) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("served"), made_home)
    try:
        yield made
    finally:
        made.serving.stop()
    assert until(lambda: not made.installation.left(), 15)


def test_any_moment_since_a_backup_comes_back_and_nothing_later(
    served: Served, tmp_path: Path
) -> None:
    early = datetime.now(UTC)
    said = served.back_up()
    assert "can be restored" in said
    noted = served.pay("first@example.com", 1_000)
    served.pay("second@example.com", 2_000)

    second = served.beside("second", tmp_path)
    restore = ("database", "restore", str(served.backups), "--at")
    assert "is before the oldest base backup" in second.refused(*restore, early.isoformat())
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert "is in the future" in second.refused(*restore, future)
    assert "is no time like" in second.refused(*restore, "2026-11-29T07:00:00", status=2)
    assert not (second.home / "postgres" / "data").exists()

    said = second.done(*restore, noted.isoformat())
    assert "Gift cards are held" in said
    business = served.business["business_id"]
    with embedded(second.home):  # each command would start it anew
        assert second.told("business", "show", business)["payout_balance"] == 1_000_000 - 1_000
        emails = {user["email"] for user in second.told("users", "list", business)}
        assert emails == {"first@example.com"}
        assert second.told("ledger", "verify")["ok"] is True
        held = second.told("database", "after-restore")["held_stock"]
        assert business in [each["business_id"] for each in held]
        assert "Gift cards are held" in second.run("attention").stderr
        assert second.told("database", "show")["archived_to"] is None
    assert "Begin in another folder" in said
    assert "The last that was committed is of " in said

    # It is in use now, and its passwords are its own.
    assert "has businesses or operators" in second.refused(*restore, noted.isoformat())
    assert (second.home / "postgres" / "cluster.json").read_text() != (
        served.installation.home / "postgres" / "cluster.json"
    ).read_text()
    assert sorted(path.name for path in second.home.iterdir()) == ["postgres", "secret_key"]
    taken = second.refused("database", "backup", str(served.backups))
    assert "the backups of another installation" in taken


def test_without_a_time_all_that_was_archived_comes_back(served: Served, tmp_path: Path) -> None:
    served.back_up()
    served.pay("last@example.com", 3_000)
    third = served.beside("third", tmp_path)
    third.done("database", "restore", str(served.backups))
    users = third.told("users", "list", served.business["business_id"])
    assert "last@example.com" in {user["email"] for user in users}
    assert third.told("ledger", "verify")["ok"] is True


def test_it_is_refused_where_somebody_serves(served: Served, tmp_path: Path) -> None:
    served.back_up()
    other = served.beside("other", tmp_path)
    serving = other.start()
    try:
        said = other.refused("database", "restore", str(served.backups))
        assert "is being served" in said
        assert str(serving.process.pid) in said
    finally:
        serving.stop()


def test_a_backup_that_is_killed_leaves_none_that_looks_whole(
    served: Served, tmp_path: Path
) -> None:
    served.back_up()
    before = served.shown()["backups"]
    drafts = served.backups / "base"
    process = subprocess.Popen(
        [PAYVIOX, "database", "backup", str(served.backups)],
        env=served.installation.environment,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: list(drafts.glob(".*.part")) or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert served.shown()["backups"] == before

    served.back_up()
    assert not list(drafts.glob(".*.part"))
    assert len(served.shown()["backups"]) == len(before) + 1


def test_a_damaged_backup_and_an_archive_with_a_hole_are_refused(
    served: Served, tmp_path: Path
) -> None:
    served.back_up("--keep", "1")
    copy = tmp_path / "copy"
    shutil.copytree(served.backups, copy)
    fourth = served.beside("fourth", tmp_path)
    [base] = list((copy / "base").iterdir())
    [wal] = list(copy.glob("wal-*"))

    first_needed = json.loads((base / "backup.json").read_text())["first_segment"]
    assert min(path.name for path in wal.iterdir())[:24] == first_needed, "older WAL is gone"
    last = max(wal.iterdir())
    number = int(last.name[:24], 16) + 2
    later = wal / f"{number:024X}"
    later.touch()
    assert "has no WAL file before" in fourth.refused("database", "restore", str(copy))

    later.unlink()
    with (base / "base.tar.gz").open("r+b") as packed:
        packed.truncate(packed.seek(0, os.SEEK_END) // 2)
    assert "is no whole base backup" in fourth.refused("database", "restore", str(copy))
    assert not (fourth.home / "postgres" / "data").exists()


def test_an_archive_that_fails_is_said_everywhere_and_catches_up_without_a_hole(
    served: Served, tmp_path: Path
) -> None:
    served.back_up()
    wal = served.wal()
    away = wal.rename(wal.with_name("away"))
    wal.write_text("no folder")
    receiver = until(served.receiver)
    assert receiver
    os.kill(receiver, signal.SIGKILL)
    [partial] = away.glob("*.partial")
    os.truncate(partial, 8_000_000)  # as where it is killed while it makes room for a segment
    wrong = until(lambda: served.shown()["wrong"])
    assert "is not archived" in wrong
    ended = served.installation.run("database", "show")
    assert (ended.returncode, "It said: pg_receivewal:" in ended.stderr) == (1, True)
    ready = httpx.get(f"{served.installation.url}/health/ready")
    assert "is not archived" in ready.json()["checks"]["backup"]
    metrics = httpx.get(f"{served.installation.url}/metrics").text
    assert "payviox_wal_archive_failing 1.0" in metrics
    assert "Backup: " in served.installation.run("attention").stderr
    noted = served.pay("meanwhile@example.com", 4_000)

    wal.unlink()
    away.rename(wal)
    assert until(lambda: served.shown()["wrong"] is None)
    served.pay("after@example.com", 5_000)
    served.back_up()  # which waits for the archive
    fifth = served.beside("fifth", tmp_path)
    fifth.done("database", "restore", str(served.backups), "--at", noted.isoformat())
    users = fifth.told("users", "list", served.business["business_id"])
    emails = {user["email"] for user in users}
    assert ("meanwhile@example.com" in emails, "after@example.com" in emails) == (True, False)


def test_a_time_after_the_end_of_the_archive_is_refused_and_says_when_that_is(
    served: Served, tmp_path: Path
) -> None:
    served.back_up()
    copy = tmp_path / "copy"
    shutil.copytree(served.backups, copy)
    later = served.pay("later@example.com", 6_000)
    sixth = served.beside("sixth", tmp_path)
    said = sixth.refused("database", "restore", str(copy), "--at", later.isoformat())
    assert "nothing is known of what was committed" in said
    assert not (sixth.home / "postgres" / "data").exists()


def _emails(of: Installation, served: Served) -> set[str]:
    return {user["email"] for user in of.told("users", "list", served.business["business_id"])}


def test_wal_that_is_damaged_or_gone_is_never_passed_over_in_silence(
    served: Served, tmp_path: Path
) -> None:
    served.back_up()
    wal = served.wal()
    served.pay("kept@example.com", 1_000)
    served.pay("replayed@example.com", 1_000)
    last = max(wal.iterdir())
    assert until(lambda: b"replayed@example.com" in last.read_bytes())
    written = len(last.read_bytes().rstrip(b"\0"))
    undamaged = datetime.now(UTC)  # what the worker commits of its own may lie in between
    served.pay("damaged@example.com", 1_000)
    served.back_up()  # which begins another file
    served.pay("behind@example.com", 1_000)
    copy = tmp_path / "copy"
    shutil.copytree(served.backups, copy)
    shutil.rmtree(max((copy / "base").iterdir()))
    copied = copy / wal.name
    with (copied / last.name.removesuffix(".partial")).open("r+b") as file:
        file.seek(written + 200)
        file.write(bytes(64))

    seventh = served.beside("seventh", tmp_path)
    said = seventh.refused("database", "restore", str(copy))
    assert "and no farther" in said
    assert not (seventh.home / "postgres" / "data").exists()

    # What is before the damage, or before a hole, comes back all the same.
    (copied / f"{int(max(copied.iterdir()).name[:24], 16) + 2:024X}").touch()
    at = said.split("Choose --at ")[1].split(",")[0]
    assert datetime.fromisoformat(at) <= undamaged
    seventh.done("database", "restore", str(copy), "--at", at)
    emails = _emails(seventh, served)
    assert "kept@example.com" in emails
    assert not {"damaged@example.com", "behind@example.com"} & emails

    for path in copied.iterdir():
        path.unlink()
    eighth = served.beside("eighth", tmp_path)
    assert "has no WAL that continues" in eighth.refused("database", "restore", str(copy))
    copied.rmdir()
    assert "has no WAL that continues" in eighth.refused("database", "restore", str(copy))


MEANWHILE = """
import subprocess, sys
from pathlib import Path
from payviox import settings
from payviox.db.embedded import recovery
from payviox.maintenance import backup

close = recovery._close

def late(*arguments):
    subprocess.run([sys.argv[2], "business", "create", "Meanwhile"], check=True)
    close(*arguments)

recovery._close = late
backup.restore_at(settings.load(), Path(sys.argv[1]), None, lambda *_: None)
"""


def test_what_was_made_while_a_restore_ran_stays(served: Served, tmp_path: Path) -> None:
    served.back_up()
    ninth = served.beside("ninth", tmp_path)
    ninth.done("migrate")
    ended = subprocess.run(
        [sys.executable, "-c", MEANWHILE, str(served.backups), str(PAYVIOX)],
        env=ninth.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, "has businesses or operators" in ended.stderr) == (1, True)
    assert {each["name"] for each in ninth.told("business", "list")} == {"Meanwhile"}
    assert sorted(path.name for path in ninth.home.iterdir()) == ["postgres", "secret_key"]


FAILING = """
import sys
from pathlib import Path
from payviox import settings
from payviox.db.embedded import packed
from payviox.db.embedded.backup import BackupError
from payviox.maintenance import backup

def check(*_):
    raise BackupError("It does not verify.")

packed.check = check
backup.back_up(settings.load(), Path(sys.argv[1]), 7, lambda *_: None)
"""


def test_a_backup_that_fails_in_another_folder_leaves_the_archive_where_it_was(
    served: Served, tmp_path: Path
) -> None:
    served.back_up()
    wal = served.wal()
    ended = subprocess.run(
        [sys.executable, "-c", FAILING, str(tmp_path / "elsewhere")],
        env=served.installation.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "It does not verify" in ended.stderr
    assert served.wal() == wal
    assert until(lambda: served.shown()["wrong"] is None)
    served.pay("afterwards@example.com", 1_000)
    tenth = served.beside("tenth", tmp_path)
    tenth.done("database", "restore", str(served.backups))
    assert "afterwards@example.com" in _emails(tenth, served)


def test_an_archive_whose_folder_is_lost_begins_anew_with_the_next_backup(served: Served) -> None:
    served.back_up()
    shutil.rmtree(served.wal())
    receiver = until(served.receiver)
    assert receiver
    os.kill(receiver, signal.SIGKILL)
    served.back_up("--keep", "1")
    assert served.shown()["wrong"] is None
    assert len(served.shown()["backups"]) == 1
    shutil.rmtree(Path(served.shown()["backups"][0]["folder"]))
    ended = served.installation.run("database", "show")
    assert (ended.returncode, "no base backup" in ended.stderr) == (1, True)
    ready = f"{served.installation.url}/health/ready"
    until(lambda: "backups are not well" in httpx.get(ready).json()["checks"]["backup"])
    assert str(served.backups) not in httpx.get(ready).text, "everybody may ask"
    assert "no base backup" in served.installation.run("attention").stderr

    shutil.rmtree(served.backups)
    ended = served.installation.run("database", "show")
    assert (ended.returncode, "is out of reach" in ended.stderr) == (1, True)


def test_an_archive_that_was_stopped_is_nobodys_fault_and_begins_anew(
    tmp_path: Path, served: Served
) -> None:
    folder = str(tmp_path / "again")
    served.installation.done("database", "backup", folder)
    said = served.installation.done("database", "stop-archive")
    assert "Nothing is archived any more" in said
    shown = served.shown()
    assert (shown["archived_to"], shown["wrong"]) == (None, None)
    assert "Nothing was archived" in served.installation.done("database", "stop-archive")
    served.installation.done("database", "backup", folder)
    shown = served.shown()
    assert (shown["wrong"], len(shown["backups"])) == (None, 2)
    assert "The newest base backup was made" in served.installation.done("database", "show")


def test_indexes_that_need_no_more_room_are_left_as_they_are(served: Served) -> None:
    assert served.installation.done("database", "compact") == "index\tbefore_bytes\tafter_bytes"
    assert served.installation.told("database", "compact") == []


def test_an_external_database_is_refused_with_advice(tmp_path: Path) -> None:
    external = Installation(
        tmp_path / "home",
        {"PAYVIOX_DATABASE_URL": "postgresql://a@b/c", "PAYVIOX_SECRET_KEY": SECRET_KEY},
    )
    for command in (("backup", str(tmp_path / "x")), ("restore", str(tmp_path)), ("stop-archive",)):
        said = external.refused("database", *command, status=2)
        assert "pgBackRest" in said
    assert not (tmp_path / "x").exists()
