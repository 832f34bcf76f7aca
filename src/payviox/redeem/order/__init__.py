"""One withdrawal: how it goes, its receipt, its gift card's code, taking it back."""
