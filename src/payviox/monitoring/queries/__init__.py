"""The SQL of monitoring."""
