"""The SQL of reading across rooms."""
