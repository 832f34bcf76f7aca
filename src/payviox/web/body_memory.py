"""How many bytes of requests' bodies one process holds at once. Decoded, a body takes about six
times its size, so a few dozen of the largest would fill a small machine."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from payviox.errors import Busy


class BodyMemory:
    """At most `most` bytes at once, and `most_each` of them for one holder."""

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._held: dict[Hashable, int] = {}

    @property
    def held(self) -> int:
        """Bytes that are held now, over all holders."""
        return sum(self._held.values())

    @contextmanager
    def hold(self, holder: Hashable, size: int) -> Iterator[None]:
        """Hold so many bytes within the block. Raises Busy where that is more than there may be:
        who waited would keep what was read of the body meanwhile."""
        if (
            self.held + size > self._most
            or (already := self._held.get(holder, 0)) + size > self._most_each
        ):
            raise Busy
        self._held[holder] = already + size
        try:
            yield
        finally:
            self._held[holder] -= size
            if not self._held[holder]:
                del self._held[holder]
