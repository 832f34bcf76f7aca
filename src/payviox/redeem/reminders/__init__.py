"""Stopping reminders, from a mail program."""
