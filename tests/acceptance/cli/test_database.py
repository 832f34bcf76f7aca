"""A backup of an embedded installation, and back: nothing that left is given again."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from payviox.db.embedded import embedded
from support.giftcards import csv_of
from support.installation import Installation


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, made_home: Path) -> Installation:
    """An installation with a business, money and two gift cards, which the tests only read."""
    made = Installation.copied(made_home, tmp_path_factory.mktemp("first") / "home")
    with embedded(made.home):  # each command would start it anew
        made.business = made.told("business", "create", "Acme")["test"]["business_id"]
        made.done("business", "deposit", made.business, "5000", "--reference", "first")
        cards = made.home.parent / "cards.csv"
        cards.write_text(csv_of(["CARD-0001", "CARD-0002"]))
        made.done("giftcards", "import", str(cards), "--business", made.business)
    return made


@pytest.fixture(scope="module")
def backup(first: Installation) -> Path:
    file = first.home.parent / "payviox.dump"
    first.done("database", "dump", str(file))
    return file


def test_a_backup_is_private_and_takes_no_name_that_is_taken(
    first: Installation, backup: Path
) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    assert "exists already" in first.refused("database", "dump", str(backup))
    elsewhere = backup.with_name("elsewhere")
    link = backup.with_name("link.dump")
    link.symlink_to(elsewhere)
    assert "exists already" in first.refused("database", "dump", str(link))
    assert not elsewhere.exists()
    missing = backup.parent / "missing" / "a.dump"
    assert f"the folder {missing.parent}: No such file" in first.refused(
        "database", "dump", str(missing)
    )
    assert not [path for path in backup.parent.iterdir() if path.name.endswith(".part")]


def test_a_backup_comes_back_whole_and_holds_every_gift_card(
    first: Installation, backup: Path, tmp_path: Path
) -> None:
    second = Installation(tmp_path / "second")
    second.home.mkdir(mode=0o700)
    shutil.copy(first.home / "secret_key", second.home)
    said = second.done("database", "restore", str(backup))
    assert "Gift cards are held" in said

    with embedded(second.home):  # as above
        assert "all is well" in second.done("ledger", "verify")
        report = second.told("database", "after-restore")
        assert report["restored_at"]
        assert (first.business, 2) in [(h["business_id"], h["cards"]) for h in report["held_stock"]]
        assert {key["kind"] for key in report["keys"]} == {"secret", "public"}

        codes = tmp_path / "left.txt"
        codes.write_text("CARD-0001\n")
        after = ("giftcards", "after-restore", first.business)
        assert len(second.told(*after)["cards"]) == 2
        done = second.told(*after, "--codes", str(codes), "--release", "--yes")
        assert (done["voided"], done["released"]) == (1, True)
        assert second.told("database", "after-restore", "--revoke", "all", "--yes")["keys"] == 4
        assert second.told("giftcards", "stock", first.business)[0]["available"] == 1
        assert second.told("business", "show", first.business)["balance"] == 5000


def test_a_backup_is_refused_where_there_is_something_or_its_key_is_missing(
    first: Installation, backup: Path, tmp_path: Path
) -> None:
    assert "has businesses or operators" in first.refused("database", "restore", str(backup))

    keyless = Installation(tmp_path / "keyless")
    said = keyless.refused("database", "restore", str(backup), status=2)
    ids = re.findall(r"\b[0-9a-f]{8}\b", said)
    assert len(set(ids)) == 2, "both key ids are named"
    assert str(keyless.home) in said

    shutil.copy(first.home / "secret_key", keyless.home)
    keyless.done("migrate")
    given = "a password of twelve\n"
    keyless.done("operator", "create", "--email", "a@x.test", "--password-stdin", given=given)
    assert "has businesses or operators" in keyless.refused("database", "restore", str(backup))


def test_what_is_no_backup_changes_nothing(tmp_path: Path, made_home: Path) -> None:
    installation = Installation.copied(made_home, tmp_path / "home")
    broken = tmp_path / "broken.dump"
    broken.write_text("not a backup")
    assert "pg_restore failed" in installation.refused("database", "restore", str(broken))
    installation.done("business", "create", "Acme")


def test_a_copied_home_holds_every_gift_card(first: Installation, tmp_path: Path) -> None:
    copy = Installation(tmp_path / "copy")
    subprocess.run(["cp", "-a", first.home, copy.home], check=True)
    ended = copy.run("database", "after-restore", "--json")
    assert "restored from a backup, or copied" in ended.stderr
    assert copy.told("database", "after-restore")["held_stock"]
    assert not first.told("database", "after-restore")["held_stock"]


def test_libpqs_variables_do_not_reach_the_embedded_server(
    first: Installation, tmp_path: Path
) -> None:
    odd = {
        "PGTZ": "America/New_York",
        "PGDATESTYLE": "German",
        "PGCLIENTENCODING": "SQL_ASCII",
        "PGOPTIONS": "-c search_path=nowhere",
        "PGHOSTADDR": "192.0.2.1",
        "PGSERVICE": "nobodys",
        "PGCHANNELBINDING": "require",
        "PGUSER": "nobody",
    }
    same = Installation(first.home, odd)
    keys = same.told("database", "after-restore")["keys"]
    assert all(key["created_at"].endswith("Z") for key in keys)
    assert keys
    same.done("database", "dump", str(tmp_path / "odd.dump"))
