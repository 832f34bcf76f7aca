"""Keeps a process's memory, in which there are keys, from disk and from other processes: it leaves
no core dump, and nobody but root may read it or attach a debugger."""

import resource
import sys
from contextlib import suppress

PR_SET_DUMPABLE = 4


def keep_private() -> None:
    """For this process. Programs that it starts are dumpable again, and leave no core file."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # Where cores go to a program, the kernel does not ask for the limit above.
        import ctypes  # noqa: PLC0415  # of use here alone

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
