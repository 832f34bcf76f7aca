"""Allocating: to one person, or to everybody in a file."""
