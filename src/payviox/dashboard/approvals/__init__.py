"""What waits for a second person, and their word on it."""
