"""Which schema a database is at: asked by every command before its work, so without the weight of
what migrates (migrate.py).
"""

from pathlib import Path

import psycopg

from payviox.db import session
from payviox.errors import SchemaUnknown, SettingsError

VERSIONS = Path(__file__).parent / "migrations" / "versions"


def revisions() -> list[str]:
    """Every schema that this version knows, oldest first: the numbers of `v0001_name.py`."""
    return sorted(path.name[1:].partition("_")[0] for path in VERSIONS.glob("v*_*.py"))


def newest() -> str:
    """This version's schema."""
    return revisions()[-1]


def current(url: str) -> str | None:
    """The revision that the database is at, None where this role sees no schema. Raises
    SettingsError where it is a worker of a cluster."""
    with psycopg.connect(url, connect_timeout=10, options=session.READ_ALIKE) as connection:
        try:
            row = connection.execute("SELECT version_num FROM payviox_schema").fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
            connection.rollback()
            _refuse_worker(connection)
            return None
    return str(row[0]) if row else None


def _refuse_worker(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Refuse a Citus worker: it would number transfers apart from the coordinator
    (docs/decisions/0049)."""
    extension = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'citus'")
    if extension.fetchone() is None:
        return
    worker = connection.execute("SELECT 1 FROM pg_dist_local_group WHERE groupid <> 0")
    if worker.fetchone() is not None:
        raise SettingsError(
            "The database is a worker of a Citus cluster. Name the cluster's coordinator in"
            " PAYVIOX_DATABASE_URL and PAYVIOX_MIGRATION_URL."
        )


def check_known(revision: str) -> None:
    """Refuse a schema that is newer than this version, saying what to do."""
    if revision not in revisions():
        raise SchemaUnknown(
            f"The database is at schema {revision}, which this version (newest: {newest()}) does"
            " not know. It was made by a newer Payviox: install that version again. Nothing was"
            " changed."
        )


def check(url: str) -> None:
    """Refuse an external database whose schema is not exactly this version's, saying what to do."""
    revision = current(url)
    if revision == newest():
        return
    if revision is None:
        raise SchemaUnknown(
            "The database has no Payviox schema yet. Run `payviox migrate`, or start with "
            "`payviox serve --migrate`."
        )
    check_known(revision)
    raise SchemaUnknown(
        f"The database is at schema {revision}, this version needs {newest()}. Make a backup, then "
        "run `payviox migrate`, or start with `payviox serve --migrate`."
    )


def is_in_use(owner_url: str) -> bool:
    """Whether the database has businesses or operators."""
    with psycopg.connect(owner_url, options=session.READ_ALIKE) as connection:
        try:
            row = connection.execute(
                "SELECT EXISTS (SELECT FROM businesses) OR EXISTS (SELECT FROM operators)"
            ).fetchone()
        except psycopg.errors.UndefinedTable:
            return False
    return bool(row and row[0])
