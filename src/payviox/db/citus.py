"""Spreading the database over the nodes of a Citus cluster: what a business has stands on one node
(docs/decisions/0049). Done by the tables' owner, once everything is migrated."""

from typing import Any, LiteralString

import psycopg
from psycopg import sql

from payviox.db import session
from payviox.db.grants import GROUP_ROLE
from payviox.errors import SettingsError

REFERENCE = (
    "organizations",
    "businesses",
    "operators",
    "memberships",
    "api_keys",
    "secret_keys",
    "sites",
    "evm_wallet_owners",
)
"""Small tables that stand on every node. Every other whose keys all have the `business_id` is
distributed by it; the rest, which is the installation's own, stays at the coordinator."""

Connection = psycopg.Connection[tuple[Any, ...]]

_OPTIONS = (
    f"{session.READ_ALIKE} -c citus.enable_unsafe_triggers=on"
    " -c citus.multi_shard_modify_mode=sequential -c citus.shard_replication_factor=1"
)
"""Our triggers refuse changes of their own row and do nothing else, so that they are as safe on a
shard; tables that refer to one another are distributed in one transaction one by one."""


def distribute(owner_url: str) -> int:
    """Distribute each table that is not yet, grant the application its rights on every node, and
    answer how many tables were distributed now: all or none. Nobody uses the database meanwhile, as
    the tables are locked.

    Raises SettingsError where the cluster is not set up for it, saying what to do.
    """
    with psycopg.connect(owner_url, autocommit=True, options=session.READ_ALIKE) as connection:
        _check(connection)
    with psycopg.connect(owner_url, autocommit=True, options=_OPTIONS) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('payviox migrate'))")
        _let_insert_into_shards(connection)
        with connection.transaction():
            tables = _not_yet(connection)
            keys = _foreign_keys(connection) if tables else []
            for table, name, _ in keys:
                _alter(connection, table, name, "DROP CONSTRAINT {}")
            for table in tables:
                _distribute(connection, table)
            for table, name, definition in keys:
                _alter(connection, table, name, f"ADD CONSTRAINT {{}} {definition}")
        _let_insert_into_placements(connection)
    return len(tables)


def is_distributed(owner_url: str) -> bool:
    """Whether what businesses have is spread over nodes."""
    with psycopg.connect(owner_url, autocommit=True, options=session.READ_ALIKE) as connection:
        return bool(_rows(connection, _EXTENSION) and _rows(connection, _DISTRIBUTED))


_EXTENSION = "SELECT FROM pg_extension WHERE extname = 'citus'"
_DISTRIBUTED = "SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass('public.accounts')"
_LACKING = """
SELECT string_agg(name, ', ') FROM (VALUES ({}), ({})) wanted(name) WHERE to_regrole(name) IS NULL
"""
_NOT_SET = """
SELECT string_agg(name, ', ') FROM (VALUES
  ('max_prepared_transactions', current_setting('max_prepared_transactions')::integer > 0),
  ('lock_timeout', current_setting('lock_timeout') <> '0')
) needed(name, is_set) WHERE NOT is_set
"""
"""A transaction of several nodes is prepared, and workers do not hear of a session's lock_timeout.
What else is needed only a superuser reads (docs/operating.md)."""


def _check(connection: Connection) -> None:
    if not _rows(connection, _EXTENSION):
        raise SettingsError(
            "The database has no extension citus. Install Citus on every node, and in this database"
            " of each, as a superuser, run: CREATE EXTENSION citus; then at the coordinator:"
            " SELECT citus_set_coordinator_host('…'); SELECT citus_add_node('…', 5432);"
            " Nothing was distributed."
        )
    if not _rows(connection, "SELECT FROM pg_dist_node WHERE isactive AND shouldhaveshards"):
        raise SettingsError(
            "The cluster has no node that takes businesses. As a superuser run at the coordinator:"
            " SELECT citus_add_node('…', 5432); Nothing was distributed."
        )
    lacking = sql.SQL(_LACKING).format(connection.info.user, GROUP_ROLE).as_string(connection)
    for node, success, result in _rows(connection, _ON_WORKERS, [lacking]):
        if not success:
            raise SettingsError(
                f"The coordinator does not get into {node} as {connection.info.user}: {result}. It"
                " connects to workers as the role of each session: let the tables' owner and the"
                " application in there (pg_hba.conf, pg_dist_authinfo). Nothing was distributed."
            )
        if result:
            raise SettingsError(
                f"{node} lacks {result}. Make there the roles that are at the coordinator, as a"
                " superuser: CREATE ROLE …; Nothing was distributed."
            )
    for node, _, result in _rows(connection, _ON_WORKERS, [_NOT_SET]):
        if result:
            raise SettingsError(
                f"{node} needs other settings: {result}. Set them there (ALTER SYSTEM SET … = …)"
                " and restart it; docs/operating.md says to what. Nothing was distributed."
            )


