"""Payout orders: lists, one order, decisions."""
