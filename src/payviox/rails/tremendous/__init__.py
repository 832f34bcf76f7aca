"""Gift cards and prepaid cards by Tremendous, each business with an account of its own."""
