"""The first schema: see 0001_core.sql."""

from payviox.db.migrations.plain import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql("0001_core.sql")
