"""Joining an organization by an invitation's link."""
