"""The SQL of what is collected for mails."""
