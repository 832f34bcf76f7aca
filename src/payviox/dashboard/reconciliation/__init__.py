"""The latest comparisons with the rails, and the money that they could not explain."""
