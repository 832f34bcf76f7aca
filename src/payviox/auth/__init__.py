"""Who is calling: API keys, payout hashes, operators' passwords, and the keys they derive from."""
