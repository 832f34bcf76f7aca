"""The web processes that serve one port together: which of them this one is, and what it tells the
process that started them all."""

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

from payviox.db.pool import CALLERS

PULSE_S = 1.0
"""A process whose event loop turns says so as often."""
SERVES, READY = b".", b"!"
"""What a process says on its pulse: that its event loop turns; once, that it can do its work."""


@dataclass(frozen=True, slots=True)
class Pools:
    """How many connections to PostgreSQL a process opens at most, by what they are for."""

    writers: int
    engine: int
    readers: int

    @property
    def most(self) -> int:
        """All of them, with those that look up who calls and the one that live pages follow."""
        return self.writers + self.engine + self.readers + CALLERS + 1


OF_ONE = Pools(writers=12, engine=8, readers=6)
OF_SEVERAL = Pools(writers=6, engine=4, readers=3)
"""Two have as many as one that is alone."""


@dataclass(frozen=True, slots=True)
class WebProcess:
    """One web process's place: its number, from 1, and how many there are. By itself it is the only
    one and listens on a socket of its own."""

    number: int = 1
    together: int = 1
    listener: int | None = None
    """The descriptor of the socket from which it takes connections."""
    pulse: int | None = None
    """The descriptor to which SERVES is written each second, first when it does, and READY."""
    metrics: str | None = None
    """The folder in which all keep what they count."""

    @classmethod
    def read(cls, text: str) -> Self:
        """What `write` wrote."""
        return cls(**json.loads(text))

    def write(self) -> str:
        """As an argument of a command line."""
        return json.dumps(asdict(self))

    @property
    def pools(self) -> Pools:
        """The connections that it may open: fewer where there are others."""
        return OF_ONE if self.together == 1 else OF_SEVERAL

    @property
    def descriptors(self) -> list[int]:
        """What the process inherits."""
        return [number for number in (self.listener, self.pulse) if number is not None]

    def share(self, most: int) -> int:
        """This process's part of what all may do at once, at least one."""
        return max(most // self.together, 1)

    async def beat(self, every: Callable[[], object]) -> None:
        """Call `every` and say that this process serves, each second until cancelled."""
        while True:
            every()
            say(self.pulse, SERVES)
            await asyncio.sleep(PULSE_S)


def say(pulse: int | None, what: bytes) -> None:
    """Tell the parent, if there is one."""
    if pulse is not None:
        with suppress(OSError):  # its reader has gone, or has long not read
            os.write(pulse, what)


ALONE = WebProcess()
"""A process that serves its port by itself."""
