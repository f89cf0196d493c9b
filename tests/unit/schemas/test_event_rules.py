"""The rules of single types: what each must say, and how urgent, moving and binding it is."""

from datetime import date
from fractions import Fraction
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import CATALOGUE
from schemas.codes.cases import DashBand
from schemas.codes.cin import AssessmentFactor
from schemas.codes.members import MemberKind
from schemas.errors import EventRefusedError
from schemas.events.base import MatterFact, Movement
from schemas.events.education import AttendanceDetails, TransitionPlanDetails
from schemas.events.health import under_one_year
from schemas.events.police import DomesticAbuseDetails, dash_band
from schemas.ids import GssCode, Postcode
from schemas.wire import MatterEffect, Urgency
from tests.support.events import CHILD, CUMBERLAND, NOW, PUPIL, WESTMORLAND, an_event, every_type

WORDS = {"words": "I want my own room.", "setting": "at home"}


def _refused(kind: str, rule_words: str, *, details: dict[str, Any] | None = None, **override: Any) -> None:
    with pytest.raises(EventRefusedError, match=rule_words):
        an_event(kind, details=details, **override)


class TestAttendance:
    @staticmethod
    def _details(attended: int, possible: int) -> AttendanceDetails:
        event = an_event(
            "attendance.summary", details={"attended": attended, "possible": possible, "unauthorised": 0}
        )
        assert isinstance(event.details, AttendanceDetails)
        return event.details

    @given(possible=st.integers(1, 400), data=st.data())
    def test_shares_are_exact(self, possible: int, data: st.DataObject) -> None:
        attended = data.draw(st.integers(0, possible))
        details = self._details(attended, possible)

        assert Fraction(attended, possible) == details.rate
        assert (attended * 100 < possible * 85) == details.below_85

    @pytest.mark.parametrize(
        ("attended", "possible", "below", "absence", "urgency"),
        [
            (85, 100, False, "persistent", Urgency.U3),
            (17, 20, False, "persistent", Urgency.U3),
            (84, 100, True, "persistent", Urgency.U2),
            (1699, 2000, True, "persistent", Urgency.U2),
            (90, 100, False, "persistent", Urgency.U3),
            (91, 100, False, "none", Urgency.U3),
            (50, 100, True, "severe", Urgency.U2),
            (51, 100, True, "persistent", Urgency.U2),
            (0, 0, False, "none", Urgency.U3),
        ],
    )
    def test_limits_are_strict_where_they_must_be(
        self, attended: int, possible: int, below: bool, absence: str, urgency: Urgency
    ) -> None:
        """Exactly 85 % is not below; exactly 10 % missed is persistent; exactly 50 % is severe."""
        details = self._details(attended, possible)

        assert (below, absence, urgency) == (details.below_85, details.absence, details.how_urgent())

    def test_a_share_is_never_sent_as_a_fraction_of_one(self) -> None:
        _refused("attendance.summary", "details.attended", details={"attended": 0.85})

    def test_sessions_must_add_up(self) -> None:
        _refused("attendance.summary", "more sessions", details={"attended": 78, "unauthorised": 3})

    def test_a_medical_reason_says_whether_health_confirmed_it(self) -> None:
        _refused("attendance.summary", "corroboration", details={"medical_reason_given": True})


class TestVoice:
    def test_a_plan_without_words_is_sent_and_flagged(self) -> None:
        """Never refused for the missing words: it says why, and by when somebody will have asked."""
        pending = {"not_yet_obtained": {"reason": "On holiday until Monday.", "due": "2026-03-16"}}
        event = an_event("transition_plan.published", details={"voice": pending})

        assert isinstance(event.details, TransitionPlanDetails)
        assert event.details.voice.missing

    @pytest.mark.parametrize(
        "voice",
        [
            {},
            {"words": WORDS, "not_yet_obtained": {"reason": "x", "due": "2026-03-16"}},
            {"not_yet_obtained": {"reason": "On holiday."}},
            {"words": {"words": "  "}},
        ],
        ids=["neither", "both", "no due date", "blanks"],
    )
    def test_anything_between_is_refused(self, voice: dict[str, Any]) -> None:
        _refused("transition_plan.published", "details.voice", details={"voice": voice})


