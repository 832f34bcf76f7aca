"""The demo's mail server, and pages on which its mails are read."""
