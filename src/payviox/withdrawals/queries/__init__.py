"""The SQL of quotes, orders, attempts and the sandbox's books."""
