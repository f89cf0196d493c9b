"""What each action does in each state, frozen in one table; and what no run of actions can ever do."""

from collections.abc import Callable
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
    Keeping,
    Kind,
    Moved,
    NotPossible,
    State,
    after_acceptance,
    corroborated,
    side_of,
    step,
    uncontested,
    waited_too_long,
)
from broker.handover.page import PAGE, arrows, written
from schemas.control import Action, ActionKind
from schemas.handover_words import PASSES, STAYS
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
    confirmed=True,
)
NOT_RELEASED: Final = "the old area has not released the history yet"
TOO_LATE: Final = "the new area has accepted the child already; {} comes too late"
CLOSED: Final = "the handover is closed; nothing more can be done in it"
WITHDRAWN: Final = "the old area has withdrawn the handover"
MOVED_ON: Final = "the child has moved on and another area has taken the case"
RELEASED_ALREADY: Final = "the history has been released already"
DOES_NOT_FIT: Final = "{} does not fit a handover that is {}"

HEARD: Final = "the new area has accepted; the old one can release the history or contest that"
ALONE_SAYS: Final = (
    "nobody but the new area says that the child is there; ask police, health or the old area to say so"
)
NOTHING: Final = "nothing was given that could be returned, or it is decided already"

TO_PASS: Final = "the case is to pass as it is; nothing need be asked"

R, V, A, D, W, C, X, K, G, Q = (
    ActionKind.RELEASE,
    ActionKind.VERIFY,
    ActionKind.ACCEPT,
    ActionKind.DECLINE,
    ActionKind.WITHDRAW,
    ActionKind.CONFERENCE_HELD,
    ActionKind.CONTEST,
    ActionKind.RETURN_OR_RETAIN,
    ActionKind.BREAK_GLASS,
    ActionKind.ASK,
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
        X: DOES_NOT_FIT.format("contest", "noticed"),
        G: State.NOTICED,
        Q: TO_PASS,
    },
    State.RELEASED: {
        R: RELEASED_ALREADY,
        V: State.VERIFIED,
        A: State.CLOSED,
        D: State.DECLINED,
        W: State.WITHDRAWN,
        C: DOES_NOT_FIT.format("conference-held", "released"),
        X: DOES_NOT_FIT.format("contest", "released"),
        G: RELEASED_ALREADY,
        Q: TO_PASS,
    },
    State.VERIFIED: {
        R: RELEASED_ALREADY,
        V: DOES_NOT_FIT.format("verify", "verified"),
        A: State.CLOSED,
        D: State.DECLINED,
        W: State.WITHDRAWN,
        C: DOES_NOT_FIT.format("conference-held", "verified"),
        X: DOES_NOT_FIT.format("contest", "verified"),
        G: RELEASED_ALREADY,
        Q: TO_PASS,
    },
    State.PROVISIONAL: {
        R: State.CLOSED,
        V: NOT_RELEASED,
        X: State.DISPUTED,
        G: ALONE_SAYS,
        **dict.fromkeys((A, D, W, C), HEARD),
        Q: HEARD,
    },
    State.DISPUTED: {
        R: RELEASED_ALREADY,
        V: DOES_NOT_FIT.format("verify", "disputed"),
        A: State.CLOSED,
        D: "the new area has declined it already",
        W: State.WITHDRAWN,
        C: DOES_NOT_FIT.format("conference-held", "disputed"),
        X: DOES_NOT_FIT.format("contest", "disputed"),
        G: RELEASED_ALREADY,
        Q: DOES_NOT_FIT.format("ask", "disputed"),
    },
    State.ACCEPTED: {
        R: TOO_LATE.format("release"),
        V: TOO_LATE.format("verify"),
        A: TOO_LATE.format("accept"),
        D: TOO_LATE.format("decline"),
        W: TOO_LATE.format("withdraw"),
        C: State.CLOSED,
        X: TOO_LATE.format("contest"),
        G: RELEASED_ALREADY,
        Q: TOO_LATE.format("ask"),
    },
    State.DECLINED: {
        R: State.RELEASED,
        V: DOES_NOT_FIT.format("verify", "declined"),
        A: State.CLOSED,
        D: "the new area has declined it already",
        W: State.WITHDRAWN,
        C: DOES_NOT_FIT.format("conference-held", "declined"),
        X: DOES_NOT_FIT.format("contest", "declined"),
        G: RELEASED_ALREADY,
        Q: State.VERIFIED,
    },
    State.STAYING: {
        R: RELEASED_ALREADY,
        V: DOES_NOT_FIT.format("verify", "staying"),
        A: "the old area keeps the case while the child only stays there: it asks first, or the new one declines",
        D: State.DECLINED,
        W: State.WITHDRAWN,
        C: DOES_NOT_FIT.format("conference-held", "staying"),
        X: DOES_NOT_FIT.format("contest", "staying"),
        G: RELEASED_ALREADY,
        Q: State.VERIFIED,
    },
    State.WITHDRAWN: dict.fromkeys((R, V, A, D, W, C, X, G, Q), WITHDRAWN),
    State.CLOSED: {**dict.fromkeys((R, V, A, D, W, C, X, Q), CLOSED), G: RELEASED_ALREADY},
    State.SUPERSEDED: dict.fromkeys((R, V, A, D, W, C, X, G, Q), MOVED_ON),
}
PAIRS: Final = [(state, action) for state in State for action in sorted(HANDOVER_ACTIONS)]


