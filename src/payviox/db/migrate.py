"""Bringing a database to this version's schema, and refusing one that is not. Runs as the tables'
owner; the application itself connects as a lesser role and only checks."""

import contextlib
from pathlib import Path

import procrastinate.schema
import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from payviox.db import schema, session
from payviox.db.grants import GROUP_ROLE
from payviox.db.login import check_version
from payviox.errors import SchemaInUse, SettingsError

HERE = Path(__file__).parent / "migrations"


def migrate(owner_url: str, application_url: str, *, to: str = "head") -> str:
    """Migrate to `to` (a revision, normally the newest) and grant the application its rights.

    `owner_url` connects as the tables' owner, `application_url` as the application. Answers the
    revision reached. Two commands at once wait for one another. Raises SchemaUnknown where the
    database is newer than this version, SchemaInUse where it is older and processes of Payviox are
    connected, SettingsError where the roles do not allow it.
    """
    with psycopg.connect(owner_url, autocommit=True, options=session.READ_ALIKE) as lock:
        check_version(lock)
        _check_owner(lock)
        lock.execute("SELECT pg_advisory_lock(hashtext('payviox migrate'))")
        _make_group_role(lock)
        revision = schema.current(owner_url)
        if revision is not None:
            schema.check_known(revision)
            if revision != schema.newest():
                _check_alone(lock, revision)
        _run_alembic(owner_url, to)
        _migrate_jobs(lock)
        _limit_everybody(lock)
        user = conninfo_to_dict(application_url).get("user")
        if user:
            _grant_membership(lock, str(user))
    return schema.current(owner_url) or ""


def _check_owner(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Refuse a role that may neither change the tables nor, where there are none, make them."""
    row = connection.execute(
        "SELECT current_user, coalesce(pg_has_role(c.relowner, 'USAGE'),"
        " has_schema_privilege('public', 'CREATE')) FROM (SELECT 1) one"
        " LEFT JOIN pg_class c ON c.oid = to_regclass('public.transfers')"
    ).fetchone()
    if row is not None and not row[1]:
        raise SettingsError(
            f"The role {row[0]!r} may not change the schema: it is the application's, not the "
            "owner's. Set PAYVIOX_MIGRATION_URL to connect as the tables' owner (or in a new "
            "database as one who may create tables), and leave PAYVIOX_DATABASE_URL as it is. "
            "Nothing was changed."
        )


def _check_alone(connection: psycopg.Connection[tuple[object, ...]], revision: str) -> None:
    """Refuse while processes of the version before are connected: it does not know what comes."""
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'payviox%'"
    ).fetchone()
    if row is not None and row[0]:
        raise SchemaInUse(
            f"The database is at schema {revision} and Payviox still works on it, over {row[0]}"
            " connections: stop every `payviox serve`, `web` and `worker` first, also on other"
            f" machines, then migrate to {schema.newest()}. Nothing was changed."
        )


def _make_group_role(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    exists = connection.execute(
        "SELECT 1 FROM pg_roles WHERE rolname = %s", [GROUP_ROLE]
    ).fetchone()
    if exists:
        return
    try:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(GROUP_ROLE)))
    except psycopg.errors.DuplicateObject:
        return
    except psycopg.errors.InsufficientPrivilege as error:
        raise SettingsError(
            f"The role {GROUP_ROLE} is missing and may not be made by this connection. As a "
            f"superuser run: CREATE ROLE {GROUP_ROLE}; then try again."
        ) from error


def _grant_membership(connection: psycopg.Connection[tuple[object, ...]], user: str) -> None:
    member = connection.execute(
        "SELECT pg_has_role(rolname, %s, 'MEMBER') FROM pg_roles WHERE rolname = %s",
        [GROUP_ROLE, user],
    ).fetchone()
    if member is not None and not member[0]:
        try:
            connection.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(GROUP_ROLE), sql.Identifier(user))
            )
        except psycopg.errors.InsufficientPrivilege as error:
            raise SettingsError(
                f"The application's role lacks its rights. As a superuser run: "
                f"GRANT {GROUP_ROLE} TO {user};"
            ) from error


def _limit_everybody(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Take from everybody what no session of the application needs: tables of its own, which would
    stand before ours in a session that others use after it. Where another role owns the database or
    the schema this does nothing, and check_role says so."""
    for statement in (
        "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC, {role}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
    ):
        query = sql.SQL(statement).format(
            database=sql.Identifier(connection.info.dbname), role=sql.Identifier(GROUP_ROLE)
        )
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute(query)


def _migrate_jobs(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Procrastinate's own tables: its whole schema once, then its migrations by file name."""
    connection.execute("CREATE TABLE IF NOT EXISTS payviox_jobs_schema (file text PRIMARY KEY)")
    folder = Path(procrastinate.schema.SchemaManager.get_migrations_path())
    files = sorted(path.name for path in folder.glob("*.sql"))
    done = {row[0] for row in connection.execute("SELECT file FROM payviox_jobs_schema")}
    with connection.transaction():
        if not done:
            connection.execute(procrastinate.schema.SchemaManager.get_schema(), prepare=False)
        for name in files:
            if name in done:
                continue
            if done:
                connection.execute((folder / name).read_text(encoding="utf-8"), prepare=False)
            connection.execute("INSERT INTO payviox_jobs_schema VALUES (%s)", [name])
        connection.execute(_JOB_GRANTS)


_JOB_GRANTS = """
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
              WHERE schemaname = 'public' AND tablename LIKE 'procrastinate%' LOOP
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON ' || name || ' TO payviox_app';
  END LOOP;
  FOR name IN SELECT format('%I.%I', sequence_schema, sequence_name)
              FROM information_schema.sequences
              WHERE sequence_schema = 'public' AND sequence_name LIKE 'procrastinate%' LOOP
    EXECUTE 'GRANT USAGE ON ' || name || ' TO payviox_app';
  END LOOP;
  GRANT SELECT ON payviox_schema TO payviox_app;
END $$
"""


def _run_alembic(url: str, to: str) -> None:
    config = _config()
    with _engine(url).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        connection.commit()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    return config


def _engine(url: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, options=session.READ_ALIKE),
        poolclass=sqlalchemy.NullPool,
    )
