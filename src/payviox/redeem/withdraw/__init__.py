"""From a way to take money to an order: what, where to, how much, and whether."""
