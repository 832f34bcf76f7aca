"""What tests share beyond fixtures: databases, businesses, real processes, and looks at the ledger."""
