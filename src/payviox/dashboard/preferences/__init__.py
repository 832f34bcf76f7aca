"""What a person chose for this browser."""
