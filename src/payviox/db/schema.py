"""Which schema a database is at: asked by every command before its work, so without the weight of
what migrates (migrate.py).
"""

from pathlib import Path

import psycopg

VERSIONS = Path(__file__).parent / "migrations" / "versions"


def newest() -> str:
    """This version's schema: the last of `v0001_name.py`, whose number is its revision."""
    return max(path.name[1:].partition("_")[0] for path in VERSIONS.glob("v*_*.py"))


def current(url: str) -> str | None:
    """The revision that the database is at, None where this role sees no schema."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        try:
            row = connection.execute("SELECT version_num FROM payviox_schema").fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
            return None
    return str(row[0]) if row else None
