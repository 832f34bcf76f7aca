"""When banks work, as the Eurosystem and the Federal Reserve publish it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails.bank import calendars
from payviox.rails.bank.model import Scheme

CUT_OFF = time(15)


@pytest.mark.parametrize(
    ("scheme", "closed"),
    [
        ("sepa", ["2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01", "2026-12-25"]),
        ("sepa", ["2026-12-26", "2026-12-27", "2027-03-26", "2027-03-29"]),
        ("ach", ["2026-01-01", "2026-01-19", "2026-02-16", "2026-05-25", "2026-06-19"]),
        ("ach", ["2026-09-07", "2026-10-12", "2026-11-11", "2026-11-26", "2026-12-25"]),
        # Sundays' holidays are kept on Mondays.
        ("ach", ["2027-07-05"]),
    ],
)
def test_banks_are_closed_on_their_holidays(scheme: Scheme, closed: list[str]) -> None:
    for day in closed:
        assert not calendars.is_banking_day(scheme, date.fromisoformat(day))


@pytest.mark.parametrize(
    ("scheme", "day"),
    [
        ("sepa", "2026-11-26"),
        ("sepa", "2026-12-24"),
        ("ach", "2026-05-01"),
        ("ach", "2026-04-03"),
        # Saturdays' holidays are not kept on Fridays.
        ("ach", "2026-07-03"),
    ],
)
def test_banks_work_on_each_others_holidays(scheme: Scheme, day: str) -> None:
    assert calendars.is_banking_day(scheme, date.fromisoformat(day))


@pytest.mark.parametrize(
    ("scheme", "moment", "day"),
    [
        # Frankfurt is an hour before UTC in winter.
        ("sepa", "2026-11-30T13:59+00:00", "2026-11-30"),
        ("sepa", "2026-11-30T14:00+00:00", "2026-12-01"),
        ("sepa", "2026-07-01T13:00+00:00", "2026-07-02"),
        ("sepa", "2026-12-24T14:30+00:00", "2026-12-28"),
        ("sepa", "2026-11-28T23:30+00:00", "2026-11-30"),
        # New York is five hours behind; an ACH credit settles on the next day.
        ("ach", "2026-11-30T19:59+00:00", "2026-12-01"),
        ("ach", "2026-11-30T20:00+00:00", "2026-12-02"),
        ("ach", "2026-11-25T12:00+00:00", "2026-11-27"),
        ("ach", "2026-11-28T12:00+00:00", "2026-12-01"),
    ],
)
def test_after_the_cut_off_a_file_is_for_the_next_day(
    scheme: Scheme, moment: str, day: str
) -> None:
    at = datetime.fromisoformat(moment)
    assert calendars.execution_date(scheme, at, CUT_OFF) == date.fromisoformat(day)


@given(
    st.sampled_from(["sepa", "ach"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.times(),
)
def test_a_file_before_the_next_cut_off_is_for_one_day_and_after_it_for_a_later_one(
    scheme: Scheme, moment: datetime, cut_off: time
) -> None:
    at = calendars.next_cut_off(scheme, moment, cut_off)
    assert moment < at <= moment + timedelta(days=6)
    last = at - timedelta(microseconds=1)
    first_day = calendars.execution_date(scheme, moment, cut_off)
    assert calendars.execution_date(scheme, last, cut_off) == first_day
    later = calendars.execution_date(scheme, at, cut_off)
    assert later > first_day
    assert calendars.is_banking_day(scheme, later)


def test_returns_are_expected_for_some_banking_days() -> None:
    assert calendars.returns_until("sepa", date(2026, 12, 22)) == date(2026, 12, 29)
    assert calendars.returns_until("ach", date(2026, 11, 24)) == date(2026, 11, 30)
