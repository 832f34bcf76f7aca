"""The SQL of rail accounts."""
