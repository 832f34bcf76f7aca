"""The SQL of mails."""
