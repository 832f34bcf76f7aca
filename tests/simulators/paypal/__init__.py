"""PayPal: Payouts v1, its token, balances and webhooks. Amounts are US cents."""