class TestReasons:
    @pytest.mark.parametrize(
        ("kind", "field"),
        [
            ("eha.declined", "reason"),
            ("share.declined", "reason"),
            ("share.declined", "review_on"),
            ("handover.declined", "because"),
            ("handover.declined", "reason"),
            ("transfer.refused", "because"),
            ("return_or_retain.decided", "because"),
            ("reappraisal.recorded", "why"),
            ("identity.unlinked", "why"),
            ("household.changed", "adult"),
            ("cme.reported", "enquiries"),
            ("attendance_plan.reviewed", "why_not_held"),
            ("concern.closed", "reason"),
        ],
    )
    def test_a_decision_without_its_reason_is_refused(self, kind: str, field: str) -> None:
        _refused(kind, "details", details={field: None})

    def test_blanks_are_no_reason(self) -> None:
        _refused("eha.declined", "details.reason", details={"reason": "  "})

    def test_holding_events_back_needs_a_reason(self) -> None:
        held = {"held_back": ["0198f2a0-5c00-7a4b-8c1d-2e3f4a5b6c7d"]}
        _refused("handover.released", "without a reason", details=held)


ADULT = {
    "adult_ref": "a-1",
    "statement": "Drinks at home.",
    "standing": "reported_by",
    "reported_by": "neighbour",
    "source": "telephone call",
    "review_by": "2026-06-01",
}


class TestAdults:
    @pytest.mark.parametrize("field", ["standing", "source", "review_by", "reported_by"])
    def test_no_statement_without_standing_source_and_review(self, field: str) -> None:
        incomplete = {name: value for name, value in ADULT.items() if name != field}
        _refused("voice.recorded", "adults.0", adults=[incomplete])

    def test_a_complete_statement_travels_with_any_event(self) -> None:
        assert 1 == len(an_event("voice.recorded", adults=[ADULT]).adults)

    @pytest.mark.parametrize("code", ["1B", "3C", "6B", "18C", "19C"])
    def test_a_factor_about_an_adult_has_a_standing(self, code: str) -> None:
        _refused("assessment.completed", "standing", details={"factors": [{"factor": code}]})

    @pytest.mark.parametrize("code", ["1A", "7A", "8B", "16A", "18B", "21"])
    def test_a_factor_about_the_child_needs_none(self, code: str) -> None:
        an_event("assessment.completed", details={"factors": [{"factor": code}]})

    def test_substances_at_home_name_the_adult_with_standing(self) -> None:
        _refused("substance.concern", "standing", details={"factor": "1C", "adult": None})
        _refused("substance.concern", "not a factor", details={"factor": "16A"})

    def test_there_are_as_many_factors_as_the_census_has(self) -> None:
        assert 42 == len(AssessmentFactor)

    def test_told_is_per_person(self) -> None:
        told = [
            {"person": "child", "told": "yes", "by": "class teacher"},
            {"person": "parent", "who": "mother", "told": "yes", "objection": "Wanted to say it herself."},
            {
                "person": "parent",
                "who": "father",
                "told": "no_unsafe",
                "why": "Violent before.",
                "safe_contact": "none",
            },
        ]

        assert 3 == len(an_event("da.incident", informed=told).informed)


