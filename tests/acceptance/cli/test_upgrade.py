"""An embedded installation that an earlier version made: what migrates it, and the way back."""

import shutil
from pathlib import Path

import pytest

from payviox.db import migrate, schema
from payviox.db.embedded import backup, embedded
from support.installation import Installation

DATA = Path(__file__).parents[2] / "migration" / "data"
BUSINESS = "biz_00000000-0000-7000-8000-0000000000b1"
EARLIER = schema.revisions()[:-1]
BOTH = [(found, found) for found in EARLIER]


@pytest.fixture
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Installation:
    """An installation at an earlier schema, with its rows."""
    import psycopg  # noqa: PLC0415  # beside what it is used for

    home = tmp_path / "home"
    with embedded(home) as cluster:
        migrate.migrate(cluster.owner_url, cluster.application_url, to=request.param)
        with psycopg.connect(cluster.owner_url, autocommit=True) as connection:
            connection.execute((DATA / f"{request.param}.sql").read_text(), prepare=False)
    return Installation(home)


@pytest.mark.parametrize(("old", "found"), BOTH, indirect=["old"])
def test_only_migrate_and_serve_migrate_and_the_way_back_is_a_backup_of_before(
    old: Installation, tmp_path: Path, found: str
) -> None:
    said = old.refused("business", "list", status=2)
    assert f"at schema {found}" in said
    assert f"needs {schema.newest()}" in said
    assert "payviox migrate" in said
    assert "payviox serve" in said
    asked = tmp_path / "asked.dump"
    with embedded(old.home):  # each command would start it anew
        old.done("database", "dump", str(asked))
        assert backup.look_into(asked).schema == found, "a dump is of what is there"

        old.done("migrate")
        (made,) = (old.home / "backups").iterdir()
        assert made.name.startswith(f"before-{found}-")
        assert made.stat().st_mode & 0o777 == 0o600
        assert old.told("business", "show", BUSINESS)["balance"] == 400
        assert not old.told("database", "after-restore")["held_stock"]
        old.done("migrate")
        assert len(list((old.home / "backups").iterdir())) == 1, "nothing was to be migrated"

    back = Installation(tmp_path / "back")
    back.home.mkdir(mode=0o700)
    shutil.copy(old.home / "secret_key", back.home)
    assert f"at schema {found}" in back.done("database", "restore", str(made))
    with embedded(back.home):  # as above
        assert f"at schema {found}" in back.refused("business", "list", status=2), "as it was"
        back.done("migrate")
        held = back.told("database", "after-restore")["held_stock"]
        assert BUSINESS in [business["business_id"] for business in held]


def test_of_the_backups_made_before_migrations_the_last_three_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / backup.FOLDER
    with embedded(tmp_path / "home") as cluster:
        for number in range(1, 6):
            backup.dump_before(cluster.owner_url, tmp_path, f"000{number}")
            (folder / "mine.dump").touch()
    assert sorted(path.name[:11] for path in folder.iterdir()) == [
        "before-0003",
        "before-0004",
        "before-0005",
        "mine.dump",
    ]
