"""What each kind of message becomes, what is withheld, and what is never said."""

from datetime import date
from typing import Any

import pytest

from adapters.formats.outcome import Mapped
from schemas.codes.cases import MoveKind
from schemas.codes.sharing import Lifecycle, Sensitivity
from schemas.events.demographics import DeathNotified, GpChanged, ProfessionalContactsChanged, RecordChanged
from schemas.events.health import BirthNotified
from schemas.events.moves import DestinationWithheld, MoveNotified
from tests.support.nems_messages import (
    DEATH,
    a_birth,
    a_contact,
    a_death,
    a_gp_change,
    a_move,
    a_record_change,
    an_address,
    mapped,
    nhs_identifier,
    only,
    refused,
    resource_of,
    restricted,
)

OLD = an_address("old", "CA3 8NA", "1 EXAMPLE COURT", "CARLISLE", start="2021-08-02", end="2026-03-20")
NEW = an_address("home", "LA9 4DQ", "2 SPECIMEN YARD", "KENDAL", start="2026-03-20")
EVERY_KIND = [a_move, a_gp_change, a_death, a_record_change, a_contact, a_birth]


def codes_of(found: Mapped) -> set[str]:
    return {note.code for note in found.report.notes}


def unmapped_of(found: Mapped, code: str) -> list[str]:
    return [remark.place.path for remark in found.report.unmapped if remark.code == code]


def the_move(found: Mapped) -> MoveNotified:
    event = only(found)
    assert isinstance(event, MoveNotified)
    return event


class TestHiddenFamilies:
    """A restricted patient's message says which areas, and nothing else of where [PDS-META][PDS-GET]."""

    @pytest.mark.parametrize("build", EVERY_KIND)
    def test_no_address_organisation_or_contact_leaves(self, build: Any) -> None:
        found = mapped(restricted(build()))

        assert found.report.sensitive
        said = " ".join(event.to_json().decode() for event in found.events)
        for secret in ("CA3", "LA9", "EXAMPLE", "SPECIMEN", "KENDAL", "CARLISLE", "Kendal", "01539"):
            assert secret not in said
        for code in ("A82001", "A82002", "RNN", "RTX02", "supplier"):
            assert code not in said
        assert all(event.sensitivity is Sensitivity.SENSITIVE for event in found.events)

    def test_a_move_is_withheld_and_the_new_area_stands_only_where_it_is_sealed(self) -> None:
        event = only(mapped(restricted(a_move())))

        assert isinstance(event, DestinationWithheld)
        assert (event.details.from_area, event.details.to_area) == ("E06000063", "E06000064")
        assert event.residence is None
        assert "to_area" in type(event.details).location_fields

    def test_what_was_withheld_is_reported_by_place(self) -> None:
        found = mapped(restricted(a_move()))

        withheld = unmapped_of(found, "withheld-sensitive")
        assert "Bundle.entry[2].resource.Patient.address[1].postalCode" in withheld
        assert "Bundle.entry[2].resource.Patient.address[0].line[0]" in withheld
        assert "restricted" in codes_of(found)

    @pytest.mark.parametrize("code", ["R", "V", "S", "I", "REDACTED", "something else", ""])
    def test_every_label_that_is_not_known_to_be_harmless_restricts(self, code: str) -> None:
        assert mapped(restricted(a_move(), code)).report.sensitive

    @pytest.mark.parametrize("code", ["U", "N", "L", "M"])
    def test_a_harmless_label_restricts_nothing(self, code: str) -> None:
        assert not mapped(restricted(a_move(), code)).report.sensitive

    def test_a_label_on_the_whole_message_counts(self) -> None:
        message = a_move() | {"meta": {"security": [{"code": "V"}]}}

        assert mapped(message).report.sensitive

    def test_a_change_of_gp_does_not_claim_that_registration_ended(self) -> None:
        event = only(mapped(restricted(a_gp_change())))

        assert isinstance(event, RecordChanged)

    def test_the_report_never_repeats_the_message(self) -> None:
        said = str(mapped(restricted(a_move())).report.as_json())

        for secret in ("9990000018", "Ava", "TESTCASE", "LA9", "SPECIMEN", "2019-05-14"):
            assert secret not in said


