"""Dates as people in England count them, and what each step of a handover makes somebody owe."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.clock import from_ms, to_ms
from broker.handover import deadlines
from broker.handover.calendars import add_working_days, due_after_working_days, end_of_day, is_working_day
from broker.handover.deadlines import Owed, met_by, owed_after, when_handed_on, when_noticed
from broker.handover.machine import Handover, Kind, State
from schemas.control import ActionKind
from schemas.wire import Urgency

OLD, NEW = "E06000063", "E06000064"
KNOWN: Final = datetime(2026, 3, 23, 10, 5, tzinfo=UTC)


def a_handover(at: datetime = KNOWN, **changes: object) -> Handover:
    start = Handover(
        handover=b"h" * 16,
        child=b"c" * 16,
        from_area=OLD,
        to_area=NEW,
        kind=Kind.MOVE,
        state=State.NOTICED,
        evidence=b"e" * 16,
        urgency=Urgency.U2,
        opened_ms=to_ms(at),
        changed_ms=to_ms(at),
    )
    return replace(start, **changes)  # type: ignore[arg-type]


WORKING_DAYS: Final = {
    "S1, notified": (date(2026, 3, 23), 15, date(2026, 4, 15)),
    "S1, written papers": (date(2026, 3, 25), 15, date(2026, 4, 17)),
    "S1, accepted": (date(2026, 3, 26), 15, date(2026, 4, 20)),
    "over Good Friday and Easter Monday": (date(2026, 4, 2), 1, date(2026, 4, 7)),
    "from a Saturday": (date(2026, 5, 9), 1, date(2026, 5, 11)),
    "over the early May bank holiday": (date(2026, 5, 1), 1, date(2026, 5, 5)),
    "Boxing Day on a Saturday is kept on Monday": (date(2026, 12, 24), 1, date(2026, 12, 29)),
    "over a leap day": (date(2028, 2, 28), 1, date(2028, 2, 29)),
    "from a leap day": (date(2028, 2, 29), 1, date(2028, 3, 1)),
    "into the next year": (date(2026, 12, 31), 1, date(2027, 1, 4)),
    "none": (date(2026, 4, 3), 0, date(2026, 4, 3)),
}


@pytest.mark.parametrize(("start", "count", "expected"), WORKING_DAYS.values(), ids=WORKING_DAYS)
def test_working_days_leave_out_weekends_and_bank_holidays(start: date, count: int, expected: date) -> None:
    assert expected == add_working_days(start, count)


ENDS: Final = {
    "winter": (date(2026, 3, 2), datetime(2026, 3, 2, 23, 59, 59, 999000, tzinfo=UTC)),
    "summer": (date(2026, 4, 15), datetime(2026, 4, 15, 22, 59, 59, 999000, tzinfo=UTC)),
    "the day on which the clocks go forward": (
        date(2026, 3, 29),
        datetime(2026, 3, 29, 22, 59, 59, 999000, tzinfo=UTC),
    ),
    "the day on which the clocks go back": (
        date(2026, 10, 25),
        datetime(2026, 10, 25, 23, 59, 59, 999000, tzinfo=UTC),
    ),
}


@pytest.mark.parametrize(("day", "expected"), ENDS.values(), ids=ENDS)
def test_a_day_ends_at_midnight_in_england(day: date, expected: datetime) -> None:
    assert expected == end_of_day(day)


def test_half_past_midnight_in_summer_belongs_to_the_new_day() -> None:
    """23:30 UTC on Tuesday is Wednesday in England: one working day later is Thursday."""
    assert due_after_working_days(datetime(2026, 6, 9, 23, 30, tzinfo=UTC), 1) == end_of_day(
        date(2026, 6, 11)
    )


@given(st.dates(date(2024, 1, 1), date(2032, 12, 31)), st.integers(1, 40))
def test_a_due_day_is_a_working_day_with_just_so_many_working_days_before_it(start: date, count: int) -> None:
    due = add_working_days(start, count)
    days = [start + timedelta(days=n) for n in range(1, (due - start).days + 1)]

    assert is_working_day(due)
    assert count == sum(map(is_working_day, days))


def test_a_notice_starts_the_clock_of_either_side() -> None:
    release, acceptance = when_noticed(a_handover())

    assert (Owed.RELEASE, OLD, end_of_day(date(2026, 3, 24))) == (
        release.kind,
        release.area,
        from_ms(release.due_ms),
    )
    assert (Owed.ACCEPTANCE, NEW, end_of_day(date(2026, 4, 15))) == (
        acceptance.kind,
        acceptance.area,
        from_ms(acceptance.due_ms),
    )


def test_an_urgent_move_is_released_within_a_day_of_the_clock_not_of_the_calendar() -> None:
    release, _ = when_noticed(a_handover(datetime(2026, 4, 3, 18, 0, tzinfo=UTC), urgency=Urgency.U0))

    assert datetime(2026, 4, 4, 18, 0, tzinfo=UTC) == from_ms(release.due_ms)


def test_the_conference_is_counted_from_the_notice_and_not_from_the_acceptance() -> None:
    accepted = a_handover(state=State.ACCEPTED, changed_ms=to_ms(KNOWN + timedelta(days=9)))

    [conference] = owed_after(ActionKind.ACCEPT, accepted)

    assert (Owed.CONFERENCE, NEW, end_of_day(date(2026, 4, 15))) == (
        conference.kind,
        conference.area,
        from_ms(conference.due_ms),
    )


STEPS: Final = {
    "release": (ActionKind.RELEASE, a_handover(state=State.RELEASED), [(Owed.GRANTS, OLD)]),
    "release after a decline": (
        ActionKind.RELEASE,
        a_handover(state=State.RELEASED, declines=1),
        [(Owed.GRANTS, OLD), (Owed.ACCEPTANCE, NEW)],
    ),
    "late release": (ActionKind.RELEASE, a_handover(state=State.CLOSED, declines=1), [(Owed.GRANTS, OLD)]),
    "decline": (ActionKind.DECLINE, a_handover(state=State.DECLINED), [(Owed.RESPONSE, OLD)]),
    "accept": (ActionKind.ACCEPT, a_handover(state=State.CLOSED), []),
    "accept, a plan": (ActionKind.ACCEPT, a_handover(state=State.ACCEPTED), [(Owed.CONFERENCE, NEW)]),
    "verify": (ActionKind.VERIFY, a_handover(state=State.VERIFIED), []),
    "withdraw": (ActionKind.WITHDRAW, a_handover(state=State.WITHDRAWN), []),
    "conference held": (ActionKind.CONFERENCE_HELD, a_handover(state=State.CLOSED), []),
}


@pytest.mark.parametrize(("action", "after", "expected"), STEPS.values(), ids=STEPS)
def test_each_step_makes_the_right_side_owe_the_next(
    action: ActionKind, after: Handover, expected: list[tuple[Owed, str]]
) -> None:
    owed = owed_after(action, after)

    assert expected == [(one.kind, one.area) for one in owed]
    assert all(one.due_ms > after.changed_ms for one in owed)
    assert not {one.kind for one in owed} & met_by(action) - {Owed.ACCEPTANCE}


MET: Final = {
    ActionKind.RELEASE: {Owed.RELEASE, Owed.RESPONSE},
    ActionKind.VERIFY: {Owed.GRANTS},
    ActionKind.ACCEPT: {Owed.ACCEPTANCE, Owed.RESPONSE},
    ActionKind.DECLINE: {Owed.ACCEPTANCE},
    ActionKind.WITHDRAW: set(Owed),
    ActionKind.CONFERENCE_HELD: {Owed.CONFERENCE},
    ActionKind.LINK: set(),
}


@pytest.mark.parametrize(("action", "expected"), MET.items(), ids=[action.value for action in MET])
def test_what_a_step_meets_or_makes_void(action: ActionKind, expected: set[Owed]) -> None:
    """An acceptance does not meet the release: papers that are late stay owed, by name and clock."""
    assert expected == met_by(action)


def test_a_case_handed_on_meanwhile_makes_its_new_holder_owe_the_release() -> None:
    later = KNOWN + timedelta(days=30)
    handover = a_handover(changed_ms=to_ms(later))

    [release] = when_handed_on(State.VERIFIED, handover)
    after_decline = when_handed_on(State.DECLINED, handover)

    assert (Owed.RELEASE, OLD) == (release.kind, release.area)
    assert from_ms(release.due_ms) == due_after_working_days(later, 1)
    assert [Owed.RELEASE, Owed.ACCEPTANCE] == [one.kind for one in after_decline]


def test_every_rule_is_named_to_both_sides() -> None:
    every = [
        *when_noticed(a_handover()),
        *(one for action, after, _ in STEPS.values() for one in owed_after(action, after)),
    ]

    assert all(one.reason and ("[" in one.reason or "(" in one.reason) for one in every)
    assert set(Owed) == {one.kind for one in every}
    assert deadlines.ACCEPTANCE_WORKING_DAYS == 15
