"""How many connections the database allows."""

import psycopg

from payviox.db import session


def allowed(url: str) -> int:
    """Connections that this role may have at once, as the server, the database and the role are set
    up; others may share some of them. Raises psycopg.Error."""
    with psycopg.connect(url, options=session.READ_ALIKE) as connection:
        row = connection.execute(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
            " - coalesce(current_setting('reserved_connections', true)::int, 0),"
            " (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),"
            " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)"
        ).fetchone()
    return min(int(number) for number in row or () if number is not None and int(number) >= 0)
