"""Bank holidays as GOV.UK published them, school terms as an area has, inclusive days, and the two nights of the year."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.calendars import (
    add_school_days,
    add_working_days,
    at_time,
    day_of,
    end_of_day,
    is_school_day,
    is_working_day,
    last_day_of,
)
from schemas.calendars import Division, SchoolTerm

EW, SCT, NIR = Division.ENGLAND_AND_WALES, Division.SCOTLAND, Division.NORTHERN_IRELAND

# https://www.gov.uk/bank-holidays, the days that fall on weekdays; years with moved days, Easter, and one-off days.
PUBLISHED: Final = {
    (EW, 2022): "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
    (EW, 2023): "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
    (EW, 2026): "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    (EW, 2027): "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28",
    (SCT, 2022): "01-03 01-04 04-15 05-02 06-02 06-03 08-01 09-19 11-30 12-26 12-27",
    (SCT, 2025): "01-01 01-02 04-18 05-05 05-26 08-04 12-01 12-25 12-26",
    (SCT, 2027): "01-01 01-04 03-26 05-03 05-31 08-02 11-30 12-27 12-28",
    (NIR, 2024): "01-01 03-18 03-29 04-01 05-06 05-27 07-12 08-26 12-25 12-26",
    (NIR, 2026): "01-01 03-17 04-03 04-06 05-04 05-25 07-13 08-31 12-25 12-28",
}


@pytest.mark.parametrize(
    ("division", "year", "days"),
    [(*key, days) for key, days in PUBLISHED.items()],
    ids=[f"{division.value} {year}" for division, year in PUBLISHED],
)
def test_the_bank_holidays_are_those_that_were_published(division: Division, year: int, days: str) -> None:
    first = date(year, 1, 1)
    weekdays = [
        day
        for n in range((date(year + 1, 1, 1) - first).days)
        if (day := first + timedelta(days=n)).weekday() < 5
    ]

    assert days.split() == [f"{day:%m-%d}" for day in weekdays if not is_working_day(day, division)]


DIFFERENT: Final = {
    "Easter Monday is a working day in Scotland": (SCT, date(2026, 4, 2), 1, date(2026, 4, 6)),
    "and none in England": (EW, date(2026, 4, 2), 1, date(2026, 4, 7)),
    "the second of January in Scotland": (SCT, date(2025, 12, 31), 1, date(2026, 1, 5)),
    "and in England": (EW, date(2025, 12, 31), 1, date(2026, 1, 2)),
    "the twelfth of July in Northern Ireland, on a Sunday": (NIR, date(2026, 7, 10), 1, date(2026, 7, 14)),
    "St Andrew's Day": (SCT, date(2026, 11, 27), 1, date(2026, 12, 1)),
    "the August holiday is the first Monday in Scotland": (SCT, date(2026, 7, 31), 1, date(2026, 8, 4)),
    "and the last in England": (EW, date(2026, 8, 28), 1, date(2026, 9, 1)),
    "Christmas on a Saturday: two moved days": (EW, date(2027, 12, 24), 1, date(2027, 12, 29)),
}


@pytest.mark.parametrize(("division", "start", "count", "expected"), DIFFERENT.values(), ids=DIFFERENT)
def test_each_division_keeps_its_own_days(
    division: Division, start: date, count: int, expected: date
) -> None:
    assert expected == add_working_days(start, count, division)


@pytest.mark.parametrize(
    ("gss", "expected"),
    [("E06000063", EW), ("W06000001", EW), ("S12000006", SCT), ("N09000001", NIR)],
)
def test_an_area_belongs_to_the_division_of_its_code(gss: str, expected: Division) -> None:
    assert expected is Division.of(gss)


@given(st.dates(date(2024, 1, 1), date(2034, 12, 31)), st.integers(0, 60), st.sampled_from(Division))
@example(date(2026, 4, 3), 0, EW)
def test_working_days_never_end_on_a_day_off_and_count_exactly(
    start: date, count: int, division: Division
) -> None:
    due = add_working_days(start, count, division)
    between = [start + timedelta(days=n) for n in range(1, (due - start).days + 1)]

    assert is_working_day(due, division)
    if count:
        assert count == sum(is_working_day(day, division) for day in between)


@given(
    st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from(Division),
)
def test_counting_on_is_counting_at_once(start: date, first: int, then: int, division: Division) -> None:
    halfway = add_working_days(start, first, division)

    assert add_working_days(start, first + then, division) == add_working_days(halfway, then, division)


TERMS: Final = (
    SchoolTerm(name="Spring 1", first=date(2026, 1, 5), last=date(2026, 2, 13)),
    SchoolTerm(name="Spring 2", first=date(2026, 2, 23), last=date(2026, 3, 27), closed=(date(2026, 3, 9),)),
    SchoolTerm(name="Summer 1", first=date(2026, 4, 13), last=date(2026, 5, 22)),
)
SCHOOL_DAYS: Final = {
    "within a week": (date(2026, 1, 5), 4, date(2026, 1, 9)),
    "over half-term": (date(2026, 2, 12), 2, date(2026, 2, 23)),
    "over a day on which schools are closed": (date(2026, 3, 6), 1, date(2026, 3, 10)),
    "over Easter: the first five days of the new term": (date(2026, 3, 30), 5, date(2026, 4, 17)),
    "over the early May bank holiday": (date(2026, 5, 1), 1, date(2026, 5, 5)),
    "to the last day that is known": (date(2026, 5, 21), 1, date(2026, 5, 22)),
    "beyond it": (date(2026, 5, 21), 2, None),
    "from before the first": (date(2025, 12, 19), 1, None),
}


@pytest.mark.parametrize(("start", "count", "expected"), SCHOOL_DAYS.values(), ids=SCHOOL_DAYS)
def test_school_days_are_counted_in_the_areas_terms_and_never_guessed(
    start: date, count: int, expected: date | None
) -> None:
    assert expected == add_school_days(start, count, TERMS)


def test_an_area_without_terms_has_no_school_days_and_no_holidays_either() -> None:
    assert is_school_day(date(2026, 1, 6), ()) is None
    assert add_school_days(date(2026, 1, 6), 1, ()) is None


@given(st.dates(date(2026, 1, 5), date(2026, 5, 22)), st.integers(1, 100))
def test_a_school_day_found_is_open_with_just_so_many_before_it(start: date, count: int) -> None:
    due = add_school_days(start, count, TERMS)
    left = [start + timedelta(days=n) for n in range(1, (TERMS[-1].last - start).days + 1)]
    open_days = [day for day in left if is_school_day(day, TERMS)]

    assert due == (open_days[count - 1] if count <= len(open_days) else None)


@pytest.mark.parametrize(
    ("first", "count", "expected"),
    [
        pytest.param(date(2026, 5, 1), 14, date(2026, 5, 14), id="s.208: 14 days beginning with the 1st"),
        pytest.param(date(2026, 5, 6), 14, date(2026, 5, 19), id="s.213AA: 14 days beginning with the 6th"),
        pytest.param(date(2026, 5, 1), 1, date(2026, 5, 1), id="one day"),
    ],
)
def test_days_beginning_with_a_day_count_it(first: date, count: int, expected: date) -> None:
    assert expected == last_day_of(first, count)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)],
    ids=["clocks forward", "clocks back", "any day"],
)
def test_a_day_is_as_long_as_the_clock_on_the_wall_says(day: date, hours: int) -> None:
    began = at_time(day, time(0))

    assert timedelta(hours=hours) == end_of_day(day) - began + timedelta(milliseconds=1)


@given(st.datetimes(datetime(2024, 1, 1), datetime(2034, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  bounds have no zone
def test_a_moment_lies_in_its_own_day(moment: datetime) -> None:
    day = day_of(moment)

    assert at_time(day, time(0)) <= moment.replace(microsecond=0) <= end_of_day(day)
