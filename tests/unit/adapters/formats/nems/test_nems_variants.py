"""Shapes that real publishers send and the plain examples lack: directory references, words only, narrative, doubles."""

from pathlib import Path
from typing import Any

import pytest

from adapters.areas import PostcodeIndex
from adapters.areas.columns import Columns
from adapters.formats.nems import map_message
from adapters.formats.outcome import Mapped
from schemas.events.demographics import (
    GpChanged,
    ProfessionalContact,
    ProfessionalContactsChanged,
    RecordChanged,
)
from schemas.events.health import BirthNotified
from schemas.events.moves import MoveNotified
from tests.support.nems_messages import (
    CUMBERLAND,
    RECEIVED,
    WESTMORLAND,
    a_birth,
    a_contact,
    a_gp_change,
    a_move,
    a_record_change,
    an_address,
    an_organisation,
    as_xml,
    link_to,
    mapped,
    only,
    refused,
    resource_of,
    restricted,
)

DIRECTORY = "https://directory.spineservices.nhs.uk/STU3/Organization/A82003"


def places(found: Mapped, code: str) -> list[str]:
    return [remark.place.path for remark in found.report.unmapped if remark.code == code]


def notes(found: Mapped) -> set[str]:
    return {note.code for note in found.report.notes}


def the_contact(found: Mapped) -> ProfessionalContact:
    event = only(found)
    assert isinstance(event, ProfessionalContactsChanged)
    [contact] = event.details.contacts
    return contact


