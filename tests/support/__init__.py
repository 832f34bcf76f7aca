"""What tests share beyond fixtures: databases, businesses, real processes, looks at ledgers."""
