"""Requests seen before: their keys, digests and what their first answer is rendered from."""
