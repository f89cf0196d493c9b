"""Dates as people in England count them, and what each step of a handover makes somebody owe."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.calendars import add_working_days, day_of, end_of_day, is_working_day
from broker.clock import from_ms, to_ms
from broker.handover.deadlines import (
    Clocks,
    Owed,
    local_clock,
    met_by,
    owed_after,
    owed_when,
    reason_shown,
    void_in,
    when_handed_on,
    when_noticed,
)
from broker.handover.machine import Handover, Keeping, Kind, State
from schemas.calendars import Division
from schemas.codes.cases import ClockStart
from schemas.control import ActionKind
from schemas.deadlines import Moment
from schemas.default_policy import default_policy
from schemas.directory import AreaEntry
from schemas.ids import GssCode
from schemas.rules import ClockUnit
from schemas.wire import Urgency

OLD, NEW = "E06000063", "E06000064"
KNOWN: Final = datetime(2026, 3, 23, 10, 5, tzinfo=UTC)


def a_handover(at: datetime = KNOWN, **changes: object) -> Handover:
    start = Handover(
        handover=b"h" * 16,
        child=b"c" * 16,
        origin=b"c" * 16,
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
    "none, on a working day": (date(2026, 4, 2), 0, date(2026, 4, 2)),
    "none, on Good Friday": (date(2026, 4, 3), 0, date(2026, 4, 7)),
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
    assert end_of_day(add_working_days(day_of(datetime(2026, 6, 9, 23, 30, tzinfo=UTC)), 1)) == end_of_day(
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
    "it is a stay": (ActionKind.ASK, a_handover(state=State.STAYING), [(Owed.REVIEW, OLD)]),
    "it is none any more": (ActionKind.ASK, a_handover(state=State.NOTICED), [(Owed.ACCEPTANCE, NEW)]),
}


@pytest.mark.parametrize(("action", "after", "expected"), STEPS.values(), ids=STEPS)
def test_each_step_makes_the_right_side_owe_the_next(
    action: ActionKind, after: Handover, expected: list[tuple[Owed, str]]
) -> None:
    owed = owed_after(action, after)

    assert expected == [(one.kind, one.area) for one in owed]
    assert all(one.due_ms > after.changed_ms for one in owed)
    assert not {one.kind for one in owed} & met_by(action) - {Owed.ACCEPTANCE, Owed.REVIEW}


MET: Final = {
    ActionKind.RELEASE: {Owed.RELEASE, Owed.RESPONSE},
    ActionKind.VERIFY: {Owed.GRANTS, Owed.ITEMS},
    ActionKind.ACCEPT: {Owed.ACCEPTANCE, Owed.RESPONSE},
    ActionKind.DECLINE: {Owed.ACCEPTANCE},
    ActionKind.WITHDRAW: set(Owed) - {Owed.KEEPING},
    ActionKind.CONFERENCE_HELD: {Owed.CONFERENCE, Owed.CONFERENCE_LOCAL},
    ActionKind.ASK: {Owed.RESPONSE, Owed.REVIEW},
    ActionKind.LINK: set(),
}


@pytest.mark.parametrize(("action", "expected"), MET.items(), ids=[action.value for action in MET])
def test_what_a_step_meets_or_makes_void(action: ActionKind, expected: set[Owed]) -> None:
    """An acceptance does not meet the release: papers that are late stay owed, by name and clock."""
    assert expected == met_by(action)


LATER: Final = {Owed.CONTEST, Owed.MOVING_ON, Owed.HEADS, Owed.CHAIRS, Owed.KEEPING, Owed.REVIEW}
STATES: Final[dict[str, tuple[Handover, list[tuple[Owed, str]], set[Owed]]]] = {
    "noticed": (a_handover(), [(Owed.MOVING_ON, NEW)], LATER - {Owed.MOVING_ON}),
    "released": (a_handover(state=State.RELEASED), [(Owed.MOVING_ON, NEW)], LATER - {Owed.MOVING_ON}),
    "declined after a release": (
        a_handover(state=State.DECLINED, released=True, keeping=Keeping.OWED),
        [(Owed.MOVING_ON, NEW), (Owed.KEEPING, NEW)],
        LATER - {Owed.MOVING_ON, Owed.KEEPING},
    ),
    "provisional": (
        a_handover(state=State.PROVISIONAL),
        [(Owed.CONTEST, OLD)],
        (LATER - {Owed.CONTEST}) | {Owed.ACCEPTANCE, Owed.RESPONSE},
    ),
    "disputed": (
        a_handover(state=State.DISPUTED),
        [(Owed.HEADS, OLD), (Owed.CHAIRS, OLD)],
        LATER - {Owed.HEADS, Owed.CHAIRS},
    ),
    "accepted": (a_handover(state=State.ACCEPTED), [], LATER | {Owed.ACCEPTANCE, Owed.RESPONSE}),
    "closed": (a_handover(state=State.CLOSED), [], LATER | {Owed.ACCEPTANCE, Owed.RESPONSE}),
    "staying": (
        a_handover(state=State.STAYING),
        [],
        LATER - {Owed.REVIEW} | {Owed.ACCEPTANCE, Owed.RESPONSE},
    ),
    "withdrawn": (a_handover(state=State.WITHDRAWN), [], set(Owed)),
    "superseded after a release": (
        a_handover(state=State.SUPERSEDED, released=True, keeping=Keeping.OWED),
        [(Owed.KEEPING, NEW)],
        set(Owed) - {Owed.KEEPING},
    ),
    "hidden": (a_handover(withheld=True), [], LATER - {Owed.MOVING_ON}),
}


@pytest.mark.parametrize(("after", "owed", "void"), STATES.values(), ids=STATES)
def test_what_is_owed_and_what_no_longer_follows_from_where_a_handover_stands(
    after: Handover, owed: list[tuple[Owed, str]], void: set[Owed]
) -> None:
    assert owed == [(one.kind, one.area) for one in owed_when(None, after)]
    assert void == void_in(after)
    assert () == owed_when(after, after), "once, when it comes there"


def test_the_old_area_has_one_working_day_to_contest_and_heads_of_service_have_ten() -> None:
    """S1 of the domain's dates: Thursday before Good Friday; the next working day is the Tuesday after Easter."""
    thursday = datetime(2026, 4, 2, 16, 0, tzinfo=UTC)
    [contest] = owed_when(None, a_handover(thursday, state=State.PROVISIONAL))
    heads, chairs = owed_when(None, a_handover(thursday, state=State.DISPUTED))

    assert end_of_day(date(2026, 4, 7)) == from_ms(contest.due_ms)
    assert end_of_day(date(2026, 4, 20)) == from_ms(heads.due_ms)
    assert end_of_day(date(2026, 5, 5)) == from_ms(chairs.due_ms)


