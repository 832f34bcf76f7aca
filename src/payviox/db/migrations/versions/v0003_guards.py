"""Audit entries, rights by column, what a restore holds back: see the files named 0003."""

from payviox.db.migrations.plain import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql("0003_audit.sql")
    run_sql("0003_restore.sql")
    run_sql("0003_fairness.sql")
    run_sql("0003_rights.sql")
