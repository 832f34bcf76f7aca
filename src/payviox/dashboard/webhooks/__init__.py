"""Where events go, which, and the token that signs them."""
