"""The SQL of the API's requests."""
