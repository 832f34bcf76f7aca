"""The stock of gift cards."""
