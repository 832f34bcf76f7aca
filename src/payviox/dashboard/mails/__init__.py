"""Mails to payout users: what became of them, and sending them again."""
