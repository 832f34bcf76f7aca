"""Webhooks out: events, their signatures, the target guard and their delivery."""
