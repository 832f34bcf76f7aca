"""The SQL of memberships."""
