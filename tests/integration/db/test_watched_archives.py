"""What is seen of an archive by the server that it is of: the operator's own archive_command, and a
slot whose archive stays away for too long. On a server of its own, for its settings."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from payviox.db.embedded import archive, archiving
from payviox.db.embedded.archive import SLOT, Archive
from payviox.db.embedded.layout import Layout
from payviox.db.pool import Database
from payviox.monitoring import archive as watching
from support.polling import until
from support.replication import Node, make_node

pytestmark = pytest.mark.anyio

MAY = "archive_may_run"
"""A file in the data folder, without which the archive_command fails."""
SLOT_AT = f"SELECT restart_lsn::text FROM pg_replication_slots WHERE slot_name = '{SLOT}'"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = make_node(tmp_path_factory.mktemp("node") / "own")
    try:
        made.start(
            archive_mode="on", archive_command=f"test -e {MAY}", max_slot_wal_keep_size="32MB"
        )
        yield made
    finally:
        made.kill()


@pytest.fixture
async def database(node: Node) -> AsyncIterator[Database]:
    opened = Database(f"{node.admin_url}&dbname=postgres", size=1, engine_size=1, readers=1)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


def _switch(node: Node) -> None:
    """Begin another file of WAL."""
    node.ask("SELECT pg_logical_emit_message(true, '', '')", "postgres")
    node.ask("SELECT pg_switch_wal()", "postgres")


async def _said(database: Database) -> str | None:
    return watching.complaint(await database.fetch(watching.state))


async def test_an_archive_command_that_fails_is_said_until_it_does_not(
    node: Node, database: Database
) -> None:
    assert await _said(database) is None
    _switch(node)
    until(lambda: node.ask("SELECT failed_count > 0 FROM pg_stat_archiver", "postgres"))
    assert "archive_command fails" in str(await _said(database))

    (node.layout.data / MAY).touch(mode=0o644)
    _switch(node)
    until(lambda: node.ask("SELECT archived_count > 0 FROM pg_stat_archiver", "postgres"))
    assert await _said(database) is None


async def test_wal_that_the_server_could_keep_no_longer_is_lost_and_the_archive_begins_anew(
    node: Node, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (node.layout.data / MAY).touch(mode=0o644)
    layout = _embedded(node, monkeypatch)
    with archiving.connect(layout) as connection:
        first = archiving.begin(layout, tmp_path, None, connection)
        assert archiving.begin(layout, tmp_path, first, connection) == first
        assert "is not archived" in str(await _said(database)), "nobody writes it"

        for _ in range(5):
            _switch(node)
        node.ask("CHECKPOINT", "postgres")
        assert "WAL was lost" in str(await _said(database))

        (tmp_path / first.wal).rename(tmp_path / "wal-20261129T070000Z")
        lost = Archive(tmp_path, "wal-20261129T070000Z", first.cluster)
        again = archiving.begin(layout, tmp_path, lost, connection)
        assert again.wal != lost.wal, "what follows a hole continues nothing"
        assert "WAL was lost" not in str(await _said(database))

    archiving.stop(layout)
    assert archive.read(layout) is None
    slots = f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{SLOT}'"
    assert node.ask(slots, "postgres") == 0
    assert await _said(database) is None


@pytest.mark.parametrize("where", ["_drop_slot", "connect", "write"])
@pytest.mark.parametrize("had_one", [True, False])
def test_a_new_archive_that_cannot_begin_leaves_what_there_was(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, *, had_one: bool
) -> None:
    """Also where somebody loses patience while the old one's slot is let go."""
    layout = _embedded(node, monkeypatch)
    monkeypatch.setattr(archiving, "FOLLOWS_WITHIN_S", 0.0)  # nobody writes it
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    with archiving.connect(layout) as connection:
        before = archiving.begin(layout, tmp_path / "old", None, connection) if had_one else None
        kept = node.ask(SLOT_AT, "postgres")
        _switch(node)
        there = archive if where == "write" else archiving
        real, failed = getattr(there, where), []

        def fails_once(*given: Any) -> Any:
            if failed:
                return real(*given)
            failed.append(where)
            if where == "connect":  # the slot is gone by then
                with real(*given) as own:
                    archiving._drop_slot(own)
            raise KeyboardInterrupt

        monkeypatch.setattr(there, where, fails_once)
        with pytest.raises(KeyboardInterrupt):
            archiving.begin(layout, tmp_path / "new", before, connection)
        assert archive.read(layout) == before
    at = node.ask(SLOT_AT, "postgres")
    assert (at is not None) == had_one
    if where != "write":
        assert at == kept, "what the old one needs is kept"
    archiving.stop(layout)


def _embedded(node: Node, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """The node's folder, as that of an embedded server."""
    monkeypatch.setattr(
        archiving,
        "connect",
        lambda _: psycopg.connect(node.admin_url, dbname="postgres", autocommit=True),
    )
    node.layout.write_secrets(node.secrets)
    return node.layout
