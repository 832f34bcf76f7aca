"""What other currencies are worth in US dollars: who says it, and until when that counts."""