def standing(state: State) -> Handover:
    """A handover in that state which has its whole history, where it can have it."""
    without = {State.NOTICED, State.PROVISIONAL}
    return replace(
        START,
        state=state,
        released=state not in without,
        verified=state not in without | {State.RELEASED},
        confirmed=state is not State.PROVISIONAL,
    )


@pytest.mark.parametrize(
    ("state", "action"), PAIRS, ids=[f"{state.value} {action.value}" for state, action in PAIRS]
)
def test_each_action_has_its_one_answer_in_each_state(state: State, action: ActionKind) -> None:
    expected = NOTHING if action is K else ANSWERS[state][action]
    before = standing(state)

    answer = step(before, Action(action, reason=PASSES if action is Q else None), 2_000)

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
    assert {R: OLD, W: OLD, X: OLD, Q: OLD, G: NEW, K: NEW, V: NEW, A: NEW, D: NEW, C: NEW} == {
        action: side_of(action, START) for action in HANDOVER_ACTIONS
    }


def after(handover: Handover, *actions: ActionKind | str) -> Handover:
    """The handover after these; ``day``: the old area's day has gone by, ``wait``: ten working days, ``seen``: by others."""
    for action in actions:
        now = handover.changed_ms + 1
        match action:
            case "day":
                answer: object = uncontested(handover, now)
            case "wait":
                answer = waited_too_long(handover, now)
            case "seen":
                answer = corroborated(handover, now)
            case _:
                answer = step(handover, Action(ActionKind(action), reason="return"), now)
        assert isinstance(answer, Moved), (action, answer)
        handover = answer.handover
    return handover


ALONE: Final = replace(START, confirmed=False)
WAYS: Final = {
    "on its own word, an acceptance is provisional": (ALONE, (A,), State.PROVISIONAL, OLD),
    "and stands when the old area's day has gone by": (ALONE, (A, "day"), State.CLOSED, NEW),
    "or when the old area releases the history": (ALONE, (A, R), State.CLOSED, NEW),
    "or when somebody else reports the child there": (ALONE, (A, "seen"), State.CLOSED, NEW),
    "contested, it is a dispute and the old area holds the case": (ALONE, (A, X), State.DISPUTED, OLD),
    "which the old area ends by a release": (ALONE, (A, X, R), State.CLOSED, NEW),
    "or by withdrawing": (ALONE, (A, X, W), State.WITHDRAWN, OLD),
    "or the new one by declining": (ALONE, (A, X, D), State.DECLINED, OLD),
    "after a release no acceptance is provisional": (ALONE, (R, A), State.CLOSED, NEW),
    "nor where somebody else has reported the child": (ALONE, ("seen", A), State.CLOSED, NEW),
    "a broken glass is no release: the old area still owes one": (START, (G, R), State.RELEASED, OLD),
    "it may come after an acceptance": (START, (A, G), State.CLOSED, NEW),
    "and in a dispute": (START, ("wait", G), State.DISPUTED, OLD),
    "a second decline is a dispute": (START, (D, R, D), State.DISPUTED, OLD),
    "ten working days in a waiting state are a dispute": (START, ("wait",), State.DISPUTED, OLD),
    "also after a release": (START, (R, "wait"), State.DISPUTED, OLD),
    "also after a decline": (START, (D, "wait"), State.DISPUTED, OLD),
    "a dispute can end in an acceptance": (START, ("wait", A), State.CLOSED, NEW),
    "or in a release, and goes on from there": (START, ("wait", R), State.RELEASED, OLD),
}


