"""Payviox: a self-hosted payout platform, wire-compatible with the Payviox Payout API."""

__version__ = "0.1.0"
