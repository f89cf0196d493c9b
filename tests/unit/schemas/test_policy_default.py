"""The default policy held against the catalogue and against what it must never do."""

import pytest

from schemas.catalogue import CATALOGUE
from schemas.codes.cases import LiveStatus
from schemas.codes.members import MemberKind as Kind
from schemas.codes.sharing import Basis, Onward
from schemas.default_policy import PolicyFileError, default_policy, read_policy
from schemas.policy import (
    AreaRole,
    MoveEvidence,
    NoRuleError,
    TypeRule,
    admits,
    may_publish,
    openings_for,
)
from schemas.wire import EventClass, Field, PartKind

POLICY = default_policy()
each_rule = pytest.mark.parametrize("rule", POLICY.rules, ids=lambda rule: rule.event_type)

ONE_PER_AREA = {
    Kind.EDUCATION, Kind.CHILD_HEALTH, Kind.HEALTH_PROVIDER, Kind.POLICE, Kind.HOUSING, Kind.EARLY_HELP,
    Kind.MARAC, Kind.IDVA, Kind.YOUTH_JUSTICE,
}  # fmt: skip


def test_every_type_has_a_rule_and_every_rule_a_type() -> None:
    assert set(CATALOGUE) == {rule.event_type for rule in POLICY.rules}


@each_rule
def test_a_rule_agrees_with_the_catalogue(rule: TypeRule) -> None:
    spec = CATALOGUE[rule.event_type]

    assert spec.event_class is rule.event_class
    assert set(rule.publishers) <= spec.publishers
    assert rule.urgency >= spec.usual_urgency, "the floor may not make a routine type urgent by itself"


@each_rule
def test_every_rule_names_its_source_and_gives_a_purpose_and_a_basis_in_force(rule: TypeRule) -> None:
    today = POLICY.basis_on(rule, POLICY.adopted_on)

    assert rule.source
    assert all(rule.source)
    assert today is rule.basis
    assert today not in {Basis.SAFEGUARDING_DUTY_16LA, Basis.HOUSING_AGREEMENT_213AA}, "not commenced"
    assert today in {entry.basis for entry in POLICY.bases}


@each_rule
def test_nobody_is_a_fixed_reader_whom_an_area_has_many_of(rule: TypeRule) -> None:
    """Sealing to every school or practice of an area would be a broadcast; learning names no child."""
    if rule.event_type == "learning.published":
        return

    assert {reader.kind for reader in rule.readers} <= ONE_PER_AREA
    assert all(reader.why for reader in rule.readers)


@each_rule
def test_who_made_a_report_reaches_front_doors_only(rule: TypeRule) -> None:
    assert not any(PartKind.REPORTER in reader.parts for reader in rule.readers)


@each_rule
def test_no_board_reads_about_a_child(rule: TypeRule) -> None:
    assert Kind.BOARD not in rule.kinds or rule.event_type == "learning.published"


@each_rule
def test_a_child_s_event_always_reaches_a_front_door(rule: TypeRule) -> None:
    assert bool(rule.front_doors) != CATALOGUE[rule.event_type].model.about_nobody


def test_police_intelligence_and_marac_minutes_are_not_passed_on_unasked() -> None:
    for event_type in ("adult_risk.disclosed", "marac.listed", "marac.transferred", "missing.sighted"):
        assert Onward.ASK_ME is POLICY.rule(event_type).onward
    assert Onward.NEVER is POLICY.rule("move.destination_withheld").onward


def test_only_a_marac_reads_beside_front_doors_when_a_family_is_hidden_and_only_on_the_new_side() -> None:
    hidden = [
        (rule.event_type, reader.kind, reader.areas)
        for rule in POLICY.rules
        for reader in rule.readers
        if reader.when_hidden
    ]

    assert [("marac.transferred", Kind.MARAC, (AreaRole.TO,))] == hidden


def test_a_hidden_destination_is_granted_to_nobody_but_front_doors() -> None:
    rule = POLICY.rule("move.destination_withheld")

    assert frozenset({Kind.SOCIAL_CARE}) == rule.kinds


def test_a_sighting_goes_to_the_finding_area_and_a_person_decides_the_rest() -> None:
    rule = POLICY.rule("missing.sighted")

    assert (AreaRole.ACTING,) == rule.front_doors
    assert rule.grant_by_person
    assert () == rule.readers


