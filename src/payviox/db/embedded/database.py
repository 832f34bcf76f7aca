"""Connecting to the embedded server: its URLs, whether it answers, and the database in it."""

from urllib.parse import quote

import psycopg
from psycopg import sql

from payviox.db import session
from payviox.db.embedded import server
from payviox.db.embedded.errors import OWN_SERVER, EmbeddedError
from payviox.db.embedded.layout import Layout


def urls(layout: Layout, database: str) -> dict[str, str]:
    """URLs for libpq of a database by role, passwords included. Raises EmbeddedError."""
    secrets = layout.read_secrets()
    if secrets is None:
        raise EmbeddedError(f"{layout.secrets} has gone. End all commands and start again.")
    folder = quote(str(layout.socket_folder()), safe="")
    # The port too, or libpq would take it from PGPORT.
    place = f"/{quote(database, safe='')}?host={folder}&port=5432"
    passwords = {server.ADMIN: secrets.admin, server.OWNER: secrets.owner, server.WEB: secrets.web}
    return {role: f"postgresql://{role}:{word}@{place}" for role, word in passwords.items()}


def refusal(layout: Layout) -> str | None:
    """Connect with a password and select something: None if that works, else what libpq says."""
    try:
        with _connect(layout) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        return str(error)
    return None


def ensure(layout: Layout, database: str) -> None:
    """Make a database that only our roles may enter; nobody enters before that is so.

    Raises EmbeddedError.
    """
    try:
        with _connect(layout) as connection:
            _ensure(connection, database)
    except psycopg.Error as error:
        raise EmbeddedError(f"Cannot make database {database}: {error}. {OWN_SERVER}") from error


def recreate(layout: Layout, database: str) -> None:
    """Empty a database, whoever is connected to it. Raises EmbeddedError."""
    try:
        with _connect(layout) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
            )
            _ensure(connection, database)
    except psycopg.Error as error:
        raise EmbeddedError(f"Cannot empty database {database}: {error}. {OWN_SERVER}") from error


def _connect(layout: Layout) -> psycopg.Connection[tuple[object, ...]]:
    url = urls(layout, "postgres")[server.ADMIN]
    return psycopg.connect(url, autocommit=True, connect_timeout=10, options=session.READ_ALIKE)


def _ensure(connection: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    wanted = "SELECT datallowconn FROM pg_database WHERE datname = %s"
    if connection.execute(wanted, [database]).fetchone() == (True,):
        return
    names = {
        "database": sql.Identifier(database),
        "owner": sql.Identifier(server.OWNER),
        "application": sql.Identifier(server.APPLICATION),
    }
    connection.execute("SELECT pg_advisory_lock(7236451)")  # until the connection ends
    if connection.execute(wanted, [database]).fetchone() is None:
        create = sql.SQL("CREATE DATABASE {database} OWNER {owner} ALLOW_CONNECTIONS false")
        connection.execute(create.format(**names))
    with connection.transaction():
        for statement in (
            sql.SQL("REVOKE ALL ON DATABASE {database} FROM PUBLIC"),
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {application}"),
            sql.SQL("ALTER DATABASE {database} ALLOW_CONNECTIONS true"),
        ):
            connection.execute(statement.format(**names))