class TestMoves:
    def test_the_old_address_in_another_spelling_is_no_move(self) -> None:
        again = an_address("home", "ca38na", "1, Example Ct.", "Carlisle", "Cumbria", start="2026-03-20")

        found = mapped(a_move(address=[OLD, again]))

        assert found.events == ()
        assert found.report.same_address
        assert "same-address" in codes_of(found)

    @pytest.mark.parametrize(
        "other",
        [
            an_address("home", "CA3 8NA", "2 EXAMPLE COURT", "CARLISLE"),
            an_address("home", "CA3 8NA", "FLAT 3", "1 EXAMPLE COURT", "CARLISLE"),
            an_address("home", "CA3 8NA", "1 SPECIMEN ROW", "CARLISLE"),
            an_address("home", "LA9 4DQ", "1 EXAMPLE COURT", "CARLISLE"),
        ],
        ids=["next door", "another flat", "another street", "another postcode"],
    )
    def test_a_different_home_is_a_move(self, other: dict[str, Any]) -> None:
        found = mapped(a_move(address=[OLD, other]))

        assert not found.report.same_address
        assert len(found.events) == 1

    def test_without_an_old_address_where_the_child_comes_from_stays_unknown(self) -> None:
        found = mapped(a_move(address=[NEW]))

        event = the_move(found)
        assert event.details.from_area is None
        assert event.details.from_place is None
        assert "old-address-missing" in codes_of(found)

    def test_a_temporary_address_beside_the_usual_one_is_no_move_of_its_own(self) -> None:
        found = mapped(a_move(address=[OLD, an_address("temp", "DH1 2TF", "SOMEWHERE"), NEW]))

        assert the_move(found).details.to_area == "E06000064"
        assert "Bundle.entry[2].resource.Patient.address[1].postalCode" in unmapped_of(
            found, "temporary-address"
        )

    def test_only_a_temporary_address_is_a_temporary_move(self) -> None:
        temporary = an_address("temp", "DH1 2TF", "SOMEWHERE", start="2026-03-20", end="2026-04-20")

        event = the_move(mapped(a_move(address=[OLD, temporary])))

        assert event.details.kind is MoveKind.TEMPORARY
        assert event.details.expected_until == date(2026, 4, 20)
        assert event.details.to_area == "E06000047"

    def test_of_two_old_addresses_the_later_one_is_left(self) -> None:
        earlier = an_address("old", "DH1 2TF", "SOMEWHERE", start="2019-06-01", end="2021-08-01")

        found = mapped(a_move(address=[earlier, OLD, NEW]))

        assert the_move(found).details.from_area == "E06000063"
        assert unmapped_of(found, "earlier-address")

    @pytest.mark.parametrize(
        ("postcode", "code"),
        [("ZZ99 3VZ", "postcode-pseudo"), ("BT1 5GS", "postcode-unplaced"), ("LA9", "postcode-malformed")],
    )
    def test_a_postcode_that_names_no_area_is_told_and_the_move_still_goes(
        self, postcode: str, code: str
    ) -> None:
        found = mapped(a_move(address=[OLD, an_address("home", postcode, "2 SPECIMEN YARD")]))

        assert the_move(found).details.to_area is None
        assert code in codes_of(found)

    def test_a_new_address_without_any_content_is_an_unknown_destination(self) -> None:
        found = mapped(a_move(address=[OLD, an_address("home", None, start="2026-03-20")]))

        assert the_move(found).details.destination_unknown

    def test_a_period_that_ends_before_it_starts_is_not_used(self) -> None:
        new = an_address("home", "LA9 4DQ", "2 SPECIMEN YARD", start="2026-03-20", end="2020-01-01")

        found = mapped(a_move(address=[OLD, new]))

        assert the_move(found).details.moved_on is None
        assert len(unmapped_of(found, "period-reversed")) == 2

    def test_an_update_is_the_newer_state(self) -> None:
        found = mapped(a_move(lifecycle="update"))

        event = the_move(found)
        assert event.source is not None
        assert event.source.lifecycle is Lifecycle.UPDATE
        assert "lifecycle-undefined" in codes_of(found)

    @pytest.mark.parametrize("build", [a_move, a_death])
    def test_a_delete_is_not_guessed(self, build: Any) -> None:
        assert refused(build(lifecycle="delete")).has("lifecycle-not-defined")


