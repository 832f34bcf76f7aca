"""The SQL of allocations."""
