"""The double-entry ledger: accounts, transfers and their invariants. Amounts are US cents."""
