"""Sending orders: claiming them, calling their rails, recording the answers."""
