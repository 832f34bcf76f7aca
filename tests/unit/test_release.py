"""How old the embedded PostgreSQL is by the calendar."""

from datetime import date

import pytest

from payviox.db.embedded import release


@pytest.mark.parametrize(
    ("today", "minor"),
    [
        (date(2025, 11, 12), 0),
        (date(2025, 11, 13), 1),
        (date(2026, 2, 11), 1),
        (date(2026, 2, 12), 2),
        (date(2026, 5, 14), 4),
        (date(2026, 12, 31), 6),
        (date(2027, 2, 11), 7),
    ],
)
def test_minor_releases_come_out_on_second_thursdays(today: date, minor: int) -> None:
    assert release.scheduled_minor(today) == minor


def test_a_server_two_releases_behind_is_named_with_what_is_out() -> None:
    today = date(2026, 11, 28)
    assert release.complaint(5, today) is None
    said = release.complaint(4, today)
    assert said is not None
    assert "18.4 is old" in said
    assert "18.6" in said
