"""What businesses asked of the API: kept for some days, to look at."""
