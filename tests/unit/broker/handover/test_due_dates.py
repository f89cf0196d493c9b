"""Every clock of the policy gives a date that can be checked by hand, or says why there is none."""

from datetime import UTC, date, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.calendars import end_of_day
from broker.calendars.due import Due, NotKnown, due_date
from schemas.calendars import SchoolTerm
from schemas.default_policy import default_policy
from schemas.directory import AreaEntry
from schemas.ids import GssCode

POLICY: Final = default_policy()
HERE: Final = "E06000063"
AREA: Final = AreaEntry(
    gss=GssCode(HERE),
    name="Example",
    terms=(
        SchoolTerm(name="Summer 1", first=date(2026, 4, 13), last=date(2026, 5, 22)),
        SchoolTerm(name="Summer 2", first=date(2026, 6, 1), last=date(2026, 7, 20)),
    ),
)
FRIDAY_NIGHT: Final = datetime(2026, 6, 12, 21, 40, tzinfo=UTC)
MONDAY: Final = datetime(2026, 3, 23, 10, 5, tzinfo=UTC)
DATES: Final[dict[str, tuple[datetime | date, datetime]]] = {
    "conference": (MONDAY, end_of_day(date(2026, 4, 15))),
    "release-unplanned": (MONDAY, datetime(2026, 3, 24, 10, 5, tzinfo=UTC)),
    "tell-of-move": (MONDAY, end_of_day(date(2026, 3, 30))),
    "tell-plan-team": (MONDAY, end_of_day(date(2026, 3, 23))),
    "written-follows": (MONDAY, end_of_day(date(2026, 3, 26))),
    "short-stay": (MONDAY, end_of_day(date(2026, 4, 7))),
    "request-after-twelve-weeks": (MONDAY, end_of_day(date(2026, 6, 15))),
    "temporary-review": (date(2026, 5, 1), end_of_day(date(2026, 7, 24))),
    "placement-notice": (date(2026, 4, 2), end_of_day(date(2026, 4, 13))),
    "missing-trace": (MONDAY, end_of_day(date(2026, 3, 30))),
    "pre-birth-referral": (date(2026, 11, 9), end_of_day(date(2026, 5, 25))),
    "after-birth-review": (date(2026, 5, 1), end_of_day(date(2026, 5, 11))),
    "absence-ten-days": (date(2026, 5, 18), end_of_day(date(2026, 6, 8))),
    "common-transfer-file": (date(2026, 5, 15), end_of_day(date(2026, 6, 12))),
    "protection-file": (date(2026, 5, 22), end_of_day(date(2026, 6, 5))),
    "housing-notice": (date(2026, 5, 1), end_of_day(date(2026, 5, 14))),
    "housing-213aa": (date(2026, 5, 6), end_of_day(date(2026, 5, 19))),
    "encompass": (FRIDAY_NIGHT, datetime(2026, 6, 15, 7, 30, tzinfo=UTC)),
    "assessment": (date(2026, 3, 23), end_of_day(date(2026, 5, 29))),
    "hidden-hold": (FRIDAY_NIGHT, datetime(2026, 6, 15, 21, 40, tzinfo=UTC)),
    "grant-at-once": (MONDAY, datetime(2026, 3, 23, 10, 6, tzinfo=UTC)),
}


@pytest.mark.parametrize(("key", "start", "expected"), [(key, *row) for key, row in DATES.items()], ids=DATES)
def test_a_clock_gives_the_date_that_a_calendar_on_the_wall_gives(
    key: str, start: datetime | date, expected: datetime
) -> None:
    rule = POLICY.clock(key)
    assert rule is not None

    assert Due(expected, rule.reason) == due_date(rule, start, AREA, gss=HERE)


@pytest.mark.parametrize("area", [None, AREA.model_copy(update={"terms": ()})], ids=["unknown", "no terms"])
def test_without_published_terms_a_school_day_is_not_known(area: AreaEntry | None) -> None:
    rule = POLICY.clock("encompass")
    assert rule is not None

    assert NotKnown(f"{rule.reason}; the school terms of {HERE} are not known") == due_date(
        rule, FRIDAY_NIGHT, area, gss=HERE
    )


@given(
    st.sampled_from([clock for clock in POLICY.clocks if clock.amount >= 0]),
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_nothing_is_due_before_it_began_and_every_reason_names_its_source(
    rule: object, start: datetime
) -> None:
    clock = next(one for one in POLICY.clocks if one is rule)
    match due_date(clock, start, None, gss=HERE):
        case Due(at, reason):
            assert at > start
            assert reason == clock.reason
        case NotKnown(reason):
            assert "not known" in reason
    assert clock.reason.endswith(("]", "(policy default)"))