class TestPeople:
    @pytest.mark.parametrize("status", ["02", "03", "04", "08", None])
    def test_an_unverified_number_identifies_nobody(self, status: str | None) -> None:
        found = mapped(a_move(identifier=[nhs_identifier(status=status)]))

        event = the_move(found)
        assert event.subject.nhs_number is None
        assert not event.subject.identified
        assert "nhs-number-unverified" in codes_of(found)
        assert "Bundle.entry[2].resource.Patient.identifier[0].value" in unmapped_of(
            found, "nhs-number-unverified"
        )

    def test_former_names_help_in_tracing(self) -> None:
        names = [
            {"use": "official", "family": "TESTCASE", "given": ["Ava", "Rose"]},
            {"use": "old", "family": "FORMER", "given": ["Ava"]},
            {"use": "temp", "family": "OTHER"},
        ]

        found = mapped(a_move(name=names))

        subject = the_move(found).subject
        assert subject.given_name == "Ava Rose"
        assert [(name.kind, name.family_name) for name in subject.other_names] == [("former", "FORMER")]
        assert unmapped_of(found, "name-use-unclear")

    def test_part_of_a_birth_date_is_not_completed(self) -> None:
        found = mapped(a_move(birthDate="2019-05"))

        assert the_move(found).subject.date_of_birth is None
        assert unmapped_of(found, "partial-date") == ["Bundle.entry[2].resource.Patient.birthDate"]

    def test_a_grown_up_patient_is_pointed_out(self) -> None:
        assert "subject-is-adult" in codes_of(mapped(a_move(birthDate="2008-03-23")))
        assert "subject-is-adult" not in codes_of(mapped(a_move(birthDate="2008-03-24")))

    def test_marks_that_nobody_sees_do_not_spoil_a_code(self) -> None:
        message = a_move()
        resource_of(message, "MessageHeader")["event"]["code"] = "\u200bpds-change-of-address-1 "

        assert the_move(mapped(message))


class TestBirths:
    def test_the_event_is_about_the_baby_and_leads_back_to_the_mother(self) -> None:
        found = mapped(a_birth())

        event = only(found)
        assert isinstance(event, BirthNotified)
        assert event.subject.nhs_number == "9990000018"
        assert event.details.mother_nhs_number == "9990000026"
        assert event.details.sex == "female"
        assert event.residence is not None
        assert event.residence.gss == "E06000064"
        assert unmapped_of(found, "about-the-mother")

    @pytest.mark.parametrize("code", ["2", "3", "4"])
    def test_a_still_birth_never_becomes_a_birth(self, code: str) -> None:
        found = mapped(a_birth(code))

        event = only(found)
        assert isinstance(event, RecordChanged)
        assert event.details.change == "deceased"
        assert "still-birth" in codes_of(found)

    def test_a_baby_who_has_died_is_born_and_dead(self) -> None:
        part = {
            "url": "deathNotificationStatus",
            "valueCodeableConcept": {
                "coding": [{"system": "https://x/CareConnect-DeathNotificationStatus-1", "code": "1"}]
            },
        }
        extension = [{"url": DEATH, "extension": [part]}]

        found = mapped(a_birth(extension=extension, deceasedDateTime="2026-03-21T01:00:00Z"))

        born, died = found.events
        assert isinstance(born, BirthNotified)
        assert isinstance(died, DeathNotified)
        assert born.id != died.id
        assert died.details.died_on == date(2026, 3, 21)
        assert "baby-has-died" in codes_of(found)

    def test_a_mother_without_a_number_is_reported(self) -> None:
        found = mapped(a_birth(mother_number=None))

        event = only(found)
        assert isinstance(event, BirthNotified)
        assert event.details.mother_nhs_number is None
        assert "nhs-number-missing" in codes_of(found)

    def test_an_unsaid_outcome_is_pointed_out(self) -> None:
        assert "birth-outcome-missing" in codes_of(mapped(a_birth(None)))

    def test_a_sixth_baby_of_one_is_not_believed(self) -> None:
        found = mapped(a_birth(multipleBirthInteger=6))

        event = only(found)
        assert isinstance(event, BirthNotified)
        assert (event.details.birth_order, event.details.births_in_delivery) == (None, None)
        assert "birth-order-contradictory" in codes_of(found)

    def test_without_the_link_between_mother_and_baby_nobody_is_chosen(self) -> None:
        message = a_birth()
        message["entry"] = [
            entry for entry in message["entry"] if entry["resource"]["resourceType"] != "RelatedPerson"
        ]

        assert refused(message).has("baby-ambiguous")

    def test_a_fraction_of_a_week_is_not_rounded(self) -> None:
        message = a_birth()
        observations = [
            entry["resource"]
            for entry in message["entry"]
            if entry["resource"]["resourceType"] == "Observation"
        ]
        observations[1]["valueQuantity"]["value"] = 38.5

        found = mapped(message)

        event = only(found)
        assert isinstance(event, BirthNotified)
        assert event.details.gestation_weeks is None
        assert unmapped_of(found, "unusable-quantity")


