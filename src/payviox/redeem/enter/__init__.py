"""Coming in by a link, and going."""
