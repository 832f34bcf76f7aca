"""Payout users: who they are (an email address), whether they may act, their hash's generation."""
