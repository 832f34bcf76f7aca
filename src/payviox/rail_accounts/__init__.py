"""A business's own accounts at rails: their credentials, what they sell, what they tell us."""
