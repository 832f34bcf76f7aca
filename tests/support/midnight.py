"""The end of a day (UTC): what a day or a year comes to is another thing a moment later."""

import time
from datetime import UTC, datetime, timedelta

from support.machine import stretch

DAY = timedelta(days=1)
A_TEST_S = 20.0


def keep_clear() -> None:
    """Wait for the next day where this one might end within a test."""
    now = datetime.now(UTC)
    left = now.replace(hour=0, minute=0, second=0, microsecond=0) + DAY - now
    if left.total_seconds() < stretch(A_TEST_S):
        time.sleep(left.total_seconds() + 0.1)
