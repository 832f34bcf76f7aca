"""Keeping house: what the worker does by the clock, and rotating secret keys."""
