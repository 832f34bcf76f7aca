"""How a cluster is made and its server started: initdb, roles, settings. Nothing here watches."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from payviox import machine
from payviox.db.embedded.binaries import MAJOR
from payviox.db.embedded.errors import OWN_SERVER, EmbeddedError
from payviox.db.embedded.layout import Layout, Secrets, sync_folder
from payviox.db.embedded.processes import Account, start

ADMIN = "payviox_admin"
OWNER = "payviox_owner"
APPLICATION = "payviox_app"
WEB = "payviox_web"

# The data folder by its shortest name. PostgreSQL resolves -D itself, which its unprivileged user
# cannot do below a closed folder of root's; but it may always go where it already is, so we start
# it there. Of the other ways past that, capabilities (DAC_READ_SEARCH) would let the server read
# every file of the machine, and a private mount needs SYS_ADMIN; containers give neither.
_HERE = "/proc/self/cwd"

_ROUNDS = "1"
"""Of hashing a password. More would make a weak one dearer to guess; each of ours is 32 random
bytes, and every connection of a command would take its client a few milliseconds more."""
_QUICK = ["-c", f"scram_iterations={_ROUNDS}"]


def _as_seen_inside(folder: Path) -> str:
    """What a program started in `folder` is told as -D."""
    return _HERE if Path(_HERE).is_dir() else str(folder)


def check(layout: Layout, account: Account) -> None:
    """Raise EmbeddedError unless the data folder is one that our server can open."""
    try:
        version = (layout.data / "PG_VERSION").read_text().strip()
    except OSError:
        version = "unknown"
    if version != str(MAJOR):
        raise EmbeddedError(
            f"{layout.data} is of PostgreSQL version {version}, but this Payviox brings {MAJOR}."
            " Move it there with that version's pg_dump and this one's psql, or start in another"
            f" PAYVIOX_HOME. {OWN_SERVER}"
        )
    owner = layout.data.stat().st_uid
    if owner != account.uid:
        raise EmbeddedError(
            f"{layout.data} belongs to user id {owner}, the server runs as {account.uid}. Give it"
            f" back: chown -R {account.uid}:{account.gid} '{layout.data}'"
        )


@dataclass(frozen=True)
class Maker:
    """Makes and mends the cluster while no server runs on it.

    `lock` is data.lock's descriptor; the programs share it, so it is held on should we be killed.
    """

    layout: Layout
    programs: Path
    account: Account
    lock: int

    def make(self, secrets: Secrets) -> None:
        """Make data with its roles, whole or not at all: it is made aside and renamed at the end.

        Raises EmbeddedError with what initdb said.
        """
        for abandoned in self.layout.root.glob("new-*"):
            shutil.rmtree(abandoned)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self.layout.root))
        if self.account.switch:
            os.chown(new, self.account.uid, self.account.gid)
        options = [
            f"--pgdata={_as_seen_inside(new)}",
            f"--username={ADMIN}",
            "--pwfile=/dev/stdin",
            "--auth=scram-sha-256",
            *_QUICK,
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions",
        ]
        self._run(["initdb", *options], new, f"{secrets.admin}\n")
        self._single_user(new, _roles(secrets))
        new.rename(self.layout.data)
        sync_folder(self.layout.root)

    def set_passwords(self, secrets: Secrets) -> None:
        """Give the cluster new passwords, when cluster.json was lost. Raises EmbeddedError."""
        passwords = {ADMIN: secrets.admin, OWNER: secrets.owner, WEB: secrets.web}
        statements = [f"ALTER ROLE {role} PASSWORD '{word}'" for role, word in passwords.items()]
        self._single_user(self.layout.data, statements)

    def _single_user(self, folder: Path, statements: list[str]) -> None:
        """Run statements, one a line, without a server that anybody could connect to meanwhile."""
        # A failing statement may hold a password, so it must not be logged.
        settings = [*_QUICK, "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic"]
        command = ["postgres", "--single", "-D", _as_seen_inside(folder), *settings, "template1"]
        self._run(command, folder, "".join(f"{statement}\n" for statement in statements))

    def _run(self, command: list[str], folder: Path, input_text: str) -> None:
        # A file and not a pipe: initdb opens /dev/stdin by name, and a pipe would be root's.
        with tempfile.TemporaryFile(dir=self.layout.root) as file:
            file.write(input_text.encode())
            file.seek(0)
            if self.account.switch:
                os.fchown(file.fileno(), self.account.uid, self.account.gid)
            program = self.programs / command[0]
            process = start(
                [program, *command[1:]], self.account, folder=folder, stdin=file, keep=[self.lock]
            )
            output = process.communicate()[0].decode("utf-8", "replace")
        if process.returncode != 0:
            raise EmbeddedError(
                f"{command[0]} failed in {folder}. Is the disk full? {OWN_SERVER} It said:\n"
                + "\n".join(output.strip().splitlines()[-20:])
            )


def _roles(secrets: Secrets) -> list[str]:
    """Run in template1, so that every database made later has its public schema like this."""
    return [
        f"CREATE ROLE {OWNER} LOGIN PASSWORD '{secrets.owner}'",
        f"CREATE ROLE {APPLICATION} NOLOGIN",
        f"CREATE ROLE {WEB} LOGIN INHERIT PASSWORD '{secrets.web}' IN ROLE {APPLICATION}",
        f"ALTER SCHEMA public OWNER TO {OWNER}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "REVOKE CONNECT, TEMPORARY ON DATABASE postgres FROM PUBLIC",
        "REVOKE CONNECT, TEMPORARY ON DATABASE template1 FROM PUBLIC",
    ]


def start_server(
    layout: Layout, programs: Path, account: Account, secrets: Secrets, lock: int
) -> subprocess.Popen[bytes]:
    """Start the postmaster. It and all its children hold data.lock until the last has ended."""
    name = layout.cluster_name(secrets.name)
    settings = [f"--{setting}={value}" for setting, value in _settings(name).items()]
    command: list[str | Path]
    command = [programs / "postgres", "-D", _as_seen_inside(layout.data), *settings]
    return start(command, account, folder=layout.data, keep=[lock])


def _settings(name: str) -> dict[str, str]:
    """Given as arguments, so that no file in the data folder overrides what keeps money safe."""
    memory_mb = machine.memory_bytes() // 2**20
    return {
        "cluster_name": name,
        "listen_addresses": "",
        "unix_socket_directories": ".",  # in the data folder, 0700; relative, so never too long
        "unix_socket_permissions": "0700",
        "port": "5432",
        "password_encryption": "scram-sha-256",
        "scram_iterations": _ROUNDS,
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "max_connections": "300",
        "shared_buffers": f"{max(16, min(256, memory_mb // 8))}MB",
        "effective_cache_size": f"{max(64, memory_mb // 2)}MB",
        "maintenance_work_mem": f"{max(16, min(128, memory_mb // 16))}MB",
        "max_wal_size": "4GB",
        # An archive that is not written holds back so much; then it is broken, and said to be,
        # rather than the disk full and nobody paid.
        "max_slot_wal_keep_size": "8GB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "wal_buffers": "16MB",
        # wal_compression stays off: the wheel has no lz4, and pglz costs more time than it saves.
        "jit": "off",
        "random_page_cost": "1.1",
        # A business's payout balance is updated at every commit: vacuum must come often and small.
        "autovacuum_naptime": "10s",
        "autovacuum_vacuum_scale_factor": "0.02",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_cost_limit": "2000",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "off",  # the keeper writes what comes by the pipe
        "log_destination": "stderr",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_lock_waits": "on",
        # DETAIL lines would show people's data, such as the address that is there already.
        "log_error_verbosity": "terse",
    }
