"""The keeper of the embedded server, for the server of a test process: its databases are lost with
it, so it waits for no disk. What is committed outlives processes that are killed all the same."""

import sys

from payviox.db.embedded import keeper, server

_settings = server._settings


def _quick_settings(name: str) -> dict[str, str]:
    quick = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "512MB"}
    return {**_settings(name), **quick}


if __name__ == "__main__":
    server._settings = _quick_settings
    sys.exit(keeper.main(sys.argv[1]))
