"""The SQL of auth."""
