"""Working days. Bank holidays come from the kept library ``holidays``, by division; nothing is guessed."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays

LONDON: Final = ZoneInfo("Europe/London")
_SATURDAY: Final = 5


@cache
def _bank_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


def is_working_day(day: date) -> bool:
    """Monday to Friday and no bank holiday in England and Wales."""
    return day.weekday() < _SATURDAY and day not in _bank_holidays(day.year)


def add_working_days(start: date, count: int) -> date:
    """The day ``count`` working days after ``start``; ``start`` itself does not count."""
    day = start
    while count > 0:
        day += timedelta(days=1)
        if is_working_day(day):
            count -= 1
    return day


def end_of_day(day: date) -> datetime:
    """The last moment of a day as people in England live it, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(0), LONDON).astimezone(UTC) - timedelta(
        milliseconds=1
    )


def due_after_working_days(moment: datetime, count: int) -> datetime:
    """The end of the working day that lies ``count`` after ``moment``'s own day in England."""
    return end_of_day(add_working_days(moment.astimezone(LONDON).date(), count))