def changed_by(who: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
    message = a_record_change()
    resource_of(message, "Provenance")["agent"] = [{"whoReference": who}]
    message["entry"] += [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in more]
    return message


PRACTICE = an_organisation(4, "A82004", "SPECIMEN PRACTICE")
CHANGERS = {
    "an organisation in the message": (changed_by(link_to(PRACTICE), PRACTICE), " by SPECIMEN PRACTICE."),
    "an organisation of the directory": (changed_by({"reference": DIRECTORY}), " by A82003."),
    "nobody that the message has": (changed_by({"reference": "urn:uuid:0"}), "changed. "),
}


@pytest.mark.parametrize(("message", "said"), CHANGERS.values(), ids=CHANGERS)
def test_a_changed_record_says_who_changed_it_as_far_as_the_message_does(
    message: dict[str, Any], said: str
) -> None:
    event = only(mapped(message))

    assert isinstance(event, RecordChanged)
    assert said in (event.details.what or "")


def test_of_a_restricted_patient_not_even_the_practice_that_changed_the_record_is_named() -> None:
    message = restricted(changed_by(link_to(PRACTICE), PRACTICE))

    event = only(mapped(message))

    assert isinstance(event, RecordChanged)
    assert " by an organisation." in (event.details.what or "")
    assert b"SPECIMEN" not in event.to_json()


def test_a_practice_may_stand_only_in_the_directory() -> None:
    event = only(mapped(a_gp_change(generalPractitioner=[{"reference": DIRECTORY, "display": "SPECIMEN"}])))

    assert isinstance(event, GpChanged)
    assert ("A82003", "SPECIMEN") == (event.details.practice, event.details.practice_name)


def test_a_narrative_is_one_value_that_nothing_is_read_from() -> None:
    """Its markup is never parsed for meaning, and no part of it reaches an event."""
    narrative = (
        b'<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">'
        b"<p>Moved to <b>Durham</b></p></div></text>"
    )
    message = as_xml(a_move()).replace(b"<name>", narrative + b"<name>", 1)

    found = mapped(message)

    assert b"Durham" not in only(found).to_json()
    report = found.report
    assert report.values == report.mapped + sum(report.ignored.values()) + len(report.unmapped)


def test_a_service_in_words_has_no_code() -> None:
    message = a_contact()
    resource_of(message, "EpisodeOfCare")["type"] = [{"text": "School nursing"}]

    contact = the_contact(mapped(message))

    assert ("School nursing", None) == (contact.service, contact.service_code)


def test_words_of_a_service_are_withheld_of_a_restricted_patient_and_the_code_is_not() -> None:
    message = a_contact()
    concept = resource_of(message, "EpisodeOfCare")["type"][0]
    concept["coding"][0]["display"] = "Health visiting, Example Town"
    concept["text"] = "Example Town team"

    found = mapped(restricted(message))

    contact = the_contact(found)
    assert ("withheld", "1078501000000104") == (contact.service, contact.service_code)
    assert b"Example Town" not in only(found).to_json()
    assert "Bundle.entry[3].resource.EpisodeOfCare.type.text" in places(found, "withheld-sensitive")


def test_a_contact_without_a_number_of_the_publisher_is_sent_and_that_is_said() -> None:
    message = a_contact(lifecycle="delete")
    del resource_of(message, "EpisodeOfCare")["identifier"]

    found = mapped(message)

    event = only(found)
    assert event.source is not None
    assert None is event.source.item_id
    assert {"item-missing", "contact-withdrawn"} <= notes(found)


def test_of_several_teams_and_members_the_first_is_sent_and_the_others_are_reported() -> None:
    message = a_contact()
    episode, team = resource_of(message, "EpisodeOfCare"), resource_of(message, "CareTeam")
    episode["team"] *= 2
    team["participant"] = [team["participant"][0], {"role": {"text": "Nursery nurse"}}]

    found = mapped(message)

    contact = the_contact(found)
    assert contact.professional is not None
    assert ("Jo Specimen", "Health visitor") == (contact.professional.name, contact.professional.role)
    assert places(found, "further-team")
    assert places(found, "further-member")


@pytest.mark.parametrize(
    "participants", [None, [{"period": {"start": "2026-02-01"}}]], ids=["none", "unnamed"]
)
def test_a_team_without_a_named_member_is_a_team_only(participants: list[dict[str, Any]] | None) -> None:
    message = a_contact()
    team = resource_of(message, "CareTeam")
    team["participant"] = participants
    if participants is None:
        del team["participant"]

    contact = the_contact(mapped(message))

    assert ("Kendal health visiting", None) == (contact.team, contact.professional)


MISSING = {
    "service": ({"type": [{"coding": [{"system": "http://snomed.info/sct"}]}]}, "service-missing"),
    "organisation": ({"managingOrganization": {"reference": "urn:uuid:0"}}, "organisation-missing"),
}


@pytest.mark.parametrize(("fields", "code"), MISSING.values(), ids=MISSING)
def test_a_contact_that_nobody_could_ring_is_refused(fields: dict[str, Any], code: str) -> None:
    message = a_contact()
    resource_of(message, "EpisodeOfCare").update(fields)

    assert refused(message).has(code)


def test_a_contact_that_ends_before_it_starts_has_no_dates() -> None:
    message = a_contact()
    resource_of(message, "EpisodeOfCare")["period"] = {"start": "2026-02-01", "end": "2025-02-01"}

    found = mapped(message)

    assert (None, None) == (the_contact(found).since, the_contact(found).until)
    assert 2 == len(places(found, "period-reversed"))


def test_two_current_addresses_leave_the_residence_open() -> None:
    homes = [
        an_address("home", "CA3 8NA", "1 EXAMPLE COURT"),
        an_address("home", "LA9 4DQ", "2 SPECIMEN YARD"),
    ]

    found = mapped(a_gp_change(address=homes))

    assert None is only(found).residence
    assert places(found, "address-ambiguous")
    assert places(found, "further-address")


def test_a_time_of_birth_on_another_day_is_not_used() -> None:
    message = a_birth(birthDate="2026-03-10")

    found = mapped(message)

    event = only(found)
    assert isinstance(event, BirthNotified)
    assert None is event.details.born_at
    assert places(found, "birth-time-differs")


def test_a_code_of_sex_that_fhir_does_not_have_is_left_out() -> None:
    found = mapped(a_birth(gender="f"))

    event = only(found)
    assert isinstance(event, BirthNotified)
    assert None is event.details.sex
    assert [path for path in places(found, "unknown-code") if path.endswith("Patient.gender")]


def test_a_third_patient_makes_it_unclear_who_the_mother_is() -> None:
    message = a_birth()
    stranger = {"resourceType": "Patient", "id": "aaaaaaaa-0000-4000-8000-0000000000ff"}
    message["entry"].append({"fullUrl": f"urn:uuid:{stranger['id']}", "resource": stranger})

    assert refused(message).has("baby-ambiguous")


def test_a_postcode_that_has_ended_still_says_which_area_and_that_is_noted(tmp_path: Path) -> None:
    """Families give the postcode that they know; the event must still find the area."""
    columns = Columns()
    numbers = [columns.authorities[WESTMORLAND], columns.authorities[CUMBERLAND]]
    columns.extend(["CA3 8NA", "LA9 4DQ"], numbers, [0, 12 * 2015])
    columns.write(tmp_path / "some.idx", source="a test", as_of="2026")
    index = PostcodeIndex.open(tmp_path / "some.idx")
    data = as_xml(a_move())

    found = map_message(data, received_at=RECEIVED, areas=index, acting_area=CUMBERLAND)

    assert isinstance(found, Mapped)
    event = only(found)
    assert isinstance(event, MoveNotified)
    assert (WESTMORLAND, CUMBERLAND) == (event.details.from_area, event.details.to_area)
    [note] = [note for note in found.report.notes if note.code == "postcode-ended"]
    assert "Bundle.entry[2].resource.Patient.address[1].postalCode" == note.place.path
