"""What each action does in each state, frozen in one table; and what no run of actions can ever do."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.handover.machine import (
    HANDOVER_ACTIONS,
    OPEN,
    OVER,
    WAITING,
    Handover,
    Kind,
    Moved,
    NotPossible,
    State,
    after_acceptance,
    side_of,
    step,
)
from schemas.control import Action, ActionKind
from schemas.wire import Urgency

OLD, NEW, THIRD = "E06000063", "E06000064", "E06000057"
START = Handover(
    handover=b"h" * 16,
    child=b"c" * 16,
    origin=b"c" * 16,
    from_area=OLD,
    to_area=NEW,
    kind=Kind.MOVE,
    state=State.NOTICED,
    evidence=b"e" * 16,
    urgency=Urgency.U2,
    opened_ms=1_000,
    changed_ms=1_000,
)
NOT_RELEASED: Final = "the old area has not released the history yet"
TOO_LATE: Final = "the new area has accepted the child already; {} comes too late"
CLOSED: Final = "the handover is closed; nothing more can be done in it"
WITHDRAWN: Final = "the old area has withdrawn the handover"
MOVED_ON: Final = "the child has moved on and another area has taken the case"
RELEASED_ALREADY: Final = "the history has been released already"
DOES_NOT_FIT: Final = "{} does not fit a handover that is {}"

R, V, A, D, W, C = (
    ActionKind.RELEASE,
    ActionKind.VERIFY,
    ActionKind.ACCEPT,
    ActionKind.DECLINE,
    ActionKind.WITHDRAW,
    ActionKind.CONFERENCE_HELD,
)
# For each state (released where it must have been): the state that each action leads to, or why it does not.
ANSWERS: Final[dict[State, dict[ActionKind, State | str]]] = {
    State.NOTICED: {
        R: State.RELEASED,
        V: NOT_RELEASED,
        A: State.CLOSED,
        D: State.DECLINED,
        W: State.WITHDRAWN,
        C: DOES_NOT_FIT.format("conference-held", "noticed"),
    },
    State.RELEASED: {
        R: RELEASED_ALREADY,
        V: State.VERIFIED,
        A: State.CLOSED,
        D: State.DECLINED,
        W: State.WITHDRAWN,
        C: DOES_NOT_FIT.format("conference-held", "released"),
    },
    State.VERIFIED: {
        R: RELEASED_ALREADY,
        V: DOES_NOT_FIT.format("verify", "verified"),
        A: State.CLOSED,
        D: State.DECLINED,
        W: State.WITHDRAWN,
        C: DOES_NOT_FIT.format("conference-held", "verified"),
    },
    State.ACCEPTED: {
        R: TOO_LATE.format("release"),
        V: TOO_LATE.format("verify"),
        A: TOO_LATE.format("accept"),
        D: TOO_LATE.format("decline"),
        W: TOO_LATE.format("withdraw"),
        C: State.CLOSED,
    },
    State.DECLINED: {
        R: State.RELEASED,
        V: DOES_NOT_FIT.format("verify", "declined"),
        A: State.CLOSED,
        D: "the new area has declined it already",
        W: State.WITHDRAWN,
        C: DOES_NOT_FIT.format("conference-held", "declined"),
    },
    State.WITHDRAWN: dict.fromkeys((R, V, A, D, W, C), WITHDRAWN),
    State.CLOSED: dict.fromkeys((R, V, A, D, W, C), CLOSED),
    State.SUPERSEDED: dict.fromkeys((R, V, A, D, W, C), MOVED_ON),
}
PAIRS: Final = [(state, action) for state in State for action in sorted(HANDOVER_ACTIONS)]


def standing(state: State) -> Handover:
    """A handover in that state which has its whole history, where it can have it."""
    papers = state not in {State.NOTICED, State.RELEASED}
    return replace(START, state=state, released=state is not State.NOTICED, verified=papers)


@pytest.mark.parametrize(
    ("state", "action"), PAIRS, ids=[f"{state.value} {action.value}" for state, action in PAIRS]
)
def test_each_action_has_its_one_answer_in_each_state(state: State, action: ActionKind) -> None:
    expected = ANSWERS[state][action]
    before = standing(state)

    answer = step(before, Action(action), 2_000)

    match answer:
        case Moved(after):
            assert expected == after.state
            assert after.changed_ms == 2_000
        case NotPossible(why):
            assert expected == why


LATE_PAPERS: Final = {
    "released after an acceptance": (State.ACCEPTED, R, False, False),
    "released after the end": (State.CLOSED, R, False, False),
    "verified after an acceptance": (State.ACCEPTED, V, True, False),
    "verified after the end": (State.CLOSED, V, True, False),
    "verified after a decline": (State.DECLINED, V, True, False),
}


@pytest.mark.parametrize(("state", "action", "released", "verified"), LATE_PAPERS.values(), ids=LATE_PAPERS)
def test_papers_may_come_late_and_change_no_state(
    state: State, action: ActionKind, released: bool, verified: bool
) -> None:
    before = replace(START, state=state, released=released, verified=verified)

    answer = step(before, Action(action), 2_000)

    assert isinstance(answer, Moved)
    assert (state, True, action is V) == (
        answer.handover.state,
        answer.handover.released,
        answer.handover.verified,
    )
    assert (action is R) is answer.order_history
    assert answer.holder is None
    assert isinstance(step(answer.handover, Action(action), 3_000), NotPossible)


@pytest.mark.parametrize(
    "state", [State.ACCEPTED, State.CLOSED, State.DECLINED], ids=lambda state: state.value
)
def test_nothing_is_verified_that_was_not_released(state: State) -> None:
    assert step(replace(START, state=state), Action(V), 2_000) == NotPossible(NOT_RELEASED)


def test_a_protection_plan_waits_for_its_conference() -> None:
    accepted = step(START, Action(A, conference=True), 2_000)

    assert isinstance(accepted, Moved)
    assert (State.ACCEPTED, NEW) == (accepted.handover.state, accepted.holder)


def test_each_action_is_of_one_side_only() -> None:
    assert {R: OLD, W: OLD, V: NEW, A: NEW, D: NEW, C: NEW} == {
        action: side_of(action, START) for action in HANDOVER_ACTIONS
    }


actions = st.builds(Action, st.sampled_from(sorted(HANDOVER_ACTIONS)), conference=st.booleans())


@given(st.lists(actions, max_size=14))
def test_no_run_of_actions_leaves_the_child_without_a_case_holder(run: list[Action]) -> None:
    """The holder is the old area until the new one accepts, and then the new one; nothing else ever moves it."""
    now, holder = START, OLD
    for moment, action in enumerate(run, start=2):
        before = now
        match step(now, action, moment):
            case NotPossible(why):
                assert why
            case Moved(after, new_holder, order_history):
                now = after
                assert (new_holder is not None) is (action.kind is A)
                assert order_history is (action.kind is R)
                holder = new_holder or holder
                unchanging = ("handover", "child", "from_area", "to_area", "kind", "evidence", "opened_ms")
                assert [getattr(before, name) for name in unchanging] == [
                    getattr(after, name) for name in unchanging
                ]
        accepted = now.state in {State.ACCEPTED, State.CLOSED}
        assert holder == (NEW if accepted else OLD)
        assert now.released or not now.verified
        if before.state in OVER:
            assert now.state is before.state
        assert isinstance(step(before, action, moment), NotPossible) or isinstance(
            step(now, action, moment), NotPossible
        )


@given(
    st.sampled_from(list(State)),
    st.sampled_from(list(Kind)),
    st.sampled_from([OLD, NEW, THIRD]),
    st.sampled_from([OLD, NEW, THIRD]),
    st.sampled_from([OLD, NEW, THIRD]),
)
def test_after_an_acceptance_every_open_handover_starts_from_the_new_holder(
    state: State, kind: Kind, to_area: str, holder: str, safety: str
) -> None:
    other = replace(START, state=state, kind=kind, to_area=to_area, released=True, verified=True)

    after = after_acceptance(other, holder, safety, 2_000)

    if state in OVER:
        assert after == other
    elif after.state in OPEN:
        assert after.state in WAITING
        assert (holder, to_area) == (after.from_area, after.to_area)
        assert after.to_area != holder
        assert kind is Kind.CONFLICT or after.to_area == safety
    else:
        assert after.state is State.SUPERSEDED
    if after.from_area != other.from_area:
        assert (State.NOTICED, False, False) == (after.state, after.released, after.verified)
