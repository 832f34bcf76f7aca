"""Rail accounts, what rails tell us, and reconciliation: see 0002_rails.sql."""

from payviox.db.migrations.plain import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql("0002_rails.sql")