@pytest.mark.parametrize(("start", "way", "state", "holder"), WAYS.values(), ids=WAYS)
def test_acceptances_that_wait_and_handovers_that_are_disputed(
    start: Handover, way: tuple[ActionKind | str, ...], state: State, holder: str
) -> None:
    assert (state, holder) == (after(start, *way).state, holder_after(start, *way))


def holder_after(start: Handover, *way: ActionKind | str) -> str:
    """Whoever the last word on the case gave it to; the old area while there was none."""
    holder, now = OLD, start
    for action in way:
        before, now = now, after(now, action)
        if before.state not in HELD and now.state in HELD:
            holder = NEW
    return holder


HELD: Final = frozenset({State.ACCEPTED, State.CLOSED})


@pytest.mark.parametrize("action", [A, W, C], ids=lambda action: action.value)
def test_only_those_whom_the_dispute_is_with_end_a_contested_acceptance(action: ActionKind) -> None:
    contested = after(ALONE, A, X)

    answer = step(contested, Action(action), 9_000)

    assert (action is W) is isinstance(answer, Moved)


def test_a_hidden_handover_is_never_put_before_the_area_that_must_not_know() -> None:
    hidden = replace(ALONE, withheld=True)

    assert State.CLOSED is after(hidden, A).state
    assert waited_too_long(hidden, 2_000) is None
    assert State.DECLINED is after(hidden, D, R, D).state


KEPT: Final = {
    "declined": (R, D),
    "withdrawn": (R, W),
    "contested and given up": ("wait", R, D),
}


@pytest.mark.parametrize("way", KEPT.values(), ids=KEPT)
def test_whoever_read_a_history_for_a_case_that_did_not_pass_decides_once_what_becomes_of_it(
    way: tuple[ActionKind | str, ...],
) -> None:
    left = after(START, *way)
    assert Keeping.OWED is left.keeping
    assert step(left, Action(K, reason="burn"), 9_000) == NotPossible(NOTHING)

    decided = after(left, K)

    assert Keeping.RETURNED is decided.keeping
    assert left.state is decided.state
    assert step(decided, Action(K, reason="retain"), 9_000) == NotPossible(NOTHING)


def test_whatever_happens_no_way_leads_out_of_the_end() -> None:
    """Every state that any run can come to, each action, report and time in it: the diagram's arrows."""
    assert set(State) == {State(end) for _, end, _ in arrows()}
    assert [] == [arrow for arrow in arrows() if State(arrow[0]) in OVER]


def test_the_case_passes_only_by_ways_that_begin_with_an_acceptance() -> None:
    """An acceptance, or what makes one stand that was given before: a release, a day, somebody else's report."""
    ways = {(start, what) for start, end, what in arrows() if State(end) in HELD and State(start) not in HELD}
    signed = {start for start, what in ways if what == "new area: accept"}

    assert {state.value for state in WAITING} == signed
    assert {(start, what) for start, what in ways if what != "new area: accept"} == {
        ("provisional", "old area: release"),
        ("provisional", "one working day without contest"),
        ("provisional", "somebody else reports the child there"),
        ("disputed", "old area: release"),
    }


def test_the_page_for_managers_shows_the_states_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == written(page), "run: python -m broker.handover.page"


def test_nothing_is_to_be_decided_where_nothing_was_let_go_or_the_case_passed() -> None:
    assert Keeping.NONE is after(START, W).keeping
    assert Keeping.NONE is after(START, R, D, A).keeping


def test_a_history_that_a_third_area_made_useless_is_decided_on_too() -> None:
    chained = after_acceptance(after(START, R), THIRD, THIRD, 9_000)

    assert (State.SUPERSEDED, Keeping.OWED) == (chained.state, chained.keeping)


