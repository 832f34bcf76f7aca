"""Counting what may be guessed or asked for only so often, in the database: limits hold across
processes."""

import hashlib
from collections.abc import Mapping

from payviox.auth.queries import sessions as queries
from payviox.db.pool import Connection

WINDOW_S = 15 * 60


async def may_try(connection: Connection, limits: Mapping[tuple[str, str], int]) -> bool:
    """Count an attempt for each of these (kind, name), and whether it is none too many. What is one
    too many is not counted: nobody prolongs their own wait."""
    subjects = {_subject(*each): most for each, most in limits.items()}
    allowed = True
    for subject, most in sorted(subjects.items()):
        number = await queries.count_attempts(connection, subject, WINDOW_S)
        allowed = allowed and number < most
    if allowed:
        for subject in subjects:
            await queries.insert_attempt(connection, subject)
    return allowed


def _subject(kind: str, name: str) -> bytes:
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()
