"""A backup of an embedded installation, and back."""

import shutil
from pathlib import Path

from support.installation import Installation


def test_a_backup_comes_back_whole_in_an_empty_installation(tmp_path: Path) -> None:
    first, second = Installation(tmp_path / "first"), Installation(tmp_path / "second")
    business_id = first.told("business", "create", "Acme")["test"]["business_id"]
    first.done("business", "deposit", business_id, "5000", "--reference", "first")
    backup = tmp_path / "payviox.dump"
    first.done("database", "dump", str(backup))

    assert backup.stat().st_mode & 0o777 == 0o600
    assert "exists already" in first.refused("database", "dump", str(backup))
    assert "has businesses" in first.refused("database", "restore", str(backup))

    second.home.mkdir(mode=0o700)
    shutil.copy(first.home / "secret_key", second.home)
    second.done("database", "restore", str(backup))

    assert "all is well" in second.done("ledger", "verify")
    second.done("business", "fund", business_id, "4000")
    assert second.told("business", "show", business_id)["payout_balance"] == 4000


def test_what_is_no_backup_changes_nothing(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "home")
    broken = tmp_path / "broken.dump"
    broken.write_text("not a backup")
    installation.done("migrate")
    assert "pg_restore failed" in installation.refused("database", "restore", str(broken))
    installation.done("business", "create", "Acme")
