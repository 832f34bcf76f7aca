"""What there is to take, and how."""
