"""The command line: one file a command group. Commands read settings, open the database and call
services; rules and SQL are on the floors below."""
