"""The dashboard's tables: who may sign in and how, and what pages need: see 0004_*.sql."""

from payviox.db.migrations.plain import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql("0004_dashboard.sql")
    run_sql("0004_factors.sql")
    run_sql("0004_team.sql")
    run_sql("0004_uploads.sql")
    run_sql("0004_requests.sql")
    run_sql("0004_approvals.sql")
    run_sql("0004_live.sql")
    run_sql("0004_recipient_mails.sql")
    run_sql("0004_gift_cards.sql")
    run_sql("0004_redemption.sql")
    run_sql("0004_unclaimed.sql")
    run_sql("0004_codes.sql")
    run_sql("0004_sites.sql")
    run_sql("0004_destinations.sql")
    run_sql("0004_search.sql")
    run_sql("0004_operator_mails.sql")
    run_sql("0004_logos.sql")
