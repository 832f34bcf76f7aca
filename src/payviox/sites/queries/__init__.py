"""The SQL of where redemption pages live."""