actions = st.one_of(
    st.builds(
        Action,
        st.sampled_from(sorted(HANDOVER_ACTIONS)),
        reason=st.sampled_from(["return", "retain", STAYS, PASSES]),
        conference=st.booleans(),
    ),
    st.sampled_from([corroborated, uncontested, waited_too_long]),
)


@given(st.booleans(), st.booleans(), st.lists(actions, max_size=14))
def test_no_run_of_actions_leaves_the_child_without_a_case_holder(
    confirmed: bool, withheld: bool, run: list[Action | Callable[[Handover, int], Moved | None]]
) -> None:
    """The holder is the old area until an acceptance of the new one counts, and then the new one; nothing else moves it."""
    now, holder, accepted = replace(START, confirmed=confirmed, withheld=withheld), OLD, False
    for moment, action in enumerate(run, start=2):
        before = now
        answer = step(now, action, moment) if isinstance(action, Action) else action(now, moment)
        match answer:
            case Moved(result, new_holder, order_history):
                now = result
                accepted = accepted or (isinstance(action, Action) and action.kind is A)
                assert new_holder in {None, NEW}
                assert accepted or new_holder is None, "nobody holds what nobody has signed for"
                assert order_history is (isinstance(action, Action) and action.kind in {R, G})
                holder = new_holder or holder
                unchanging = ("handover", "child", "from_area", "to_area", "kind", "evidence", "opened_ms")
                assert [getattr(before, name) for name in unchanging] == [
                    getattr(now, name) for name in unchanging
                ]
            case NotPossible(why):
                assert why
            case _:
                assert now is before
        assert holder == (NEW if now.state in HELD else OLD)
        assert now.released or not now.verified
        assert not (now.state is State.PROVISIONAL and (now.released or now.confirmed or now.withheld))
        assert not now.contested or now.state is State.DISPUTED
        assert now.keeping is Keeping.NONE or now.released or now.glass
        if before.state in OVER:
            assert now.state is before.state


@given(st.sampled_from(list(State)), st.booleans(), st.sampled_from(sorted(HANDOVER_ACTIONS)))
def test_an_action_that_comes_twice_is_taken_once(state: State, confirmed: bool, action: ActionKind) -> None:
    before = replace(standing(state), confirmed=confirmed and state is not State.PROVISIONAL)
    match step(before, Action(action, reason="retain"), 2_000):
        case Moved(once):
            assert isinstance(step(once, Action(action, reason="retain"), 3_000), NotPossible)
        case NotPossible():
            pass


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
        assert after.state in WAITING | {State.PROVISIONAL, State.STAYING}
        assert (holder, to_area) == (after.from_area, after.to_area)
        assert after.to_area != holder
        assert kind is Kind.CONFLICT or after.to_area == safety
    else:
        assert after.state is State.SUPERSEDED
    if after.from_area != other.from_area:
        assert (State.NOTICED, False, False) == (after.state, after.released, after.verified)


def moved(before: Handover, action: Action) -> Handover:
    answer = step(before, action, 2_000)
    assert isinstance(answer, Moved), answer
    return answer.handover


@pytest.mark.parametrize(
    "state", [State.NOTICED, State.RELEASED, State.VERIFIED, State.DECLINED, State.DISPUTED, State.STAYING]
)
def test_a_stay_keeps_the_case_where_it_is_and_leads_back_when_it_is_one_no_more(state: State) -> None:
    """No time and no machine ends it: its review climbs the ladder, and the old area's person says what it is."""
    staying = moved(standing(state), Action(Q, reason=STAYS))
    again = moved(staying, Action(Q, reason=STAYS))
    back = moved(again, Action(Q, reason=PASSES))

    assert State.STAYING is staying.state is again.state
    assert waited_too_long(staying, 9_000) is None
    assert back.state is {State.NOTICED: State.NOTICED, State.RELEASED: State.RELEASED}.get(
        state, State.VERIFIED
    )
    assert moved(back, Action(A)).state is State.CLOSED


def test_nothing_is_called_a_stay_while_an_acceptance_is_contested_or_the_place_is_hidden() -> None:
    contested = replace(standing(State.DISPUTED), contested=True)
    hidden = replace(standing(State.NOTICED), withheld=True)
    conflict = replace(standing(State.NOTICED), kind=Kind.CONFLICT)

    for before in (contested, hidden, conflict):
        assert isinstance(step(before, Action(Q, reason=STAYS), 2_000), NotPossible)