class TestOtherKinds:
    def test_a_change_of_gp_names_both_practices_and_is_no_move(self) -> None:
        event = only(mapped(a_gp_change()))

        assert isinstance(event, GpChanged)
        assert (event.details.practice, event.details.previous_practice) == ("A82001", "A82002")
        assert event.details.practice_name == "SPECIMEN SURGERY"
        assert event.movement is None
        assert event.residence is not None
        assert event.residence.gss == "E06000063"

    def test_a_registration_that_ended_has_no_new_practice(self) -> None:
        found = mapped(a_gp_change(generalPractitioner=None))

        event = only(found)
        assert isinstance(event, GpChanged)
        assert event.details.practice is None
        assert "no-new-practice" in codes_of(found)

    @pytest.mark.parametrize(("code", "status"), [("1", "informal"), ("2", "formal")])
    def test_a_death_says_how_it_stands(self, code: str, status: str) -> None:
        event = only(mapped(a_death(code)))

        assert isinstance(event, DeathNotified)
        assert event.details.status == status
        assert event.details.died_on == date(2026, 3, 21)

    def test_a_death_that_is_taken_back_has_no_date(self) -> None:
        event = only(mapped(a_death("U", deceasedDateTime=None)))

        assert isinstance(event, DeathNotified)
        assert event.details.status == "removed"
        assert event.details.died_on is None

    def test_a_death_on_a_day_is_given_no_hour(self) -> None:
        event = only(mapped(a_death(deceasedDateTime="2026-03-21")))

        assert isinstance(event, DeathNotified)
        assert event.details.died_on == date(2026, 3, 21)
        assert event.details.died_at is None

    def test_a_changed_record_is_a_cue_to_read_it(self) -> None:
        event = only(mapped(a_record_change()))

        assert isinstance(event, RecordChanged)
        assert event.details.change == "other"
        assert "by the patient" in (event.details.what or "")

    def test_an_updated_contact_keeps_its_item(self) -> None:
        event = only(mapped(a_contact("finished", lifecycle="update")))

        assert isinstance(event, ProfessionalContactsChanged)
        assert event.source is not None
        assert event.source.item_id == "https://supplier.invalid/ids|abc1111"
        assert event.source.lifecycle is Lifecycle.UPDATE
        assert event.details.contacts[0].status == "finished"

    @pytest.mark.parametrize(("status", "lifecycle"), [("active", "delete"), ("entered-in-error", "update")])
    def test_a_deleted_contact_is_listed_no_more(self, status: str, lifecycle: str) -> None:
        found = mapped(a_contact(status, lifecycle=lifecycle))

        event = only(found)
        assert isinstance(event, ProfessionalContactsChanged)
        assert event.details.contacts == ()
        assert event.source is not None
        assert event.source.item_id == "https://supplier.invalid/ids|abc1111"
        assert "contact-withdrawn" in codes_of(found)

    def test_a_reference_that_leads_nowhere_is_reported_where_it_is_not_needed(self) -> None:
        message = a_contact()
        resource_of(message, "CareTeam")["participant"][0]["member"]["reference"] = "urn:uuid:0"

        found = mapped(message)

        assert unmapped_of(found, "dangling-reference")
