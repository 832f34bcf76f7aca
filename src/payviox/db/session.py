"""What every session of ours says, whatever the environment, the server or the database say."""

import os

READ_ALIKE = (
    "-c timezone=UTC -c datestyle=ISO,MDY -c intervalstyle=postgres -c client_encoding=UTF8"
    " -c bytea_output=hex -c standard_conforming_strings=on -c search_path=public,pg_temp"
)
"""Options for libpq: how values are written, and where names are looked up."""

_OF_SESSIONS = ("PGTZ", "PGDATESTYLE", "PGCLIENTENCODING", "PGOPTIONS", "PGGEQO")
"""libpq sends these in its first packet, which wins over options."""


def forget_environment(*, embedded: bool) -> None:
    """Drop libpq's variables from this process's environment: all of them for the embedded server,
    whose URL says everything; else those that change a session."""
    for name in tuple(os.environ):
        if name in _OF_SESSIONS or (embedded and name.startswith("PG")):
            del os.environ[name]
