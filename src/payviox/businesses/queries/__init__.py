"""The SQL of businesses."""
