"""The SQL of mails to operators."""
