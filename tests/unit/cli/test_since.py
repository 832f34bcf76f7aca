"""How far back `payviox reconcile` looks, as it is typed."""

from datetime import UTC, datetime

import click
import pytest

from payviox.cli.reconcile.compare import Since


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00-14:00",
        "1999-12-31",
        "99999d",
        "9999-12-31T23:59:59-12:00",
        "9999-12-31",
        "0d",
        "tomorrow",
        "7 d",
        "",
    ],
)
def test_a_time_that_no_rail_can_be_asked_about_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Since().convert(text, None, None)


def test_a_day_a_time_and_days_ago_are_taken() -> None:
    assert Since().convert("2026-01-31", None, None) == datetime(2026, 1, 31, tzinfo=UTC)
    assert Since().convert("2000-01-01T00:00:00Z", None, None).year == 2000
    assert Since().convert("7d", None, None) < datetime.now(UTC)
