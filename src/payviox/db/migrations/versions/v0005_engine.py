"""What a fast, distributed, sealed engine needs of the tables: see 0005_*.sql."""

from payviox.db.migrations.plain import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql("0005_seals.sql")