class TestUrgency:
    @pytest.mark.parametrize(
        ("kind", "details", "expected"),
        [
            ("move.notified", {}, Urgency.U1),
            ("move.notified", {"live": ["early_help"]}, Urgency.U1),
            ("move.notified", {"live": ["child_protection_plan"]}, Urgency.U0),
            ("move.notified", {"live": ["early_help", "section_47"]}, Urgency.U0),
            ("move.destination_withheld", {}, Urgency.U0),
            ("temp_accommodation.placed", {}, Urgency.U2),
            ("concern.raised", {"immediate_danger": True}, Urgency.U0),
            ("assessment.started", {"assessment": "section_47"}, Urgency.U1),
            ("missing.child", {}, Urgency.U0),
            ("secure.entered", {}, Urgency.U0),
            ("secure.leaving", {}, Urgency.U1),
            ("adult_risk.disclosed", {}, Urgency.U0),
            ("da.incident", {}, Urgency.U1),
            ("sensitivity.set", {}, Urgency.U0),
            ("eha.opened", {}, Urgency.U3),
            ("learning.published", {}, Urgency.U3),
        ],
    )
    def test_is_what_the_catalogue_says(self, kind: str, details: dict[str, Any], expected: Urgency) -> None:
        assert expected == an_event(kind, details=details).urgency

    @pytest.mark.parametrize(
        ("born", "details", "expected"),
        [
            ("2025-03-03", {}, Urgency.U1),
            ("2025-03-02", {}, Urgency.U2),
            ("2015-01-01", {}, Urgency.U2),
            (None, {"under_one": True}, Urgency.U1),
            (None, {}, Urgency.U2),
            ("2025-03-02", {"mobility": "not_mobile"}, Urgency.U1),
            ("2025-03-02", {"mobility": "not_mobile", "injury": False}, Urgency.U2),
        ],
    )
    def test_a_baby_at_a_health_service_is_seen_by_the_next_day(
        self, born: str | None, details: dict[str, Any], expected: Urgency
    ) -> None:
        subject = {"nhs_number": CHILD} | ({"date_of_birth": born} if born else {})

        assert expected == an_event("health.presentation", details=details, subject=subject).urgency

    def test_a_leap_day_baby_turns_one_on_the_first_of_march(self) -> None:
        born = date(2028, 2, 29)

        assert under_one_year(born, NOW.replace(year=2029, month=2, day=28))
        assert not under_one_year(born, NOW.replace(year=2029, month=3, day=1))

    def test_every_type_has_one(self) -> None:
        assert all(isinstance(an_event(kind).urgency, Urgency) for kind in every_type())


class TestMovement:
    def test_is_read_the_same_way_from_every_type_that_moves_a_child(self) -> None:
        moving = {kind for kind in every_type() if an_event(kind).movement is not None}

        assert {
            "move.notified",
            "placement.out_of_area",
            "temp_accommodation.placed",
            "secure.entered",
        } <= moving
        assert not moving & {"attendance.summary", "voice.recorded", "plan.opened", "da.incident"}

    def test_a_place_fills_in_for_an_area_that_was_not_given(self) -> None:
        event = an_event(
            "move.notified",
            details={
                "from_area": None,
                "to_area": None,
                "from_place": {"postcode": "CA3 8NA", "gss": CUMBERLAND},
                "to_place": {"postcode": "LA9 4DQ"},
            },
        )

        assert Movement(GssCode(CUMBERLAND), None, Postcode("CA3 8NA"), Postcode("LA9 4DQ")) == event.movement

    def test_a_destination_is_given_or_said_to_be_unknown(self) -> None:
        unknown = an_event("move.notified", details={"to_area": None, "destination_unknown": True})

        assert Movement(from_area=GssCode(CUMBERLAND)) == unknown.movement
        _refused("move.notified", "where to", details={"to_area": None})
        _refused("move.notified", "where to", details={"destination_unknown": True})

    @pytest.mark.parametrize("kind", ["move.destination_withheld", "marac.transferred"])
    def test_what_must_stay_hidden_says_so(self, kind: str) -> None:
        movement = an_event(kind).movement

        assert movement is not None
        assert movement.withheld

    def test_a_withheld_destination_is_always_sensitive(self) -> None:
        _refused("move.destination_withheld", "sensitive", sensitivity="normal")

    def test_changing_school_or_gp_alone_is_no_move(self) -> None:
        assert an_event("school.joined").movement is None
        assert an_event("gp.changed").movement is None
        assert an_event("gp.changed", details={"moved_to": {"postcode": "LA9 4DQ"}}).movement == Movement(
            to_postcode=Postcode("LA9 4DQ")
        )

    def test_a_found_child_tells_the_raiser_no_area_by_itself(self) -> None:
        found = {"found_place": {"gss": WESTMORLAND}}
        movement = an_event("missing.ended", details=found).movement

        assert movement == Movement(to_area=GssCode(WESTMORLAND), withheld=True)
        _refused(
            "missing.ended", "would tell the area", details={"tell_raiser": "area"}, sensitivity="sensitive"
        )


