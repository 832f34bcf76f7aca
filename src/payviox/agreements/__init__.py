"""Doing what waited for a second person, of whichever room it is."""
