"""Each cue rule at its boundary, and what no rule may depend on: the order of arrival, repeats, what was corrected."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateway.cues import rules
from adapters.gateway.cues.facts import Fact
from adapters.gateway.cues.findings import Finding
from adapters.gateway.cues.planning import next_silence
from adapters.gateway.cues.rules import findings
from schemas.cues import NEEDS
from tests.support.cue_facts import BY_KEY, DAY, RULES, a_fact, find, fires


def low(day: int, attended: int = 80, possible: int = 100, name: str = "") -> Fact:
    return a_fact("attendance.summary", day, name, attended=attended, possible=possible)


def test_each_rule_of_the_policy_is_one_that_gateways_compute_and_the_other_way_round() -> None:
    assert set(rules.RULES) == set(NEEDS) == set(BY_KEY)
    assert all(rule.source and rule.themes for rule in RULES)


def test_k1_somebody_new_in_the_home_and_nobody_who_leaves() -> None:
    assert fires("k1", [a_fact("household.changed")])
    assert not fires("k1", [a_fact("household.changed", new_adult=False)])


@pytest.mark.parametrize(
    ("days", "found"), [([0, 60], True), ([0, 61], False), ([0], False), ([0, 30, 120], True)]
)
def test_k2_two_appointments_missed_within_sixty_days(days: list[int], found: bool) -> None:
    assert found == fires("k2", [a_fact("appointment.missed", day) for day in days])


def test_k2_one_missed_and_one_without_access_on_one_day() -> None:
    both = [a_fact("appointment.missed"), a_fact("appointment.missed", 0, "other", kind="no_access")]

    assert fires("k2", both)


def test_k2_names_what_belongs_together_and_leaves_out_what_does_not() -> None:
    """Two pairs a year apart are two reasons; a third within the window of two is one of three."""
    facts = [a_fact("appointment.missed", day) for day in (0, 10, 60, 400, 410)]

    assert [3, 2] == [len(one.events) for one in find("k2", facts)]


@pytest.mark.parametrize(
    ("attended", "possible", "found"),
    [(101, 118, False), (101, 119, True), (170, 200, False), (169, 199, True), (0, 29, False), (0, 30, True)],
    ids=["S4: 85.59 %", "S4: 84.87 %", "exactly 85 %", "84.92 %", "of 29 sessions", "of 30 sessions"],
)
def test_k3_less_than_85_per_cent_of_thirty_sessions(attended: int, possible: int, found: bool) -> None:
    assert found == fires("k3", [low(0, attended, possible)])


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([("eha.opened", 5)], False),
        ([("eha.declined", 5)], False),
        ([("eha.opened", -90)], False),
        ([("eha.opened", -90), ("eha.closed", -1)], True),
        ([("eha.declined", -1)], True),
        ([("eha.opened", -90), ("eha.closed", 3)], False),
    ],
    ids=["begun since", "declined since", "goes on", "had ended", "declined before", "ended during it"],
)
def test_k3_is_answered_by_early_help_or_a_reason(told: list[tuple[str, int]], found: bool) -> None:
    assert found == fires("k3", [low(0), *(a_fact(kind, day) for kind, day in told)])


def test_k3_only_the_beginning_of_a_spell_is_news() -> None:
    first, second = low(0, 80), low(30, 79)
    between = low(60, 90)
    again = low(90, 80)
    [spell] = find("k3", [second, first])

    assert (first.event, second.event) == spell.events
    assert {first.event} == spell.grounds
    assert 2 == len(find("k3", [first, second, between, again]))


@pytest.mark.parametrize(
    ("attended", "words"), [(91, None), (90, "persistent"), (51, "persistent"), (50, "severe")]
)
def test_k4_ten_per_cent_missed_is_persistent_and_fifty_severe(attended: int, words: str | None) -> None:
    found = find("k4", [low(0, attended)])

    assert [f"{attended} of 100 sessions attended: {words} absence."] * bool(words) == [
        one.words for one in found
    ]


def test_k4_becoming_severe_is_news() -> None:
    facts = [low(0, 85), low(30, 84), low(60, 50), low(90, 40)]
    [spell] = find("k4", facts)

    assert {facts[0].event, facts[2].event} == spell.grounds


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, True),
        ({"injury": False}, False),
        ({"still": False}, False),
        ({"under_one": False}, False),
        ({"known_still": False}, True),
        ({"born": "2025-03-02"}, False),
        ({"born": "2025-03-03"}, True),
    ],
    ids=["injured", "unwell", "crawls", "older", "nobody says whether it moves", "one today", "one tomorrow"],
)
def test_k8_one_injury_of_a_baby_that_cannot_move_about(said: dict[str, Any], found: bool) -> None:
    assert found == fires("k8", [a_fact("health.presentation", 0, **said)])


def test_k8_is_to_be_looked_at_at_once_and_counts_what_came_within_180_days_anywhere() -> None:
    facts = [a_fact("health.presentation", day, author=f"m-{day}") for day in (0, 180)]

    assert ["2 injuries"] == [one.words[:10] for one in find("k8", facts)]
    assert BY_KEY["k8"].urgent
    assert BY_KEY["k8"].without_case
    assert not fires("k8", facts[:1], count=2)


@pytest.mark.parametrize(
    ("days", "providers", "found"),
    [
        ((0, 1, 2, 90), "abab", True),
        ((0, 1, 2, 91), "abab", False),
        ((0, 1, 2), "abc", False),
        ((0, 1, 2, 3), "aaaa", False),
    ],
)
def test_k9_four_visits_in_ninety_days_to_two_providers(
    days: tuple[int, ...], providers: str, found: bool
) -> None:
    facts = [
        a_fact("health.presentation", day, provider=one, injury=False)
        for day, one in zip(days, providers, strict=True)
    ]

    assert found == fires("k9", facts)


def a_category(kind: str, day: int, first: str, latest: str, **said: Any) -> Fact:
    return a_fact(kind, day, initial_category=first, latest_category=latest, **said)


def test_k13_a_category_that_changed_stays_in_sight_until_the_first_risk_is_over() -> None:
    """S1: a plan that is for neglect now, and was for sexual abuse."""
    opened = a_category("plan.opened", 0, "SAB", "SAB")
    changed = a_category("plan.changed", 30, "SAB", "NEG", category_risk_closed="no")
    again = a_category("plan.changed", 60, "SAB", "NEG")
    confirmed = a_category("plan.changed", 90, "SAB", "NEG", category_risk_closed="yes")
    [cue] = find("k13", [again, changed, opened])

    assert "The category changed from sexual abuse to neglect." == cue.words
    assert (changed.event,) == cue.events
    assert fires("k13", [a_category("plan.opened", 0, "SAB", "NEG")])
    assert not fires("k13", [opened])
    assert not fires("k13", [opened, changed, again, confirmed])


@pytest.mark.parametrize(
    ("change", "day", "found"),
    [
        ("household.changed", 0, True),
        ("household.changed", 1, True),
        ("household.changed", -1, False),
        ("da.incident", 0, True),
        ("concern.raised", 30, True),
        ("concern.raised", 31, False),
        ("appointment.missed", 20, False),
    ],
)
def test_k14_a_plan_closed_within_thirty_days_of_a_change(change: str, day: int, found: bool) -> None:
    closed = a_fact("plan.closed", 30)

    assert found == fires("k14", [closed, a_fact(change, day)])


def test_k14_a_case_that_is_closed_because_the_family_moved_is_none() -> None:
    move = a_fact("move.notified", 20)

    assert fires("k14", [a_fact("plan.closed", 30), move])
    assert not fires("k14", [a_fact("plan.closed", 30, reason="RC5"), move])


def a_plan(day: int, ref: str, ends: int | None = None, **said: Any) -> list[Fact]:
    over = {"author": said.pop("author", "m-here")}
    told = [a_fact("plan.opened", day, ref, ref=ref, over=over, **said)]
    return told if ends is None else [*told, a_fact("plan.closed", ends, ref, ref=ref, over=over, **said)]


def test_k15_a_third_plan_in_the_childs_life() -> None:
    first, second, third = a_plan(0, "a", 100), a_plan(200, "b", 300), a_plan(400, "c")
    [cue] = find("k15", [*third, *first, *second])

    assert (first[0].event, second[0].event, third[0].event) == cue.events
    assert {third[0].event} == cue.grounds
    assert not fires("k15", [*first, *second])
    assert not fires("k15", [*first, *second, *a_plan(400, "c", plan="education_health_care")])
    assert fires("k15", a_plan(0, "a", before=2))
    assert not fires("k15", a_plan(0, "a", before=1))


def test_k15_a_plan_that_goes_on_in_another_area_is_no_other_plan() -> None:
    here = [*a_plan(0, "a", 100), *a_plan(200, "b", 300)]
    there = a_plan(300, "theirs", author="m-there")
    later = a_plan(301, "theirs", author="m-there")

    assert not fires("k15", [*here, *there])
    assert fires("k15", [*here, *later])
    assert not fires(
        "k15", [*a_plan(0, "a", 10), *a_plan(20, "u", 40, plan="pre_birth"), *a_plan(40, "c", author="m-x")]
    )


def a_move(day: int, to: str, origin: str = "", **said: Any) -> Fact:
    return a_fact("move.notified", day, to, to=to, **({"from": origin} | said))


def test_k18_three_addresses_within_a_year() -> None:
    assert fires("k18", [a_move(0, "b", "a"), a_move(365, "c", "b")])
    assert not fires("k18", [a_move(0, "b", "a"), a_move(366, "c", "b")])
    assert not fires("k18", [a_move(0, "b", "a"), a_move(100, "a", "b")])


@pytest.mark.parametrize(
    ("day", "said", "found"),
    [(14, {}, True), (15, {}, False), (-1, {}, False), (0, {}, True), (14, {"reason": "safety"}, False)],
)
def test_k18_a_move_within_ten_working_days_of_an_enquiry(
    day: int, said: dict[str, Any], found: bool
) -> None:
    """From a Monday on: ten working days end on the Monday two weeks later. Flight is no avoidance."""
    move = a_move(day, "b", **said)

    assert found == fires("k18", [a_fact("assessment.started"), move])
    assert not fires("k18", [a_fact("assessment.started", enquiry=False), move])
    assert found == fires("k18", [a_fact("plan.opened"), move])


def test_k30_the_same_address_told_again_is_no_move() -> None:
    """Old and new are one place, or the new one was told before: in whatever spelling, neither is one more address."""
    told = [a_move(0, "b", "b"), a_move(10, "b", "a"), a_move(20, "b", "a"), a_move(30, "b")]

    assert not fires("k18", told)
    assert not fires("k18", [a_fact("plan.opened", 20), a_move(30, "b", "b")])
    assert not fires("k14", [a_fact("plan.closed", 40), a_move(0, "b", "a"), a_move(30, "b", "a")])


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (["appointment.missed", "appointment.missed"], True),
        (["appointment.missed"], False),
        (["appointment.missed", "attendance.summary"], True),
        (["attendance.summary", "attendance.summary"], False),
    ],
)
def test_k19_called_engaged_with_two_signs_against_it(facts: list[str], found: bool) -> None:
    negatives = [a_fact(kind, 10 * number) for number, kind in enumerate(facts, 1)]

    assert found == fires("k19", [a_fact("engagement.changed"), *negatives])
    assert not fires("k19", [a_fact("engagement.changed", level="partial"), *negatives])
    assert not fires("k19", [a_fact("engagement.changed", -60), *negatives])


@pytest.mark.parametrize(("day", "found"), [(90, True), (91, False)])
def test_k20_two_incidents_in_ninety_days(day: int, found: bool) -> None:
    assert found == fires("k20", [a_fact("da.incident"), a_fact("da.incident", day)])


def test_k20_two_reports_of_one_incident_are_one() -> None:
    assert not fires("k20", [a_fact("da.incident", 0, ref="p1"), a_fact("da.incident", 1, ref="p1")])


@pytest.mark.parametrize(
    ("kind", "day", "found"),
    [
        ("exclusion.recorded", 60, True),
        ("exclusion.recorded", 61, False),
        ("yj.disposal", -60, True),
        ("attendance.summary", 5, True),
        ("appointment.missed", 5, False),
    ],
)
def test_k23_substances_and_more_within_sixty_days(kind: str, day: int, found: bool) -> None:
    assert found == fires("k23", [a_fact("substance.concern"), a_fact(kind, day)])
    assert not fires("k23", [a_fact(kind, day)])


@pytest.mark.parametrize(
    ("said", "found"),
    [({}, False), ({"history": "no"}, True), ({"tree": "unknown"}, True), ({"sources": 1}, True)],
)
def test_k27_an_assessment_without_history_tree_or_second_source(said: dict[str, Any], found: bool) -> None:
    assert found == fires("k27", [a_fact("assessment.completed", **said)])


def test_k28_ninety_days_in_which_nobody_recorded_what_the_child_says() -> None:
    plan = a_fact("plan.opened")
    heard = a_fact("voice.recorded", 50)

    assert [False, True] == [fires("k28", [plan], day) for day in (89, 90)]
    assert [False, True] == [fires("k28", [plan, heard], day) for day in (139, 140)]
    assert not fires("k28", [plan, a_fact("plan.closed", 80)], 90)
    assert not fires("k28", [a_fact("plan.opened", plan="education_health_care")], 400)
    assert DAY + timedelta(days=90) == next_silence([plan], BY_KEY["k28"], DAY)
    assert DAY + timedelta(days=180) == next_silence([plan], BY_KEY["k28"], DAY + timedelta(days=90))


def test_k28_as_long_again_is_news_and_silence_within_a_history_is_none() -> None:
    plan = a_fact("plan.opened")
    [first], [second] = (find("k28", [plan], day) for day in (90, 180))
    taken = a_fact("voice.recorded", 500).taken_ms
    granted = replace(plan, history=True, taken_ms=taken)
    [before], [after] = (find("k28", [granted], day) for day in (500, 540))

    assert first.grounds != second.grounds
    assert first.fresh == first.grounds
    assert not before.fresh
    assert after.fresh


def test_what_its_author_corrects_counts_no_more_and_nobody_else_can() -> None:
    first, second = a_fact("appointment.missed"), a_fact("appointment.missed", 5)
    own = a_fact("correction", 6, over={"supersedes": second.event})
    other = replace(own, author="m-somebody")

    assert not fires("k2", [first, second, own])
    assert fires("k2", [first, second, other])


def test_what_is_granted_with_a_history_counts_and_is_no_news() -> None:
    old = a_fact("appointment.missed", over={"history": True})
    [both] = find("k2", [old, a_fact("appointment.missed", 5)])
    [none] = find("k2", [old, a_fact("appointment.missed", 5, over={"history": True})])

    assert (1, 0) == (len(both.fresh), len(none.fresh))
    assert 2 == len(none.grounds)


_KINDS = (
    "household.changed", "appointment.missed", "attendance.summary", "health.presentation", "plan.opened",
    "plan.closed", "assessment.started", "assessment.completed", "concern.raised", "move.notified", "da.incident",
    "engagement.changed", "eha.opened", "eha.declined", "substance.concern", "exclusion.recorded", "voice.recorded",
)  # fmt: skip
_lives = st.lists(
    st.tuples(st.sampled_from(_KINDS), st.integers(0, 400), st.integers(0, 3)), min_size=1, max_size=25
)


@given(_lives, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing_in_what_is_found(
    life: list[tuple[str, int, int]], chance: random.Random
) -> None:
    facts = [a_fact(kind, day, str(number)) for kind, day, number in dict.fromkeys(life)]
    shuffled = chance.sample(facts, len(facts))

    assert _all(facts) == _all(shuffled)


def _all(facts: Sequence[Fact]) -> list[Finding]:
    return sorted(findings(facts, RULES, DAY + timedelta(days=500)), key=lambda one: (one.rule, one.events))
