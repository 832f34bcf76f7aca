"""The exit statuses of commands; 0 where all went well."""

FAILED = 1
"""The command was understood and refused, or failed."""

SET_UP_WRONG = 2
"""Wrong usage (click's own), settings or schema; repeating it will not help."""
