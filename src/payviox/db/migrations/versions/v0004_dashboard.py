"""Memberships, sessions and attempts to sign in: see 0004_dashboard.sql."""

from payviox.db.migrations.plain import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql("0004_dashboard.sql")
