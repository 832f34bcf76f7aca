"""The SQL of audit."""