def test_a_case_handed_on_meanwhile_makes_its_new_holder_owe_the_release() -> None:
    later = KNOWN + timedelta(days=30)
    handover = a_handover(changed_ms=to_ms(later))

    [release] = when_handed_on(State.VERIFIED, handover)
    after_decline = when_handed_on(State.DECLINED, handover)

    assert (Owed.RELEASE, OLD) == (release.kind, release.area)
    assert from_ms(release.due_ms) == end_of_day(add_working_days(day_of(later), 1))
    assert [Owed.RELEASE, Owed.ACCEPTANCE] == [one.kind for one in after_decline]


def test_every_rule_is_named_to_both_sides() -> None:
    every = [
        *when_noticed(a_handover()),
        *(one for action, after, _ in STEPS.values() for one in owed_after(action, after)),
        *(one for after, _, _ in STATES.values() for one in owed_when(None, after)),
    ]

    assert all(one.reason and ("[" in one.reason or "(" in one.reason) for one in every)
    # An area's own clock depends on that area; items that were refused again and again follow from no step of a handover.
    assert set(Owed) - {Owed.CONFERENCE_LOCAL, Owed.ITEMS} == {one.kind for one in every}


def clocks_of(start: ClockStart, **changes: Any) -> Clocks:
    """The default policy, and the new area with a clock of its own."""
    entry = AreaEntry(gss=GssCode(NEW), name="Example new", clock_start=start, **changes)
    return Clocks(default_policy(), {NEW: entry}.get)


