"""What can go wrong with the embedded server, said so that its reader knows what to do."""

OWN_SERVER = "Or set PAYVIOX_DATABASE_URL to use a PostgreSQL (15 to 18) of your own."


class EmbeddedError(Exception):
    """The embedded server cannot be used; the message says why and what to do."""


class AlreadyServing(EmbeddedError):
    """Another `serve` runs on the same folder; the message names its pid."""
