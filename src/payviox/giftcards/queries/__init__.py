"""The SQL of giftcards."""