def _not_yet(connection: Connection) -> list[str]:
    """The tables to distribute: first those on every node, then those that others stand beside."""
    found = _rows(
        connection,
        """
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND (c.relname = ANY(%(reference)s) OR (
            SELECT bool_and(a.attnum = ANY(i.indkey))
            FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisunique
            WHERE a.attrelid = c.oid AND a.attname = 'business_id' AND NOT a.attisdropped))
          AND NOT EXISTS (SELECT FROM pg_dist_partition d WHERE d.logicalrelid = c.oid
                          AND (d.partmethod = 'h' OR d.repmodel = 't'))
        ORDER BY c.relname = ANY(%(reference)s) DESC, c.relname = 'accounts' DESC, 1
        """,
        {"reference": list(REFERENCE)},
    )
    return [name for (name,) in found]


def _distribute(connection: Connection, table: str) -> None:
    if table in REFERENCE:
        connection.execute("SELECT create_reference_table(%s::regclass)", [table])
        return
    beside = "none" if table == "accounts" else "accounts"
    connection.execute(
        "SELECT create_distributed_table(%s::regclass, 'business_id', colocate_with => %s)",
        [table, beside],
    )


def _foreign_keys(connection: Connection) -> list[tuple[Any, ...]]:
    """Each foreign key's table, name and definition. A table cannot be distributed while another
    refers to it that is not."""
    return _rows(
        connection,
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conparentid = 0"
        " AND NOT starts_with(conrelid::regclass::text, 'procrastinate') ORDER BY 1, 2",
    )


def _alter(connection: Connection, table: str, name: str, change: str) -> None:
    statement = sql.SQL(f"ALTER TABLE {{}} {change}")
    connection.execute(statement.format(sql.Identifier(table), sql.Identifier(name)))


_ON_WORKERS = (
    "SELECT nodename || ':' || nodeport, success, nullif(result, '')"
    " FROM run_command_on_workers(%s)"
)
_ON_PLACEMENTS = (
    "SELECT nodename || ':' || nodeport, success, result"
    " FROM run_command_on_placements(%s::regclass, %s)"
)


def _let_insert_into_shards(connection: Connection) -> None:
    """The coordinator adds to a new row what the database says of it, as its time; so the
    application inserts whole rows into shards, and only there. As a default of the workers, it also
    holds for what the tables' owner moves or splits, and for the shards of a node that comes
    later."""
    default = f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT ON TABLES TO {GROUP_ROLE}"
    for node, success, result in _rows(connection, _ON_WORKERS, [default]):
        if not success:
            raise SettingsError(f"{node} refused: {result}. Nothing was distributed.")


def _let_insert_into_placements(connection: Connection) -> None:
    """Also at the coordinator, which has a copy of each reference table and keeps as shards the
    tables that refer to those, and into shards that somebody else than the owner has split."""
    for (table,) in _rows(
        connection,
        "SELECT logicalrelid::text FROM pg_dist_partition"
        " WHERE has_any_column_privilege(%s, logicalrelid, 'INSERT')",
        [GROUP_ROLE],
    ):
        for node, success, result in _rows(
            connection, _ON_PLACEMENTS, [table, f"GRANT INSERT ON %s TO {GROUP_ROLE}"]
        ):
            if not success:
                raise SettingsError(f"{node} refused: {result}. Run this again.")


def _rows(
    connection: Connection, statement: LiteralString, parameters: Any = None
) -> list[tuple[Any, ...]]:
    return connection.execute(statement, parameters).fetchall()
