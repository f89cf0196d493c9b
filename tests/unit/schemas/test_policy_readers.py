"""Whom an author's gateway seals to, and who must not be among them."""

import pytest

from schemas.catalogue import CATALOGUE
from schemas.codes.members import MemberKind
from schemas.codes.sharing import Basis, Onward, Purpose
from schemas.default_policy import default_policy
from schemas.ids import GssCode
from schemas.policy import (
    ConcernedAreas,
    GrantAnswer,
    kept_to_front_doors,
    may_be_granted,
    prefill,
    readers_for,
    urgency_of,
)
from schemas.wire import PartKind, Urgency
from tests.support.directory import CUMBERLAND, NOW, WESTMORLAND, a_directory, a_seat
from tests.support.events import an_event, every_type

WORLD = a_directory()
ELSEWHERE = GssCode("E06000057")
MOVED = ConcernedAreas(acting=CUMBERLAND, residence=WESTMORLAND, from_area=CUMBERLAND, to_area=WESTMORLAND)
AT_HOME = ConcernedAreas(acting=CUMBERLAND, residence=CUMBERLAND)
NAMES = {seat.id: name for name, seat in WORLD.seats.items()}


def readers(
    kind: str, areas: ConcernedAreas, *, author: str | None = None, **event: object
) -> dict[str, frozenset[PartKind]]:
    choices = readers_for(
        an_event(kind, **event),  # type: ignore[arg-type]
        WORLD.directory,
        areas,
        on=NOW.date(),
        author=WORLD[author].id if author else None,
    )
    return {NAMES[choice.member_id]: choice.parts for choice in choices}


def test_a_move_is_read_by_the_front_doors_of_both_sides() -> None:
    assert {"cumberland", "westmorland"} == readers("move.notified", MOVED).keys()


def test_a_front_door_reads_what_it_wrote_itself_and_others_do_not() -> None:
    own = readers("plan.opened", AT_HOME, author="cumberland")
    police = readers("missing.child", AT_HOME, author="police")

    assert {"cumberland": frozenset(PartKind)} == own
    assert "police" not in police
    assert "education" in police


def test_operation_encompass_goes_to_the_education_desk_of_the_home_and_not_to_schools() -> None:
    found = readers("da.incident", AT_HOME, author="police")

    assert {"cumberland", "education"} == found.keys()
    assert {PartKind.CORE} == found["education"]


def test_a_birth_reaches_the_health_visitors_with_the_address() -> None:
    assert {PartKind.CORE, PartKind.LOCATION} == readers("birth.notified", AT_HOME)["health"]


def test_where_no_front_door_answers_the_acting_area_s_reads_it() -> None:
    abroad = ConcernedAreas(acting=CUMBERLAND, residence=ELSEWHERE, to_area=ELSEWHERE)

    assert {"cumberland"} == readers("move.notified", abroad).keys()


def test_areas_that_are_asked_to_look_out_are_told() -> None:
    alert = ConcernedAreas(acting=CUMBERLAND, residence=CUMBERLAND, alert=(WESTMORLAND,))

    assert {"cumberland", "westmorland", "police", "education"} == readers("missing.child", alert).keys()


def test_a_sighting_tells_the_finding_area_and_not_the_home() -> None:
    found = ConcernedAreas(acting=WESTMORLAND, residence=CUMBERLAND)

    assert {"westmorland"} == readers("missing.sighted", found).keys()


def test_learning_reaches_every_agency_of_the_area() -> None:
    found = readers("learning.published", ConcernedAreas(acting=CUMBERLAND), author="board")

    assert {"cumberland", "health", "school", "education", "police"} == found.keys()


class TestHidden:
    """P7: nothing on the old side gives away where a hidden family went."""

    def test_the_new_side_s_author_tells_the_new_side_only(self) -> None:
        areas = ConcernedAreas(acting=WESTMORLAND, from_area=CUMBERLAND, to_area=WESTMORLAND)

        found = readers("move.destination_withheld", areas, sensitivity="sensitive")

        assert {"westmorland"} == found.keys()

    def test_the_old_side_s_author_tells_its_own_front_door_without_the_place(self) -> None:
        areas = ConcernedAreas(acting=CUMBERLAND, from_area=CUMBERLAND, to_area=WESTMORLAND)

        found = readers("move.destination_withheld", areas, sensitivity="sensitive")

        assert {"westmorland": frozenset(PartKind)}.items() <= found.items()
        assert PartKind.LOCATION not in found["cumberland"]

    def test_the_stale_residence_of_the_old_side_does_not_bring_it_back(self) -> None:
        areas = ConcernedAreas(
            acting=WESTMORLAND, residence=CUMBERLAND, from_area=CUMBERLAND, to_area=WESTMORLAND
        )

        assert {"westmorland"} == readers("move.notified", areas, sensitivity="sensitive").keys()

    def test_a_new_area_without_a_front_door_gives_the_place_to_nobody(self) -> None:
        areas = ConcernedAreas(acting=CUMBERLAND, to_area=ELSEWHERE)

        found = readers("move.notified", areas, sensitivity="sensitive")

        assert {"cumberland"} == found.keys()
        assert PartKind.LOCATION not in found["cumberland"]

    def test_a_found_child_s_place_is_not_told_to_the_area_that_missed_it(self) -> None:
        areas = ConcernedAreas(acting=WESTMORLAND, residence=CUMBERLAND, to_area=WESTMORLAND)
        place = {"outcome": "found", "found_place": {"gss": WESTMORLAND}, "tell_raiser": "seen_safe"}

        assert {"westmorland"} == readers("missing.ended", areas, details=place).keys()

    def test_a_marac_that_serves_both_sides_is_not_told(self) -> None:
        shared = a_seat(MemberKind.MARAC, (CUMBERLAND, WESTMORLAND), seed=3)
        local = a_seat(MemberKind.MARAC, (WESTMORLAND,), seed=4)
        members = (*WORLD.directory.members, shared.member, local.member)
        directory = WORLD.having(members=members).directory
        areas = ConcernedAreas(acting=CUMBERLAND, from_area=CUMBERLAND, to_area=WESTMORLAND)

        chosen = readers_for(an_event("marac.transferred"), directory, areas, on=NOW.date())

        assert local.id in {choice.member_id for choice in chosen}
        assert shared.id not in {choice.member_id for choice in chosen}


