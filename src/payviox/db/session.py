"""What every session of ours says, whatever the environment, the server or the database say."""

import os
from collections.abc import Mapping
from typing import Any

READ_ALIKE = (
    "-c timezone=UTC -c datestyle=ISO,MDY -c intervalstyle=postgres -c client_encoding=UTF8"
    " -c bytea_output=hex -c standard_conforming_strings=on -c search_path=public,pg_temp"
    " -c quote_all_identifiers=off"
)
"""Options for libpq: how values are written, and where names are looked up."""

CONNECT_S = 5
"""A server that does not answer a new connection in so many seconds is asked anew, or the next of
the URL's."""
SILENCE_S = 15
"""A connection whose server has gone without a word is given up after so many seconds."""

LINK: Mapping[str, Any] = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": SILENCE_S // 3,
    "keepalives_interval": SILENCE_S // 3,
    "keepalives_count": 2,
    "tcp_user_timeout": SILENCE_S * 1000,
}
"""Parameters for libpq of every connection that lasts."""

_OF_SESSIONS = ("PGTZ", "PGDATESTYLE", "PGCLIENTENCODING", "PGOPTIONS", "PGGEQO")
"""libpq sends these in its first packet, which wins over options."""


def forget_environment(*, embedded: bool) -> None:
    """Drop libpq's variables from this process's environment: all of them for the embedded server,
    whose URL says everything; else those that change a session."""
    for name in tuple(os.environ):
        if name in _OF_SESSIONS or (embedded and name.startswith("PG")):
            del os.environ[name]
