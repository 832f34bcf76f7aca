"""`payviox demo`: the product with a seeded business to play with."""
