"""From findings to cues: one for one reason, not too many in a week, again only on new grounds."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adapters.gateway.cues.findings import Finding
from adapters.gateway.cues.grouping import WEEK_MS, Cue, CueState, Moment, reconcile
from schemas.cues import CuePolicy
from tests.support.cue_facts import BY_KEY, CHILD, RULES

NOW = 1_800_000_000_000
EACH = frozenset({b"a", b"b", b"c"})


def a_finding(rule: str, grounds: Iterable[bytes], *, fresh: bool = True, cased: bool = True) -> Finding:
    on = frozenset(grounds)
    none: frozenset[bytes] = frozenset()
    return Finding(
        rule, f"{rule} on {len(on)}.", tuple(sorted(on)), on, on if fresh else none, on if cased else none
    )


def a_moment(now_ms: int = NOW, *, held: bool = True, cased: bool = True) -> Moment:
    return Moment(
        CHILD,
        now_ms,
        held,
        cased,
        BY_KEY,
        CuePolicy(per_week=3, look_within=5, rules=RULES),
        lambda days: now_ms + days,
    )


def after(cues: Sequence[Cue], findings: Sequence[Finding], moment: Moment | None = None) -> list[Cue]:
    changed = {cue.id: cue for cue in reconcile(findings, cues, moment or a_moment())}
    return [changed.pop(cue.id, cue) for cue in cues] + list(changed.values())


def settled(cue: Cue, state: CueState = CueState.DISMISSED) -> Cue:
    return replace(cue, state=state, settled_ms=NOW, code="known")


def states(cues: Sequence[Cue]) -> list[tuple[str, str]]:
    return [(cue.rule, cue.state.value) for cue in cues]


def test_the_same_reason_is_one_cue_and_what_comes_later_joins_it() -> None:
    once = after([], [a_finding("k2", b_("ab"))])
    same = after(once, [a_finding("k2", b_("ab"))], a_moment(NOW + 5))
    more = after(once, [a_finding("k2", b_("abc")), a_finding("k2", b_("x"))], a_moment(NOW + 5))

    assert once == same
    assert [("k2", "open")] == states(more)
    assert {b"a", b"b", b"c", b"x"} == set(more[0].parts[0].events)
    assert (once[0].due_ms, NOW) == (more[0].due_ms, more[0].raised_ms)


def b_(letters: str) -> frozenset[bytes]:
    return frozenset(one.encode() for one in letters)


def test_what_was_settled_comes_again_only_on_new_grounds() -> None:
    for state in (CueState.DISMISSED, CueState.REAPPRAISED):
        done = [settled(after([], [a_finding("k2", b_("ab"))])[0], state)]

        assert done == after(done, [a_finding("k2", b_("ab"))])
        assert 2 == len(after(done, [a_finding("k2", b_("abc"))], a_moment(NOW + 1)))


def test_what_has_no_ground_left_is_over_and_comes_again_if_it_returns() -> None:
    once = after([], [a_finding("k2", b_("ab"))])
    over = after(once, [])
    again = after(over, [a_finding("k2", b_("ab"))], a_moment(NOW + 1))

    assert [("k2", "ended")] == states(over)
    assert [("k2", "ended"), ("k2", "open")] == states(again)


def test_beyond_the_budget_one_cue_names_all_and_what_is_urgent_is_never_held_back() -> None:
    found = [a_finding(key, [key.encode()]) for key in ("k1", "k2", "k3", "k9", "k14", "k8")]
    cues = after([], found)

    assert ["k1", "k2", "k3", "several", "k8"] == [cue.rule for cue in cues]
    assert ["k9", "k14"] == [part.rule for part in cues[3].parts]
    assert (NOW + 5, NOW) == (cues[0].due_ms, cues[4].due_ms)


def test_a_week_later_the_budget_is_whole_again() -> None:
    found = [a_finding(key, [key.encode()]) for key in ("k1", "k2", "k3")]
    cues = after([], found)
    still = after(cues, [*found, a_finding("k9", b_("x"))], a_moment(NOW + WEEK_MS - 1))
    later = after(cues, [*found, a_finding("k9", b_("x"))], a_moment(NOW + WEEK_MS))

    assert ("several", "k9") == (still[-1].rule, later[-1].rule)


def test_a_part_of_several_ends_by_itself_and_the_whole_is_settled_as_one() -> None:
    found = [a_finding(key, [key.encode()]) for key in ("k1", "k2", "k3", "k9", "k14")]
    cues = after([], found)
    fewer = after(cues, found[:4])
    done = [settled(cue) for cue in cues]

    assert ["k9"] == [part.rule for part in fewer[3].parts]
    assert done == after(done, found)


def test_what_a_history_alone_gives_reason_for_stands_in_one_cue() -> None:
    found = [a_finding(key, [key.encode()], fresh=False) for key in ("k1", "k2", "k3", "k8", "k9", "k14")]
    [cue] = after([], found)

    assert cue.several
    assert 6 == len(cue.parts)


def test_no_cue_without_a_case_but_for_a_rule_that_says_so() -> None:
    found = [a_finding("k2", b_("ab"), cased=False), a_finding("k8", b_("x"), cased=False)]

    assert ["k8"] == [cue.rule for cue in after([], found, a_moment(cased=False))]


def test_what_came_before_there_was_a_case_stands_in_one_cue_once_there_is_one() -> None:
    found = [a_finding(key, [key.encode()], cased=False) for key in ("k1", "k2", "k3")]
    before = after([], found, a_moment(cased=False))
    [cue] = after(before, found)

    assert [] == before
    assert (True, 3) == (cue.several, len(cue.parts))


def test_where_another_area_holds_the_case_what_is_open_ends_and_nothing_is_raised() -> None:
    cues = after([], [a_finding("k2", b_("ab"))])
    done = settled(cues[0])
    moment = a_moment(held=False)

    assert [] == after([], [a_finding("k2", b_("ab"))], moment)
    assert [("k2", "ended")] == states(after(cues, [a_finding("k2", b_("ab"))], moment))
    assert [done] == after([done], [a_finding("k2", b_("ab"))], moment)


@given(st.lists(st.sampled_from([*BY_KEY]), unique=True), st.permutations([b"a", b"b", b"c"]))
def test_events_that_come_one_by_one_in_any_order_leave_the_same_reasons_named_once(
    keys: list[str], order: list[bytes]
) -> None:
    cues: list[Cue] = []
    for number in range(1, len(order) + 1):
        found = [a_finding(key, order[:number]) for key in keys]
        cues = after(cues, found, a_moment(NOW + number))
        assert cues == after(cues, found, a_moment(NOW + number))
    named = [(part.rule, part.grounds) for cue in cues for part in cue.parts]

    assert sorted((key, EACH) for key in keys) == sorted(named)
