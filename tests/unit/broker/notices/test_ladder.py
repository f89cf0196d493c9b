"""Which rung is told when, and whom that is at that hour."""

from datetime import UTC, datetime
from itertools import product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.notices.ladder import Obligation, hours_at, ladder_of, rungs_due, whom
from schemas.calendars import Division
from schemas.deadlines import RUNGS, Rung
from schemas.default_policy import default_policy
from schemas.members import DutyContact

POLICY: Final = default_policy()
MINUTE: Final = 60_000
DUE: Final = 1_000 * 86_400_000
EW: Final = Division.ENGLAND_AND_WALES


def owed(ladder: str = "days") -> Obligation:
    return Obligation(b"h" * 16, "acceptance", DUE, urgent=False, ladder=POLICY.ladder(ladder))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-1441, ()),
        (-1440, RUNGS[:1]),
        (-1, RUNGS[:1]),
        (0, RUNGS[:2]),
        (2879, RUNGS[:2]),
        (2880, RUNGS[:3]),
        (7200, RUNGS),
        (100_000, RUNGS),
    ],
)
def test_late_goes_up_rung_by_rung(minutes: int, expected: tuple[Rung, ...]) -> None:
    assert expected == rungs_due(owed(), {}, DUE + minutes * MINUTE)


def test_a_process_that_was_down_finds_every_rung_that_is_due() -> None:
    assert RUNGS == rungs_due(owed("minutes"), {}, DUE + 10**6 * MINUTE)


def test_an_acknowledgement_holds_the_next_rung_for_a_while_and_no_longer() -> None:
    seen: dict[Rung, int] = {"team_manager": DUE + 2000 * MINUTE}

    assert RUNGS[:2] == rungs_due(owed(), seen, DUE + 2880 * MINUTE)
    assert RUNGS[:2] == rungs_due(owed(), seen, DUE + 3439 * MINUTE)
    assert RUNGS[:3] == rungs_due(owed(), seen, DUE + 3440 * MINUTE)


@given(
    st.sampled_from(POLICY.ladders),
    st.integers(-10_000, 20_000),
    st.integers(0, 5_000),
    st.dictionaries(st.sampled_from(RUNGS), st.integers(DUE - 10**9, DUE + 10**9)),
)
def test_time_only_ever_adds_rungs(ladder: object, minutes: int, more: int, seen: dict[Rung, int]) -> None:
    one = next(
        Obligation(b"h" * 16, "x", DUE, urgent=False, ladder=each)
        for each in POLICY.ladders
        if each is ladder
    )
    before = rungs_due(one, seen, DUE + minutes * MINUTE)
    after = rungs_due(one, seen, DUE + (minutes + more) * MINUTE)

    assert before == after[: len(before)]
    assert before == RUNGS[: len(before)]


@pytest.mark.parametrize(
    ("now", "division", "expected"),
    [
        pytest.param(datetime(2026, 3, 23, 10, 5, tzinfo=UTC), EW, "day", id="Monday morning"),
        pytest.param(datetime(2026, 3, 23, 8, 29, tzinfo=UTC), EW, "night", id="before half past eight"),
        pytest.param(datetime(2026, 3, 23, 17, 30, tzinfo=UTC), EW, "night", id="half past five"),
        pytest.param(datetime(2026, 6, 1, 7, 30, tzinfo=UTC), EW, "day", id="half past eight in summer"),
        pytest.param(datetime(2026, 3, 29, 7, 30, tzinfo=UTC), EW, "holiday", id="Sunday, clocks forward"),
        pytest.param(datetime(2026, 4, 3, 10, 0, tzinfo=UTC), EW, "holiday", id="Good Friday"),
        pytest.param(datetime(2026, 4, 6, 10, 0, tzinfo=UTC), EW, "holiday", id="Easter Monday"),
        pytest.param(datetime(2026, 4, 6, 10, 0, tzinfo=UTC), Division.SCOTLAND, "day", id="in Scotland"),
        pytest.param(datetime(2026, 12, 28, 10, 0, tzinfo=UTC), EW, "holiday", id="Boxing Day, moved"),
    ],
)
def test_the_hour_is_that_of_people_in_the_area(now: datetime, division: Division, expected: str) -> None:
    assert expected == hours_at(now, division)


def contact(rung: Rung, hours: str) -> DutyContact:
    return DutyContact.model_validate(
        {"hours": hours, "rung": rung, "role": f"{rung} {hours}", "contact": f"{rung}.{hours}@example.org"}
    )


FEW: Final = (contact("worker", "day"), contact("service_manager", "day"), contact("team_manager", "night"))


@pytest.mark.parametrize(
    ("rung", "hours", "expected"),
    [
        pytest.param("worker", "day", "worker day", id="its own"),
        pytest.param("team_manager", "day", "service_manager day", id="the next up"),
        pytest.param("head_of_service", "day", "service_manager day", id="the next down, at the top"),
        pytest.param("worker", "night", "team_manager night", id="at night the next up"),
        pytest.param("worker", "holiday", "team_manager night", id="on a holiday the night's"),
    ],
)
def test_a_rung_without_a_contact_passes_to_the_next(rung: Rung, hours: str, expected: str) -> None:
    found = whom(FEW, rung, hours)  # type: ignore[arg-type]

    assert found is not None
    assert expected == found.role


@given(st.sets(st.sampled_from([*product(RUNGS, ("day", "night", "holiday"))]), min_size=1))
def test_nobody_is_told_only_where_nobody_is_published(published: set[tuple[Rung, str]]) -> None:
    contacts = [contact(*one) for one in sorted(published)]
    for rung, hours in product(RUNGS, ("day", "night", "holiday")):
        found = whom(contacts, rung, hours)  # type: ignore[arg-type]
        assert found is not None
        if (rung, hours) in published:
            assert (rung, hours) == (found.rung, found.hours)
    assert whom([], "worker", "day") is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("grants", "minutes"),
        ("release", "hours"),
        ("acceptance", "days"),
        ("encompass", "minutes"),
        ("new", "minutes"),
    ],
)
def test_the_ladder_is_the_policys(kind: str, expected: str) -> None:
    assert expected == ladder_of(POLICY, kind).name
