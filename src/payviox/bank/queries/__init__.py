"""The room's SQL."""
