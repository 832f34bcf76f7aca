"""A primary and its synchronous standby: two real servers on loopback, made of the embedded
PostgreSQL's own programs."""

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from payviox.db.embedded import binaries, processes, server
from payviox.db.embedded.layout import Layout, Secrets, new_secrets, try_lock
from support.live import free_port
from support.polling import until

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "fsync": "off",  # processes are killed, not the machine
    "log_min_messages": "fatal",
}


@dataclass
class Node:
    """One server. Its data folder is where it is started, as folders above may be closed."""

    layout: Layout
    secrets: Secrets = field(repr=False)
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def name(self) -> str:
        return f"payviox-test-{self.port}"

    @property
    def admin_url(self) -> str:
        return (
            f"postgresql://{server.ADMIN}:{self.secrets.admin}@127.0.0.1:{self.port}/payviox"
            "?connect_timeout=5"
        )

    def start(self, **more: str) -> None:
        """Start it and wait until it answers."""
        settings = {**SETTINGS, "port": str(self.port), "cluster_name": self.name, **more}
        options = [f"--{name}={value}" for name, value in settings.items()]
        account = processes.server_account()
        with (self.layout.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [binaries.find(account) / "postgres", "-D", "/proc/self/cwd", *options],
                cwd=self.layout.data,
                user=account.uid if account.switch else None,
                group=account.gid if account.switch else None,
                extra_groups=[] if account.switch else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
            )
        until(self.answers)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.layout.root / "log").read_text()
        try:
            self.ask("SELECT 1", "postgres")
        except psycopg.OperationalError:
            return False
        return True

    def ask(self, query: str, database: str = "payviox") -> object:
        """The first value of a superuser's query."""
        with psycopg.connect(self.admin_url, dbname=database, autocommit=True) as connection:
            cursor = connection.execute(query)
            row = cursor.fetchone() if cursor.description else None
        return row and row[0]

    def kill(self) -> None:
        """Kill -9 every process of it."""
        if self.process is None:
            return
        while pids := processes.server_processes(self.name):
            for pid in sorted(pids, key=lambda pid: not pids[pid]):  # the postmaster first
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.process.poll()
        self.process.wait()


@dataclass
class Pair:
    """A primary whose commits wait for its standby."""

    primary: Node
    standby: Node

    def url(self, role: str, *, standby_first: bool = False) -> str:
        """A URL of both."""
        word = self.primary.secrets.owner if role == server.OWNER else self.primary.secrets.web
        nodes = (self.standby, self.primary) if standby_first else (self.primary, self.standby)
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        return f"postgresql://{role}:{word}@{hosts}/payviox?target_session_attrs=read-write"

    def kill(self) -> None:
        self.primary.kill()
        self.standby.kill()


def make_node(folder: Path) -> Node:
    """One that was never started, with our roles."""
    node = Node(Layout(folder), new_secrets())
    node.layout.prepare()
    account = processes.server_account()
    lock = try_lock(node.layout.data_lock)
    assert lock is not None
    server.Maker(node.layout, binaries.find(account), account, lock).make(node.secrets)
    os.close(lock)
    return node


def make_pair(folder: Path) -> Pair:
    """Start both; the database `payviox` is there, and empty."""
    primary = make_node(folder / "primary")
    account = processes.server_account()
    programs = binaries.find(account)
    standby = Node(Layout(folder / "standby"), primary.secrets)
    pair = Pair(primary, standby)
    try:
        primary.start()
        primary.ask(f"CREATE DATABASE payviox OWNER {server.OWNER}", "postgres")
        primary.ask(f"GRANT CONNECT ON DATABASE payviox TO {server.APPLICATION}")
        _copy(primary, standby, account, programs)
        link = f"host=127.0.0.1 port={primary.port} user={server.ADMIN} application_name=standby"
        standby.start(primary_conninfo=f"{link} password={primary.secrets.admin}")
        primary.ask("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        primary.ask("SELECT pg_reload_conf()")
        sync = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        until(lambda: primary.ask(sync) == 1)
    except BaseException:
        pair.kill()
        raise
    return pair


def _copy(primary: Node, standby: Node, account: processes.Account, programs: Path) -> None:
    standby.layout.prepare()
    data = standby.layout.data
    data.mkdir(mode=0o700)
    if account.switch:
        os.chown(data, account.uid, account.gid)
    where = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", server.ADMIN]
    done = subprocess.run(
        [programs / "pg_basebackup", *where, "-D", ".", "-X", "stream", "-c", "fast", "-N"],
        cwd=data,
        user=account.uid if account.switch else None,
        group=account.gid if account.switch else None,
        extra_groups=[] if account.switch else None,
        env={"PGPASSWORD": primary.secrets.admin, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
        umask=0o077,
    )
    assert done.returncode == 0, done.stderr
    signal_file = data / "standby.signal"
    signal_file.touch(mode=0o600)
    if account.switch:
        os.chown(signal_file, account.uid, account.gid)
