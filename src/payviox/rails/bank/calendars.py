"""When banks work: TARGET's days for SEPA, the Federal Reserve's for ACH, and what follows from a
cut-off. Holidays come from the `holidays` library; times are the scheme's own."""

from collections.abc import Container
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from payviox.rails.bank.model import Scheme

ZONES: dict[Scheme, ZoneInfo] = {
    "sepa": ZoneInfo("Europe/Berlin"),
    "ach": ZoneInfo("America/New_York"),
}
"""Where cut-off times count."""

CALENDARS: dict[Scheme, str] = {"sepa": "XECB", "ach": "XFED"}

AHEAD: dict[Scheme, int] = {"sepa": 0, "ach": 1}
"""Banking days from the day on which a bank takes a file to the day that the file asks for: an ACH
credit settles on the next one."""

RETURNS: dict[Scheme, int] = {"sepa": 4, "ach": 3}
"""Banking days after the execution date in which a payee's bank sends a payment back that it cannot
credit, and one more for the news to arrive: settlement on the next day and three days (the SEPA
credit transfer rulebook), two days after settlement (Nacha's rules). A payee who refuses the money
or a bank that was deceived may still send it back later."""


def is_banking_day(scheme: Scheme, day: date) -> bool:
    """Whether the scheme settles on this day."""
    return day.weekday() < 5 and day not in _holidays(scheme)


def on_or_after(scheme: Scheme, day: date) -> date:
    """The first banking day from this one on."""
    while not is_banking_day(scheme, day):
        day += timedelta(days=1)
    return day


def days_after(scheme: Scheme, day: date, count: int) -> date:
    """So many banking days later; 0 is `on_or_after`."""
    day = on_or_after(scheme, day)
    for _ in range(count):
        day = on_or_after(scheme, day + timedelta(days=1))
    return day


def execution_date(scheme: Scheme, moment: datetime, cut_off: time) -> date:
    """The day to ask for in a file that the bank gets at this moment (aware). After `cut_off`, the
    scheme's local time, a bank takes it for the next banking day."""
    local = moment.astimezone(ZONES[scheme])
    taken = local.date()
    if is_banking_day(scheme, taken) and local.time() >= cut_off:
        taken += timedelta(days=1)
    return days_after(scheme, taken, AHEAD[scheme])


def next_cut_off(scheme: Scheme, moment: datetime, cut_off: time) -> datetime:
    """The next moment after this one at which a bank stops taking files of a day, in UTC."""
    zone = ZONES[scheme]
    day = on_or_after(scheme, moment.astimezone(zone).date())
    at = datetime.combine(day, cut_off, zone)
    if at <= moment:
        at = datetime.combine(days_after(scheme, day, 1), cut_off, zone)
    return at.astimezone(ZoneInfo("UTC"))


def returns_until(scheme: Scheme, executed_on: date) -> date:
    """The last day on which a return of what was executed on this day is to be expected."""
    return days_after(scheme, executed_on, RETURNS[scheme])


@cache
def _holidays(scheme: Scheme) -> Container[date]:
    """Those of every year: the library adds a year as it is asked for."""
    import holidays  # noqa: PLC0415  # slow to load, and few processes ask

    calendar: Container[date] = holidays.financial_holidays(CALENDARS[scheme])
    return calendar
