"""The SQL of tax facts."""
