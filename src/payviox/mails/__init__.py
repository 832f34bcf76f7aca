"""Mails: an outbox written beside what they tell of, their rendering, and sending them."""
