"""The SQL of unclaimed money."""
