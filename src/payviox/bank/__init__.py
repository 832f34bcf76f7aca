"""Payouts to bank accounts: whose account is paid, the files that a bank takes, what it says."""
