"""The SQL of idempotency."""
