"""The two balances, money between them, and the statement."""
