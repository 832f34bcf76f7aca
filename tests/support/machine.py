"""How much slower this machine is than the quick one that time limits are written for. Measured
once for a run: test processes inherit the figure, and share the machine's cores."""

import functools
import json
import os
import tempfile
import time

SLOWNESS = "PAYVIOX_TEST_SLOWNESS"
"""Names the factor in place of a measurement, for a machine that slows down later on."""

_CALCULATIONS = 15_000
_CALCULATING_S = 0.18
"""What so many calculations take on a quick core, in seconds: longer than the period of a CPU
quota."""
_COMMITS = 20
_COMMIT_S = 0.004
"""What one small write to disk takes where it is not cached, in seconds."""
_MOST = 60.0


@functools.cache
def slowness() -> float:
    """1 on a quick machine that is idle, 5 on one that takes five times as long. Read once, though
    a test takes everything out of the environment."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return _measured() * max(1.0, processes / (os.cpu_count() or 1))


def _measured() -> float:
    if SLOWNESS not in os.environ:
        slower = max(_calculate_s() / _CALCULATING_S, _commit_s() / _COMMIT_S)
        os.environ[SLOWNESS] = f"{min(max(slower, 1.0), _MOST):.2f}"
    return float(os.environ[SLOWNESS])


def stretch(seconds: float) -> float:
    """A time limit of a quick machine as it is on this one. Only for what ends a wait that should
    long be over, never for what a test asserts."""
    return seconds * slowness()


def _calculate_s() -> float:
    began = time.perf_counter()
    for number in range(_CALCULATIONS):
        json.loads(json.dumps({"n": number, "text": "payout" * 5, "list": list(range(20))}))
    return time.perf_counter() - began


def _commit_s() -> float:
    with tempfile.TemporaryFile() as file:
        began = time.perf_counter()
        for _ in range(_COMMITS):
            file.write(bytes(8_192))
            file.flush()
            os.fsync(file.fileno())
        return (time.perf_counter() - began) / _COMMITS
