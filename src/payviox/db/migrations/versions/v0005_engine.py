"""What the engine, its ledger and their keeping need: see the files named 0005."""

from payviox.db.migrations.plain import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql("0005_moments.sql")
    run_sql("0005_room.sql")
    run_sql("0005_seals.sql")
    run_sql("0005_distribution.sql")
    run_sql("0005_live.sql")
    run_sql("0005_traces.sql")
    run_sql("0005_watch.sql")
