"""The SQL of ledger."""