class TestMatters:
    OPENS: ClassVar = {
        "plan.opened": "plan-1",
        "concern.raised": "ref-9",
        "assessment.started": "ass-3",
        "eha.opened": "eha-4",
        "missing.child": "mis-5",
        "missing.family": "mis-6",
    }
    CLOSES: ClassVar = {
        "plan.closed": "plan-1",
        "concern.closed": "ref-9",
        "assessment.completed": "ass-3",
        "eha.closed": "eha-4",
        "missing.ended": "mis-5",
    }

    @pytest.mark.parametrize("kind", every_type())
    def test_only_plan_assessment_concern_early_help_and_missing_report_open_one(self, kind: str) -> None:
        if kind in self.OPENS:
            expected = MatterFact(MatterEffect.OPEN, self.OPENS[kind])
        elif kind in self.CLOSES:
            expected = MatterFact(MatterEffect.CLOSE, self.CLOSES[kind])
        else:
            expected = MatterFact()

        assert expected == an_event(kind).matter


class TestIdentity:
    def test_a_link_is_a_named_persons_decision(self) -> None:
        _refused("identity.linked", "by name", details={"decided_by": {"role": "front door"}})
        _refused("identity.linked", "details.evidence", details={"evidence": []})
        _refused("identity.linked", "twice", details={"identities": [{"upn": PUPIL}, {"upn": PUPIL}]})

    def test_each_identity_is_exactly_one_identifier(self) -> None:
        _refused(
            "identity.linked",
            "exactly one",
            details={"identities": [{"upn": PUPIL, "nhs_number": CHILD}, {"upn": PUPIL}]},
        )

    def test_an_adoption_is_never_linked(self) -> None:
        _refused("identity.changed", "never linked", details={"change": "adopted"})
        an_event("identity.changed", details={"change": "adopted", "previous": None})

    def test_only_front_doors_link(self) -> None:
        assert (
            {MemberKind.SOCIAL_CARE}
            == CATALOGUE["identity.linked"].publishers
            == CATALOGUE["identity.unlinked"].publishers
        )

    def test_only_police_and_social_care_open_a_watch(self) -> None:
        assert {MemberKind.SOCIAL_CARE, MemberKind.POLICE} == CATALOGUE["missing.child"].publishers


class TestSingleRules:
    def test_a_protection_plan_keeps_its_first_category(self) -> None:
        _refused("plan.changed", "both categories", details={"initial_category": None})
        an_event(
            "plan.changed",
            details={"plan": "child_in_need", "initial_category": None, "latest_category": None},
        )

    def test_a_conference_that_puts_a_child_on_a_plan_says_for_what(self) -> None:
        _refused("conference.held", "without a category", details={"category": None})

    def test_a_placement_at_a_distance_is_approved(self) -> None:
        _refused("placement.out_of_area", "not approved", details={"at_a_distance": True})

    def test_whereabouts_unknown_speaks_of_the_joint_enquiry(self) -> None:
        _refused("school.left", "joint enquiry", details={"ground": "whereabouts_unknown"})

    def test_adults_in_contact_are_listed_or_asked_for(self) -> None:
        _refused("handover.bundle", "adults in contact", details={"adults_in_contact": {}})
        an_event("handover.bundle", details={"adults_in_contact": {"asked_not_known_on": "2026-03-01"}})

    def test_a_correction_says_what_it_corrects(self) -> None:
        _refused("correction", "which event", supersedes=None)

    def test_learning_names_nobody(self) -> None:
        _refused("learning.published", "may not name a person", subject={"nhs_number": CHILD})
        _refused("learning.published", "personal data", adults=[ADULT])
        _refused("learning.published", "nobody and names somebody", subject={"nobody": True, "upn": PUPIL})

    def test_a_pregnancy_is_found_through_the_mother(self) -> None:
        _refused("pregnancy.booked", "unborn", subject={"nhs_number": CHILD})

    @pytest.mark.parametrize(
        ("score", "band"), [(0, "standard"), (9, "standard"), (10, "medium"), (13, "medium"), (14, "high")]
    )
    def test_dash_bands(self, score: int, band: str) -> None:
        assert DashBand(band) is dash_band(score)

    def test_a_professional_may_put_the_band_higher_than_the_score(self) -> None:
        event = an_event("da.incident", details={"dash_stated_band": "high"})

        assert isinstance(event.details, DomesticAbuseDetails)
        assert DashBand.HIGH is event.details.band
