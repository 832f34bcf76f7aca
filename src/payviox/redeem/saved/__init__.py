"""Saved destinations, and what goes there by itself."""
