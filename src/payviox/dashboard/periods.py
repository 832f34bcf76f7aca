"""Moments that people type: a day, or a day and a time, in UTC."""

from datetime import UTC, datetime

HINT = "Give a time such as 2026-01-31T12:00."
LAST_YEAR = 9998


def moment(text: str) -> datetime | None:
    """The moment that a field of a form names; None where it names none."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not 1970 <= typed.year <= LAST_YEAR:
        return None
    return typed.replace(tzinfo=UTC) if typed.tzinfo is None else typed.astimezone(UTC)


def typed(at: datetime) -> str:
    """A moment as a field of a form holds it, to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}"
