"""Clocks and ladders are refused when a policy is loaded, not when a child waits for one."""

from datetime import date
from typing import Any, Final

import pytest
from pydantic import ValidationError

from schemas.deadlines import CLOCK_OF, ClockRule, LadderRule
from schemas.default_policy import default_policy
from schemas.policy import Policy
from schemas.rules import ClockUnit

POLICY: Final = default_policy()
ACCEPT: Final = next(clock for clock in POLICY.clocks if clock.key == "accept")


def changed(**changes: Any) -> ClockRule:
    return ClockRule.model_validate(ACCEPT.model_dump() | changes)


def with_clocks(*clocks: ClockRule) -> Policy:
    return Policy.model_validate(dict(POLICY) | {"clocks": (*POLICY.clocks, *clocks)})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"amount": -1}, "counts backwards", id="backwards"),
        pytest.param(
            {"amount": 0, "unit": ClockUnit.HOURS}, "counts backwards, or nothing", id="no hours at all"
        ),
        pytest.param({"before_school": True}, "no school day", id="before school on a working day"),
        pytest.param(
            {"in_force_from": date(2026, 5, 1), "in_force_until": date(2026, 4, 1)},
            "ends before",
            id="ends first",
        ),
        pytest.param({"source": ("KEY",) * 20}, "too long to stand beside", id="reason"),
        pytest.param({"source": ()}, "at least 1 item", id="no source"),
        pytest.param({"starts": ()}, "at least 1 item", id="no start"),
        pytest.param({"key": "Not A Key"}, "match pattern", id="key"),
    ],
)
def test_a_clock_that_cannot_run_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        changed(**changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"key": "odd", "starts": ("no.such_type",)}, "names no.such_type", id="start"),
        pytest.param({"key": "odd", "met_by": ("no.such_type",)}, "names no.such_type", id="met by"),
        pytest.param({"key": "odd", "ladder": "none"}, "names none", id="ladder"),
        pytest.param({}, "twice for the same days", id="twice"),
    ],
)
def test_a_policy_whose_clocks_name_what_it_does_not_have_is_refused(
    changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationError, match=why):
        with_clocks(changed(**changes))


def test_a_change_of_practice_takes_over_on_its_day() -> None:
    until, since = date(2026, 8, 31), date(2026, 9, 1)
    others = tuple(clock for clock in POLICY.clocks if clock.key != "accept")
    policy = Policy.model_validate(
        dict(POLICY)
        | {"clocks": (*others, changed(in_force_until=until), changed(in_force_from=since, amount=10))}
    )

    assert [15, 10] == [clock.amount for day in (until, since) if (clock := policy.clock("accept", day))]


def test_what_awaits_commencement_starts_no_clock() -> None:
    assert POLICY.clock("housing-213aa") is not None
    assert POLICY.clock("housing-213aa", date(2030, 1, 1)) is None


@pytest.mark.parametrize(
    ("rungs", "why"),
    [
        pytest.param([("team_manager", 0), ("worker", 5)], "rung by rung", id="down"),
        pytest.param([("worker", 5), ("head_of_service", 0)], "rung by rung", id="back in time"),
        pytest.param([("worker", 0), ("team_manager", 5)], "head of service", id="not to the top"),
    ],
)
def test_a_ladder_goes_up_to_the_head_of_service(rungs: list[tuple[str, int]], why: str) -> None:
    steps = tuple({"rung": rung, "minutes": minutes} for rung, minutes in rungs)
    with pytest.raises(ValidationError, match=why):
        LadderRule.model_validate({"name": "odd", "rungs": steps, "held_minutes": 0})


def test_what_the_router_says_is_owed_has_a_ladder() -> None:
    clocks = [POLICY.clock(key) for key in CLOCK_OF.values()]

    assert all(clock is not None and POLICY.ladder(clock.ladder) for clock in clocks)
