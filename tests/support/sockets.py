"""What the ends of the tests' own servers have in common."""

import asyncio

# uvloop says RuntimeError where asyncio would say nothing of a transport that is closed.
GONE = (OSError, RuntimeError, asyncio.IncompleteReadError)
"""What reading from, or writing to, a peer that has left may raise, on either event loop."""
