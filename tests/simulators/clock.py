"""The simulator's time, which can be advanced and hurried, and what is due at which time."""

import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass
class Clock:
    """Seconds since the epoch; `speed` simulated seconds pass in a real one."""

    speed: float = 1.0
    _shown: float = field(default_factory=time.time)
    _since: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        return self._shown + (time.monotonic() - self._since) * self.speed

    def advance(self, seconds: float) -> None:
        self._shown, self._since = self.now() + seconds, time.monotonic()

    def set_speed(self, speed: float) -> None:
        self._shown, self._since = self.now(), time.monotonic()
        self.speed = speed


@dataclass
class Agenda:
    """What happens by itself as time goes by, each at its time and in that order."""

    clock: Clock
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: "itertools.count[int]" = field(default_factory=itertools.count)
    _moment: float | None = None

    def now(self) -> float:
        """The time; to what happens by itself the time at which it was due."""
        return self.clock.now() if self._moment is None else self._moment

    def after(self, seconds: float, happening: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now() + seconds, next(self._count), happening))

    def run_due(self) -> None:
        """All that is due by now, and what follows from it."""
        while self._due and self._due[0][0] <= self.clock.now():
            self._moment, _, happening = heapq.heappop(self._due)
            try:
                happening()
            finally:
                self._moment = None


def text_of(moment: float) -> str:
    """RFC 3339, in UTC and whole seconds, as both vendors write it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
