"""How fast PayPal may be called for one account. A call that would have to wait is not made: its
caller is told when to come back."""

import time

from aiolimiter import AsyncLimiter

from payviox.rails.http import Answer

POSTS_PER_MINUTE = 400
"""PayPal's limit for POST calls of the Payouts API, for one account."""

BURST = 4
WINDOW_S = 20.0
"""A quarter of a minute's calls may be made at once and the rest over the minute, so that no minute
whatever sees more than the limit: N/4 at once and N/4 in each 20 s are N in any 60 s."""

DEFAULT_PAUSE_S, LONGEST_PAUSE_S = 30.0, 900.0


class RateLimited(Exception):
    """Not called, or refused, because there were too many calls."""

    def __init__(self, again_s: float) -> None:
        super().__init__(f"too many calls; again in {again_s:.0f} s")
        self.again_s = again_s


def retry_after(answer: Answer) -> float:
    """Seconds that PayPal asks to wait for, within reason."""
    header = answer.headers.get("retry-after", "").strip()
    pause_s = float(header) if header.isascii() and header.isdigit() and len(header) < 7 else 0.0
    return min(pause_s or DEFAULT_PAUSE_S, LONGEST_PAUSE_S)


class Pace:
    """One account's calls in this process."""

    def __init__(self) -> None:
        self._posts = AsyncLimiter(POSTS_PER_MINUTE / BURST, WINDOW_S)
        self._every_s = BURST * WINDOW_S / POSTS_PER_MINUTE
        self._promised = 0.0
        self._paused_until = 0.0

    def check(self) -> None:
        """Raises RateLimited while PayPal wants no calls."""
        left = self._paused_until - time.monotonic()
        if left > 0:
            raise RateLimited(left)

    async def post(self) -> None:
        """Take a place for a POST. Raises RateLimited where none is free: each caller gets a time
        of its own, so that they do not all come back at once."""
        self.check()
        if not self._posts.has_capacity():
            now = time.monotonic()
            self._promised = max(self._promised, now) + self._every_s
            raise RateLimited(min(self._promised - now, LONGEST_PAUSE_S))
        # There is room, so this does not wait.
        await self._posts.acquire()

    def pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)
