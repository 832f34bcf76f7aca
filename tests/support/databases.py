"""A PostgreSQL server for tests and databases in it: copies of one migrated template."""

import contextlib
import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payviox.db import migrate
from payviox.db.embedded import cluster, embedded

EXTERNAL = "PAYVIOX_TEST_DATABASE_URL"
"""A superuser's URL of a server to test against in place of the embedded one."""

OWNER, WEB = "payviox_test_owner", "payviox_test_web"
_PASSWORD = "only for tests"


@dataclass(frozen=True)
class Urls:
    """One database as the application, the tables' owner and a superuser see it."""

    application: str = field(repr=False)
    owner: str = field(repr=False)
    admin: str = field(repr=False)

    def on(self, name: str) -> "Urls":
        """The same three for another database of the server."""
        return Urls(
            *(make_conninfo(u, dbname=name) for u in (self.application, self.owner, self.admin))
        )

    def as_admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.admin, autocommit=True)


class Server:
    """A running server; `fresh()` answers a migrated database that nobody else uses."""

    def __init__(
        self, maintenance: Urls, template: str | None = None, *, waits_for_disk: bool = True
    ) -> None:
        """`template`: a migrated database that nobody uses, where there is one."""
        self._maintenance = maintenance
        self._template = template
        # Copying files takes a checkpoint before and after.
        self._strategy = sql.SQL("wal_log" if waits_for_disk else "file_copy")

    @contextlib.contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[Urls]:
        """A database of the caller's own, dropped afterwards whoever is still connected."""
        if migrated and self._template is None:
            self._template = self._create(f"payviox_template_{uuid.uuid4().hex[:12]}", None)
            self._migrate(self._maintenance.on(self._template))
        name = self._create(
            f"payviox_test_{uuid.uuid4().hex[:12]}", self._template if migrated else None
        )
        try:
            yield self._maintenance.on(name)
        finally:
            self._drop(name)

    def close(self) -> None:
        if self._template is not None:
            self._drop(self._template)

    def _migrate(self, urls: Urls) -> None:
        migrate.migrate(urls.owner, urls.application)

    def _create(self, name: str, template: str | None) -> str:
        owner = str(conninfo_to_dict(self._maintenance.owner)["user"])
        statement = "CREATE DATABASE {name} OWNER {owner} TEMPLATE {template} STRATEGY {strategy}"
        names = {
            "strategy": self._strategy,
            "name": sql.Identifier(name),
            "owner": sql.Identifier(owner),
            "template": sql.Identifier(template or "template1"),
        }
        with self._maintenance.as_admin() as connection:
            connection.execute(sql.SQL(statement).format(**names))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {name} FROM PUBLIC").format(**names))
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {name} TO payviox_app").format(**names)
            )
        if template is None:  # a copy has it already
            with self._maintenance.on(name).as_admin() as connection:
                connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {owner}").format(**names))
        return name

    def _drop(self, name: str) -> None:
        with self._maintenance.as_admin() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


@contextlib.contextmanager
def external(url: str) -> Iterator[Server]:
    """The server that a superuser's URL names."""
    made = Server(prepared(url))
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def embedded_server(home: Path) -> Iterator[Server]:
    """An embedded server with the keeper of support/quick_keeper, on a copy of support/homes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "_KEEPER", "support.quick_keeper")
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        with embedded(home, database="postgres") as running:
            patch.undo()
            urls = Urls(running.application_url, running.owner_url, running.admin_url)
            yield Server(urls, template="payviox", waits_for_disk=False)


def prepared(admin_url: str) -> Urls:
    """The roles of the tests on a server that is not ours, made once."""
    lock = int.from_bytes(hashlib.sha256(b"payviox tests").digest()[:4], "big")
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [lock])
        found = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        if "payviox_app" not in found:
            connection.execute("CREATE ROLE payviox_app NOLOGIN")
        for role, extra in ((OWNER, ""), (WEB, " IN ROLE payviox_app")):
            if role not in found:
                connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{_PASSWORD}'{extra}")
    return Urls(
        make_conninfo(admin_url, user=WEB, password=_PASSWORD),
        make_conninfo(admin_url, user=OWNER, password=_PASSWORD),
        admin_url,
    )
