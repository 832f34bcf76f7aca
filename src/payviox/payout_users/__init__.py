"""Payout users: who they are (an email address), whether they may act, and their hash's generation."""
