"""Gift cards from stock: imported by the operator, delivered by a rail of our own."""
