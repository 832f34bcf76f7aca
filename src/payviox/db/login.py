"""The application's own login on a server of the operator's. What migrates is not needed for it,
and takes longer to import than most commands take to run."""

import hashlib
import hmac
from collections.abc import Sequence

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from payviox.db import session
from payviox.errors import SettingsError

OLDEST = 150_000
"""PostgreSQL 15, as `server_version_num` counts."""


def application_url(owner_url: str, secret_key: str, previous: Sequence[str] = ()) -> str:
    """The application's own login beside an owner's URL, for installations that give only one URL.

    The login is made (or its password renewed) on the owner's connection; the password is derived
    from the installation's secret key, so nothing is to be kept. As long as a `previous` key's
    password works it is left alone: processes that know no other may still be running. Where the
    URL's role is already a lesser one, the URL itself is the answer. Raises SettingsError where the
    role may not make one.
    """
    with psycopg.connect(owner_url, autocommit=True, options=session.READ_ALIKE) as connection:
        check_version(connection)
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


def check_version(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Raise SettingsError for a server that is too old."""
    if connection.info.server_version < OLDEST:
        raise SettingsError(
            f"PostgreSQL {connection.info.server_version // 10_000} is too old: 15 to 18 work."
        )
