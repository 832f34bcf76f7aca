"""Tremendous v2: orders, rewards, products, funding sources and webhooks. Amounts are US cents."""