S1: Final = {
    Moment.NOTIFIED: datetime(2026, 3, 23, 10, 5, tzinfo=UTC),
    Moment.WRITTEN_PACK_RECEIVED: datetime(2026, 3, 25, 16, 0, tzinfo=UTC),
    Moment.ACCEPTED: datetime(2026, 3, 26, 9, 0, tzinfo=UTC),
    Moment.PERMANENCE_AGREED: datetime(2026, 3, 27, 9, 0, tzinfo=UTC),
}
OWN_CLOCKS: Final = {
    ClockStart.NOTIFIED: [],
    ClockStart.WRITTEN_PACK_RECEIVED: [date(2026, 4, 17)],
    ClockStart.ACCEPTED: [date(2026, 4, 20)],
    ClockStart.PERMANENCE_AGREED: [date(2026, 4, 21)],
}


@pytest.mark.parametrize(("start", "expected"), OWN_CLOCKS.items(), ids=[start.value for start in OWN_CLOCKS])
def test_an_areas_own_clock_stands_beside_the_one_from_being_notified(
    start: ClockStart, expected: list[date]
) -> None:
    """Good Friday and Easter Monday lie between. From being notified it is 15 April, whatever the area's clock."""
    accepted = a_handover(state=State.ACCEPTED)
    clocks = clocks_of(start)
    moments = {moment.value: to_ms(at) for moment, at in S1.items()}

    [notified] = owed_after(ActionKind.ACCEPT, accepted, clocks)

    assert end_of_day(date(2026, 4, 15)) == from_ms(notified.due_ms)
    assert [end_of_day(day) for day in expected] == [
        from_ms(one.due_ms) for one in local_clock(accepted, moments, clocks)
    ]


def test_a_hidden_moves_clock_does_not_tell_which_area_it_is() -> None:
    moments = {moment.value: to_ms(at) for moment, at in S1.items()}
    hidden = a_handover(state=State.ACCEPTED, withheld=True)
    clocks = clocks_of(ClockStart.ACCEPTED)

    assert () == local_clock(hidden, moments, clocks)
    assert "own clock" not in reason_shown("conference", "15 working days", hidden, {}, clocks)


def test_missing_papers_are_a_reason_beside_the_date_and_no_pause() -> None:
    accepted, clocks = a_handover(state=State.ACCEPTED), clocks_of(ClockStart.WRITTEN_PACK_RECEIVED)
    moments = {Moment.NOTIFIED.value: to_ms(KNOWN)}

    without = reason_shown("conference", "the rule", accepted, moments, clocks)
    complete = reason_shown(
        "conference", "the rule", accepted, moments | {"written_pack_received": 1}, clocks
    )

    assert "the rule; papers not received: a reason, not a pause" in without
    assert "own clock (written pack received): not begun" in without
    assert "the rule" == complete


def test_the_days_are_those_of_the_area_that_owes() -> None:
    """Scotland has no Easter Monday; the reason says whose holidays were left out."""
    clocks = clocks_of(ClockStart.NOTIFIED, calendar=Division.SCOTLAND)

    _, acceptance = when_noticed(a_handover(), clocks)

    assert end_of_day(date(2026, 4, 14)) == from_ms(acceptance.due_ms)
    assert "Scotland" in acceptance.reason


def test_an_area_that_has_published_no_terms_gets_no_guess() -> None:
    """The policy of this test counts an acceptance in school days."""
    policy = default_policy()
    odd = policy.model_copy(
        update={
            "clocks": tuple(
                clock.model_copy(update={"unit": ClockUnit.SCHOOL_DAYS}) if clock.key == "accept" else clock
                for clock in policy.clocks
            )
        }
    )

    _, acceptance = when_noticed(a_handover(), Clocks(odd, lambda _: None))

    assert f"the school terms of {NEW} are not known" in acceptance.reason
    assert to_ms(KNOWN) == acceptance.due_ms


@pytest.mark.parametrize("division", Division)
@pytest.mark.parametrize("start", ClockStart)
def test_a_reason_always_fits_beside_its_date(start: ClockStart, division: Division) -> None:
    """A view carries 200 characters; a handover that could not be shown would be told to nobody."""
    clocks = clocks_of(start, calendar=division)
    accepted = a_handover(state=State.ACCEPTED, from_area=NEW)
    moments = {moment.value: 1 for moment in Moment}
    every = [
        *when_noticed(accepted, clocks),
        *(one for action in ActionKind for one in owed_after(action, accepted, clocks)),
        *local_clock(accepted, moments, clocks),
    ]

    assert all(len(reason_shown(one.kind, one.reason, accepted, {}, clocks)) <= 200 for one in every)
