"""For payout users who come often: destinations they saved, and withdrawals that happen by
themselves."""
