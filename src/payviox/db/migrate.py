"""Bringing a database to this version's schema, and refusing one that is not. Runs as the tables'
owner; the application itself connects as a lesser role and only checks."""

import contextlib
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

import procrastinate.schema
import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payviox.db import schema, session
from payviox.db.grants import GROUP_ROLE
from payviox.errors import SchemaInUse, SettingsError

HERE = Path(__file__).parent / "migrations"
OLDEST = 150_000
"""PostgreSQL 15, as `server_version_num` counts."""


def migrate(owner_url: str, application_url: str, *, to: str = "head") -> str:
    """Migrate to `to` (a revision, normally the newest) and grant the application its rights.

    `owner_url` connects as the tables' owner, `application_url` as the application. Answers the
    revision reached. Two commands at once wait for one another. Raises SchemaUnknown where the
    database is newer than this version, SchemaInUse where it is older and processes of Payviox are
    connected, SettingsError where the roles do not allow it.
    """
    with psycopg.connect(owner_url, autocommit=True, options=session.READ_ALIKE) as lock:
        _check_version(lock)
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


def application_url(owner_url: str, secret_key: str, previous: Sequence[str] = ()) -> str:
    """The application's own login beside an owner's URL, for installations that give only one URL.

    The login is made (or its password renewed) on the owner's connection; the password is derived
    from the installation's secret key, so nothing is to be kept. As long as a `previous` key's
    password works it is left alone: processes that know no other may still be running. Where the
    URL's role is already a lesser one, the URL itself is the answer. Raises SettingsError where the
    role may not make one.
    """
    with psycopg.connect(owner_url, autocommit=True, options=session.READ_ALIKE) as connection:
        _check_version(connection)
        row = connection.execute(
            "SELECT r.rolsuper, r.rolcreaterole, current_database(),"
            " coalesce(pg_has_role(c.relowner, 'USAGE'),"
            "          has_schema_privilege('public', 'CREATE'))"
            " FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('public.transfers')"
            " WHERE r.rolname = current_user"
        ).fetchone()
        if row is None:
            raise SettingsError("PAYVIOX_DATABASE_URL connects as a role that does not exist.")
        superuser, may_create, database, owner = row
        if not superuser and not owner:
            return owner_url
        if not superuser and not may_create:
            raise SettingsError(
                "PAYVIOX_DATABASE_URL connects as the tables' owner, who may not make the "
                "application's lesser role. As a superuser run: CREATE ROLE payviox_app; "
                "CREATE ROLE payviox_web LOGIN PASSWORD '…' IN ROLE payviox_app; then set "
                "PAYVIOX_DATABASE_URL to connect as payviox_web and PAYVIOX_MIGRATION_URL to "
                "connect as the owner."
            )
        login = f"payviox_web_{hashlib.sha256(str(database).encode()).hexdigest()[:8]}"
        for key in (secret_key, *previous):
            url = make_conninfo(owner_url, user=login, password=_password(key, database))
            if _lets_in(url):
                return url
        password = _password(secret_key, database)
        connection.execute("SELECT pg_advisory_lock(hashtext('payviox roles'))")
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login]).fetchone()
        verb = "ALTER" if exists else "CREATE"
        connection.execute(
            sql.SQL(f"{verb} ROLE {{}} LOGIN PASSWORD {{}}").format(
                sql.Identifier(login), sql.Literal(password)
            )
        )
    return make_conninfo(owner_url, user=login, password=password)


def _password(secret_key: str, database: object) -> str:
    purpose = f"database login {database}"
    return hmac.digest(secret_key.encode(), purpose.encode(), "sha256").hex()


def _lets_in(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.OperationalError:
        return False
    return True


def _check_version(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    if connection.info.server_version < OLDEST:
        raise SettingsError(
            f"PostgreSQL {connection.info.server_version // 10_000} is too old: 15 to 18 work."
        )


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
