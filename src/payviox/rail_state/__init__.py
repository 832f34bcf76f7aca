"""What rails must remember in our database: wallets' nonces, catalogues, sandbox books."""