@pytest.mark.parametrize(
    ("event_type", "kind", "area"),
    [
        ("da.incident", Kind.EDUCATION, AreaRole.RESIDENCE),
        ("birth.notified", Kind.HEALTH_PROVIDER, AreaRole.RESIDENCE),
        ("birth.notified", Kind.CHILD_HEALTH, AreaRole.RESIDENCE),
        ("school.left", Kind.EDUCATION, AreaRole.RESIDENCE),
        ("temp_accommodation.placed", Kind.HOUSING, AreaRole.TO),
        ("placement.out_of_area", Kind.CHILD_HEALTH, AreaRole.TO),
        ("missing.child", Kind.POLICE, AreaRole.ALERT),
    ],
)
def test_who_must_know_is_a_fixed_reader(event_type: str, kind: Kind, area: AreaRole) -> None:
    readers = POLICY.rule(event_type).readers

    assert any(reader.kind is kind and area in reader.areas for reader in readers)


def test_the_class_tables_are_the_rules_taken_together() -> None:
    for event_class in EventClass:
        rules = [rule for rule in POLICY.rules if rule.event_class is event_class]
        for kind in Kind:
            assert any(kind in rule.kinds for rule in rules) == admits(POLICY, event_class, kind)
            assert any(kind in rule.publishers for rule in rules) == may_publish(POLICY, event_class, kind)


def test_the_router_can_tell_a_forbidden_class_by_kind() -> None:
    assert not may_publish(POLICY, EventClass.HANDOVER, Kind.BOARD)
    assert not may_publish(POLICY, EventClass.PLAN, Kind.HOUSING) or may_publish(
        POLICY, EventClass.PLAN, Kind.SOCIAL_CARE
    )
    assert not may_publish(POLICY, EventClass.IDENTITY, Kind.SCHOOL)
    assert not admits(POLICY, EventClass.HANDOVER, Kind.SCHOOL)
    assert not admits(POLICY, EventClass.SHARE, Kind.POLICE)
    assert {Kind.BOARD} == {
        kind
        for kind in Kind
        if not any(admits(POLICY, each, kind) for each in EventClass if each.name != "ADMIN")
    }


def test_a_reader_other_than_a_front_door_learns_the_acting_area_and_nothing_else() -> None:
    for event_class in EventClass:
        for kind in Kind:
            opened = openings_for(POLICY, event_class, kind)
            assert Field.CHAIN not in opened
            if kind is not Kind.SOCIAL_CARE:
                assert {Field.ACTING_AREA} == opened


def test_a_sensitive_event_opens_nothing_to_anybody() -> None:
    for event_class in EventClass:
        for kind in Kind:
            assert frozenset() == openings_for(POLICY, event_class, kind, sensitive=True)


@pytest.mark.parametrize("live", LiveStatus)
@pytest.mark.parametrize("evidence", MoveEvidence)
def test_a_history_is_released_by_a_person_unless_the_policy_says_otherwise(
    live: LiveStatus, evidence: MoveEvidence
) -> None:
    rule = POLICY.release(live, evidence)

    assert not rule.pre_authorised
    assert rule.source
    assert rule.break_glass == (live in {"child_protection_plan", "section_47", "protection_order"})


def test_the_clocks_that_handovers_need_are_there_with_their_sources() -> None:
    for name in ("release", "accept", "grant", "grant-at-once", "dispute", "contest", "tell-of-move"):
        clock = POLICY.clock(name)
        assert clock
        assert clock.source
    accept = POLICY.clock("accept")
    assert accept
    assert (15, "working_days") == (accept.amount, accept.unit.value)


def test_a_duty_takes_over_on_the_day_it_commences() -> None:
    rule = POLICY.rule("concern.raised")
    bases = tuple(
        entry.model_copy(update={"awaiting_commencement": False, "in_force_from": POLICY.adopted_on})
        if entry.basis is Basis.SAFEGUARDING_DUTY_16LA
        else entry
        for entry in POLICY.bases
    )
    commenced = POLICY.model_copy(update={"bases": bases})

    assert Basis.SAFEGUARDING_PUBLIC_TASK is POLICY.basis_on(rule, POLICY.adopted_on)
    assert Basis.SAFEGUARDING_DUTY_16LA is commenced.basis_on(rule, POLICY.adopted_on)


def test_a_type_without_a_rule_cannot_be_sent() -> None:
    with pytest.raises(NoRuleError, match=r"horoscope\.published"):
        POLICY.rule("horoscope.published")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rules =", "not TOML"),
        ('name = "a"', "said in two files"),
        ('[rules."x.y"]\npublishers = ["@nobody"]', "no group"),
    ],
)
def test_files_that_make_no_policy_are_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(PolicyFileError, match=why):
        read_policy(['name = "b"', text])
