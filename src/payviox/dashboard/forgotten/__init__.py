"""Choosing another password by a link that is sent by mail."""
