"""Allocating money to people by email, in groups that share one commit, and taking it back."""
