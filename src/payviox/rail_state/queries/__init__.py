"""The SQL of rail state."""