@pytest.mark.parametrize("kind", every_type())
def test_no_sensitive_event_of_any_type_leaves_the_front_doors(kind: str) -> None:
    if CATALOGUE[kind].model.about_nobody or kind == "missing.ended":
        return
    found = readers(kind, MOVED, sensitivity="sensitive")

    assert found.keys() <= {"cumberland", "westmorland"}
    assert kept_to_front_doors(an_event(kind, sensitivity="sensitive"))


def test_a_sensitive_service_is_known_to_front_doors_only() -> None:
    event = an_event("involvement.declared", details={"sensitive_service": True})

    assert kept_to_front_doors(event)
    assert {"cumberland"} == readers(
        "involvement.declared", AT_HOME, details={"sensitive_service": True}
    ).keys()


@pytest.mark.parametrize("kind", every_type())
def test_every_event_reaches_somebody_who_answers_for_it(kind: str) -> None:
    assert readers(kind, AT_HOME)


def test_a_member_that_left_is_sealed_to_no_more() -> None:
    world = WORLD.having_member("education", left_on=NOW.date(), left_because="merged")

    chosen = readers_for(an_event("da.incident"), world.directory, AT_HOME, on=NOW.date())

    assert WORLD["education"].id not in {choice.member_id for choice in chosen}


def test_purpose_basis_and_mark_are_filled_in_and_the_author_s_own_are_kept() -> None:
    policy, on = default_policy(), NOW.date()
    bare = an_event("da.incident", purpose=None, basis=None, onward=None)
    said = an_event("da.incident", purpose="prevent_crime", basis="court_order", onward="never")

    filled, kept = prefill(policy, bare, on=on), prefill(policy, said, on=on)

    assert (Purpose.PROTECT_FROM_HARM, Basis.POLICE_SAFEGUARDING, Onward.FREE) == (
        filled.purpose,
        filled.basis,
        filled.onward,
    )
    assert (Purpose.PREVENT_CRIME, Basis.COURT_ORDER, Onward.NEVER) == (kept.purpose, kept.basis, kept.onward)


def test_the_policy_can_only_make_an_event_more_urgent() -> None:
    policy = default_policy()
    urgent = an_event("move.notified", details={"live": ["child_protection_plan"]})

    assert Urgency.U0 is urgency_of(policy, urgent)
    assert all(
        urgency_of(policy, event) <= event.urgency for event in (an_event(kind) for kind in every_type())
    )


@pytest.mark.parametrize(
    ("kind", "reader", "event", "answer"),
    [
        ("plan.opened", "westmorland", {}, GrantAnswer.YES),
        ("plan.opened", "school", {}, GrantAnswer.YES),
        ("plan.opened", "board", {}, GrantAnswer.NO),
        ("handover.bundle", "school", {}, GrantAnswer.NO),
        ("adult_risk.disclosed", "westmorland", {}, GrantAnswer.ASK_AUTHOR),
        ("adult_risk.disclosed", "school", {}, GrantAnswer.NO),
        ("missing.sighted", "cumberland", {}, GrantAnswer.ASK_AUTHOR),
        ("sensitivity.set", "cumberland", {"onward": "free"}, GrantAnswer.BY_PERSON),
        ("plan.opened", "school", {"onward": "ask_me"}, GrantAnswer.ASK_AUTHOR),
        ("plan.opened", "westmorland", {"onward": "never"}, GrantAnswer.NO),
        ("plan.opened", "school", {"sensitivity": "sensitive"}, GrantAnswer.NO),
        ("plan.opened", "westmorland", {"sensitivity": "sensitive"}, GrantAnswer.BY_PERSON),
    ],
)
def test_a_grant_obeys_the_rule_and_the_author_s_mark(
    kind: str, reader: str, event: dict[str, str], answer: GrantAnswer
) -> None:
    given = an_event(kind, **event)  # type: ignore[arg-type]

    assert answer is may_be_granted(WORLD.directory.policy, given, WORLD[reader].member)
