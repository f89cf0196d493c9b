"""The NHS's own examples, and ours: what they say arrives, and every value is accounted for."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from adapters.formats.outcome import Mapped
from schemas.codes.cases import MoveKind, MoveReason
from schemas.events.demographics import ProfessionalContactsChanged
from schemas.events.health import BirthNotified
from schemas.events.moves import MoveNotified
from tests.support.nems_messages import (
    a_birth,
    a_contact,
    a_death,
    a_gp_change,
    a_move,
    a_record_change,
    as_xml,
    mapped,
    only,
    outcome,
)

SHARED = Path(__file__).parents[6] / "shared" / "data" / "nems"


def example(name: str) -> bytes:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path.read_bytes()


def test_a_change_of_address_is_a_move_between_the_two_areas() -> None:
    found = mapped(example("pds-change-of-address.xml"))

    event = only(found)
    assert isinstance(event, MoveNotified)
    assert (event.details.from_area, event.details.to_area) == ("E08000034", "E08000035")
    assert event.details.to_place is not None
    assert event.details.to_place.postcode == "LS17 7DF"
    assert event.details.to_place.address == ("4 SANDMOOR DRIVE", "LEEDS")
    assert event.details.moved_on == date(2019, 11, 1)
    assert (event.details.kind, event.details.reason) == (MoveKind.UNKNOWN, MoveReason.ADDRESS_UPDATE)
    assert (event.subject.nhs_number, event.subject.given_name, event.subject.family_name) == (
        "9912003888",
        "Jack",
        "DAWKINS",
    )
    assert event.subject.date_of_birth == date(2019, 10, 2)
    assert event.source is not None
    assert event.source.message_id == "3cfdf880-13e9-4f6b-8299-53e96ef5ec02"
    assert event.recorded_at == datetime(2017, 11, 1, 15, 0, 33, tzinfo=UTC)


def test_header_and_patient_that_give_different_birth_dates_are_reported() -> None:
    found = mapped(example("pds-change-of-address.xml"))

    assert [note.code for note in found.report.notes] == ["birth-date-differs"]
    assert (
        found.report.notes[0].place.path == "Bundle.entry[0].resource.MessageHeader.extension[0].extension[2]"
    )


def test_a_birth_is_about_the_baby_and_the_mothers_wrong_number_is_not_used() -> None:
    found = mapped(example("pds-birth-notification.xml"))

    event = only(found)
    assert isinstance(event, BirthNotified)
    assert (event.subject.nhs_number, event.subject.given_name) == ("9912003888", "Jack")
    assert event.details.mother_nhs_number is None
    assert (event.details.provider, event.details.place) == (
        "RR830",
        "CLARENDON WING, LEEDS GENERAL INFIRMARY",
    )
    assert (event.details.gestation_weeks, event.details.birth_weight_grams) == (39, 3980)
    assert (event.details.birth_order, event.details.births_in_delivery) == (1, 1)
    assert event.residence is not None
    assert event.residence.gss == "E08000035"
    note = next(note for note in found.report.notes if note.code == "nhs-number-check-digit")
    assert note.place.path == "Bundle.entry[2].resource.Patient.identifier[0].value"
    assert note.place.line == 117


def test_a_professional_contact_names_service_organisation_and_person() -> None:
    event = only(mapped(example("professional-contacts-new.xml")))

    assert isinstance(event, ProfessionalContactsChanged)
    [contact] = event.details.contacts
    assert (contact.service, contact.service_code) == ("Health visiting service", "1078501000000104")
    assert (contact.organisation, contact.organisation_name) == ("A83627", "SILVERDALE FAMILY PRACTICE")
    assert contact.item_id == "https://supplierABC/identifiers|abc1111"
    assert contact.professional is not None
    assert (contact.professional.name, contact.professional.contact) == ("Defoe Daniels", "0123 489 7854")
    assert contact.since == date(2018, 11, 1)


def test_our_own_example_leads_from_cumberland_to_westmorland() -> None:
    data = (files("adapters.formats.nems") / "example_change_of_address.xml").read_bytes()

    found = mapped(data)

    event = only(found)
    assert isinstance(event, MoveNotified)
    assert (event.details.from_area, event.details.to_area) == ("E06000063", "E06000064")
    assert (event.subject.nhs_number, event.subject.date_of_birth) == ("9990000018", date(2019, 5, 14))
    assert found.report.notes == ()


def _all() -> Iterator[bytes]:
    for build in (a_move, a_gp_change, a_death, a_record_change, a_contact, a_birth):
        yield as_xml(build())
    for name in ("pds-change-of-address.xml", "pds-birth-notification.xml", "professional-contacts-new.xml"):
        if (SHARED / name).exists():
            yield (SHARED / name).read_bytes()


@pytest.mark.parametrize("data", list(_all()))
def test_every_value_is_mapped_ignored_by_rule_or_unmapped_with_its_place(data: bytes) -> None:
    report = mapped(data).report

    assert report.values == report.mapped + sum(report.ignored.values()) + len(report.unmapped)
    assert all(remark.place.path and remark.place.line and remark.why for remark in report.unmapped)


@pytest.mark.parametrize("build", [a_move, a_gp_change, a_death, a_record_change, a_contact, a_birth])
def test_xml_and_json_of_one_message_are_one_event(build: type) -> None:
    message = build()

    as_json_form, as_xml_form = outcome(message), outcome(as_xml(message))

    assert isinstance(as_json_form, Mapped)
    assert isinstance(as_xml_form, Mapped)
    assert as_json_form.events == as_xml_form.events
    assert [remark.place.path for remark in as_json_form.report.unmapped] == [
        remark.place.path for remark in as_xml_form.report.unmapped
    ]


def test_the_same_message_always_makes_the_same_event_id() -> None:
    first, again = only(mapped(a_move())), only(mapped(as_xml(a_move())))

    assert first.id == again.id
    assert first.id.made_at == datetime(2026, 3, 23, 9, 41, 12, tzinfo=UTC)
