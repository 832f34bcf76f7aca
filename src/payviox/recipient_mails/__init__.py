"""What payout users are told by mail: in whose name, of what, and what each message says."""
