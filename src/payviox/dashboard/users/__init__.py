"""Payout users: found, looked at, paid, switched, taken back from."""
