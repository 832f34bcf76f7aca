"""A Citus cluster for tests: every test database stands on all its nodes, and is distributed."""

import contextlib
import os
from collections.abc import Iterator, Sequence

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from payviox.db import citus
from support.databases import Server, Urls, prepared

CLUSTER = "PAYVIOX_TEST_CITUS_URL"
"""A superuser's URL of a coordinator's database that has the extension and knows its workers, which
let the same superuser, and the roles of the tests, in without a password."""

one_server = pytest.mark.skipif(
    CLUSTER in os.environ, reason="it puts triggers of its own on a table, or ours out of force"
)
one_servers_plans = pytest.mark.skipif(
    CLUSTER in os.environ, reason="a cluster's plan says what each node is asked, and no more"
)


class Cluster(Server):
    """A coordinator with its workers; each database is made on all of them."""

    def __init__(self, maintenance: Urls, workers: Sequence[tuple[str, int]]) -> None:
        super().__init__(maintenance)
        self._addresses = workers
        self._workers = [Server(_at(maintenance, *address)) for address in workers]

    def _migrate(self, urls: Urls) -> None:
        super()._migrate(urls)
        citus.distribute(urls.owner)

    def _create(self, name: str, template: str | None) -> str:
        for worker in self._workers:
            _make(worker, name, template)
        _make(self, name, template)
        if template is None:
            for node in (*self._workers, self):
                with node._maintenance.on(name).as_admin() as connection:
                    connection.execute("CREATE EXTENSION citus")
            self._add_nodes(name)
        return name

    def _add_nodes(self, name: str) -> None:
        with self._maintenance.on(name).as_admin() as connection:
            info = connection.info
            connection.execute("SELECT citus_set_coordinator_host(%s, %s)", [info.host, info.port])
            for address in self._addresses:
                connection.execute("SELECT citus_add_node(%s, %s)", address)

    def _drop(self, name: str) -> None:
        super()._drop(name)
        for worker in self._workers:
            worker._drop(name)


def nodes_of(urls: Urls) -> list[str]:
    """A superuser's URL of the database at the coordinator, and at each worker."""
    with urls.as_admin() as connection:
        workers = connection.execute(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 ORDER BY groupid"
        ).fetchall()
    return [urls.admin, *(_at(urls, str(host), int(str(port))).admin for host, port in workers)]


def _at(urls: Urls, host: str, port: int) -> Urls:
    application, owner, admin = (
        make_conninfo(url, host=host, port=port)
        for url in (urls.application, urls.owner, urls.admin)
    )
    alone = "-c citus.enable_ddl_propagation=off"  # what is done there is done there only
    return Urls(application, owner, make_conninfo(admin, options=alone))


def _make(node: Server, name: str, template: str | None) -> None:
    """A copy of the template, which Citus's own connections leave first."""
    while True:
        if template is not None:
            with node._maintenance.as_admin() as connection:
                connection.execute(
                    sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(
                        sql.Identifier(template)
                    )
                )
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = %s",
                    [template],
                )
        try:
            Server._create(node, name, template)
        except psycopg.errors.ObjectInUse:
            continue
        return


@contextlib.contextmanager
def cluster(url: str) -> Iterator[Cluster]:
    """The cluster whose coordinator this URL names."""
    maintenance = prepared(url)
    with maintenance.as_admin() as connection:
        workers = connection.execute(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 ORDER BY groupid"
        ).fetchall()
    running = Cluster(maintenance, [(str(host), int(str(port))) for host, port in workers])
    try:
        yield running
    finally:
        running.close()
