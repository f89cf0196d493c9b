"""When something is due: a rule of the policy, a start, and the calendar of the area that owes it. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from broker.calendars import (
    SCHOOL_OPENS,
    add_school_days,
    add_working_days,
    at_time,
    day_of,
    end_of_day,
    last_day_of,
)
from schemas.calendars import Division
from schemas.deadlines import ClockRule
from schemas.directory import AreaEntry
from schemas.rules import ClockUnit


@dataclass(frozen=True, slots=True)
class Due:
    """Until when, and by which rule: the same words to everybody."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class NotKnown:
    """It is owed, and nobody can say until when; ``reason`` says why, and the rule."""

    reason: str


DueDate: TypeAlias = Due | NotKnown


def due_date(rule: ClockRule, start: datetime | date, area: AreaEntry | None, *, gss: str) -> DueDate:
    """Until when ``rule`` gives the area ``gss``, whose entry in the directory may be missing.

    A start that is a day is one that law or guidance counts from (``counted_from``); a moment is the router's commit.
    """
    if rule.unit in {ClockUnit.SECONDS, ClockUnit.HOURS}:
        length = timedelta(**{rule.unit.value: rule.amount})
        return Due(
            (start if isinstance(start, datetime) else at_time(start, SCHOOL_OPENS)) + length, rule.reason
        )
    division = area.calendar if area is not None else Division.of(gss)
    first = day_of(start) if isinstance(start, datetime) else start
    last = _last_day(rule, first, area, division)
    if last is None:
        return NotKnown(f"{rule.reason}; the school terms of {gss} are not known")
    reason = rule.reason
    if division is not Division.ENGLAND_AND_WALES and _skips_holidays(rule):
        reason = f"{reason} ({division.value.replace('-', ' ').title()}'s calendar)"
    return Due(at_time(last, SCHOOL_OPENS) if rule.before_school else end_of_day(last), reason)


def _skips_holidays(rule: ClockRule) -> bool:
    return rule.unit in {ClockUnit.WORKING_DAYS, ClockUnit.SCHOOL_DAYS}


def _last_day(rule: ClockRule, first: date, area: AreaEntry | None, division: Division) -> date | None:
    match rule.unit:
        case ClockUnit.WORKING_DAYS:
            return add_working_days(first, rule.amount, division)
        case ClockUnit.SCHOOL_DAYS:
            return add_school_days(first, rule.amount, area.terms if area is not None else (), division)
        case ClockUnit.CALENDAR_DAYS_INCLUSIVE:
            return last_day_of(first, rule.amount)
        case ClockUnit.WEEKS:
            return first + timedelta(weeks=rule.amount)
        case _:
            return first + timedelta(days=rule.amount)
