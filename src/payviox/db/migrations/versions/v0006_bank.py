"""Payouts to bank accounts, and what goes with them: see the files named 0006."""

from payviox.db.migrations.plain import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql("0006_bank.sql")
    run_sql("0006_rates.sql")
    run_sql("0006_keys.sql")
    run_sql("0006_taxes.sql")
