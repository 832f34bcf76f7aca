"""What open pages are told."""
