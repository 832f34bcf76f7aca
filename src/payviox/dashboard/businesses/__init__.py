"""Which business to look at."""
