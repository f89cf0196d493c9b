"""Days as people count them: working days by division, school days by an area's published terms, inclusive days.

Pure. Bank holidays come from the kept library ``holidays``; school terms from the directory. Nothing is guessed: days
beyond the terms that an area has published have no answer.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from schemas.calendars import Division, SchoolTerm

LONDON: Final = ZoneInfo("Europe/London")
"""One zone for all four nations."""
SCHOOL_OPENS: Final = time(8, 30)
_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)
_CODE: Final = {
    Division.ENGLAND_AND_WALES: "ENG",
    Division.SCOTLAND: "SCT",
    Division.NORTHERN_IRELAND: "NIR",
}


@cache
def _bank_holidays(year: int, division: Division) -> frozenset[date]:
    # Loaded only here: it reckons centuries of moons as it is loaded, and few commands count working days.
    import holidays

    return frozenset(holidays.country_holidays("GB", subdiv=_CODE[division], years=year))


def is_working_day(day: date, division: Division = Division.ENGLAND_AND_WALES) -> bool:
    """Monday to Friday and no bank holiday of the division."""
    return day.weekday() < _SATURDAY and day not in _bank_holidays(day.year, division)


def add_working_days(start: date, count: int, division: Division = Division.ENGLAND_AND_WALES) -> date:
    """The day ``count`` working days after ``start``, which does not count; for 0 the first one from ``start`` on."""
    if count == 0:
        return start if is_working_day(start, division) else add_working_days(start, 1, division)
    return _count_on(start, count, lambda day: is_working_day(day, division))


def is_school_day(
    day: date, terms: Sequence[SchoolTerm], division: Division = Division.ENGLAND_AND_WALES
) -> bool | None:
    """Whether schools are open; None where the area has not published terms that reach so far."""
    if not terms or not min(term.first for term in terms) <= day <= max(term.last for term in terms):
        return None
    open_then = any(term.first <= day <= term.last and day not in term.closed for term in terms)
    return open_then and is_working_day(day, division)


def add_school_days(
    start: date, count: int, terms: Sequence[SchoolTerm], division: Division = Division.ENGLAND_AND_WALES
) -> date | None:
    """The day ``count`` school days after ``start``, which does not count; None where the terms do not reach so far."""
    day = start
    if is_school_day(day, terms, division) is None:
        return None
    while count > 0:
        day += _DAY
        is_open = is_school_day(day, terms, division)
        if is_open is None:
            return None
        count -= is_open
    return day


def last_day_of(first: date, count: int) -> date:
    """The last of ``count`` calendar days beginning with ``first``: 14 days beginning with the 1st end on the 14th."""
    return first + (count - 1) * _DAY


def end_of_day(day: date) -> datetime:
    """The last moment of a day as people live it, in UTC."""
    return at_time(day + _DAY, time(0)) - timedelta(milliseconds=1)


def at_time(day: date, hour: time) -> datetime:
    """That hour of a day by the clock on the wall, in UTC."""
    return datetime.combine(day, hour, LONDON).astimezone(UTC)


def day_of(moment: datetime) -> date:
    """The day that it is for people at that moment."""
    return moment.astimezone(LONDON).date()


def _count_on(day: date, count: int, counts: Callable[[date], bool]) -> date:
    while count > 0:
        day += _DAY
        count -= counts(day)
    return day
