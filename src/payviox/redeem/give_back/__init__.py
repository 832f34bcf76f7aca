"""Giving a part of the money back to whoever sent it."""
