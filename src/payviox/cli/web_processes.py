"""How many web processes `payviox serve` runs."""

import logging

from payviox import machine
from payviox.db import connections
from payviox.errors import SettingsError
from payviox.settings import Settings
from payviox.web.processes import OF_SEVERAL

logger = logging.getLogger(__name__)

CORES_OF_ONE = 2
"""Cores of the machine for each process: PostgreSQL, the worker and a proxy need theirs, and where
all are busy another process made allocations slower (docs/performance.md)."""
MEMORY_OF_ONE = 512 * 2**20
"""Bytes of the machine for each process: it takes about 160 MB, and more while long bodies are
decoded; PostgreSQL and the worker need theirs."""
OTHERS = 48
"""Connections for the worker, and for commands."""


def how_many(settings: Settings, url: str) -> int:
    """The number that is set, else one for every two cores, as far as memory and the database's
    connections go. Raises SettingsError where as many as are set need more connections than the
    database at `url` allows."""
    allowed = connections.allowed(url)
    # While they are replaced there is one more.
    fitting = max((allowed - OTHERS) // OF_SEVERAL.most - 1, 1)
    wanted = settings.web_processes
    if wanted is not None:
        if wanted > fitting:
            raise SettingsError(
                f"PAYVIOX_WEB_PROCESSES is {wanted}. Each, and one more during a reload, may open"
                f" {OF_SEVERAL.most} connections to the database, the worker and commands {OTHERS},"
                f" and it allows {allowed}: lower it to {fitting}, or raise the database's"
                " max_connections."
            )
        return wanted
    cores = machine.cores()
    for_cores = max(cores // CORES_OF_ONE, 1)
    chosen = max(min(for_cores, machine.memory_bytes() // MEMORY_OF_ONE, fitting), 1)
    if chosen < for_cores:
        logger.info(
            "%d web processes on %d cores: memory or connections go no further", chosen, cores
        )
    return chosen
