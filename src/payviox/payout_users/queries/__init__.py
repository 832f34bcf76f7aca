"""The SQL of payout users."""
