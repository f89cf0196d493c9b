"""Fictitious NHS event messages as FHIR JSON values, the same as FHIR XML, and areas to place their postcodes in."""

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from adapters.formats.nems import map_message
from adapters.formats.outcome import Mapped, Refused
from schemas.events.base import Event
from schemas.ids import GssCode

RECEIVED: Final = datetime(2026, 3, 23, 10, 5, tzinfo=UTC)
CUMBERLAND: Final = GssCode("E06000063")
WESTMORLAND: Final = GssCode("E06000064")
HEADER_ID: Final = "11111111-2222-4333-8444-555555555555"
PATIENT: Final = "urn:uuid:aaaaaaaa-0000-4000-8000-000000000001"
FOCUS: Final = "urn:uuid:aaaaaaaa-0000-4000-8000-000000000002"
ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
NHS: Final = "https://fhir.nhs.uk/Id/nhs-number"
VERIFIED: Final = (
    "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-NHSNumberVerificationStatus-1"
)
DEATH: Final = (
    "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-DeathNotificationStatus-1"
)
PLACED: Final = {
    "CA3 8NA": "E06000063",
    "LA9 4DQ": "E06000064",
    "WF14 0BQ": "E08000034",
    "LS17 7DF": "E08000035",
    "DH1 2TF": "E06000047",
}


@dataclass(frozen=True)
class Answer:
    gss: str | None
    code: str = "found"


class SomeAreas:
    """Knows a handful of postcodes."""

    def lookup(self, text: str) -> Answer:
        return Answer(PLACED.get(str(text)))


def outcome(data: bytes | dict[str, Any]) -> Mapped | Refused:
    """Map a message, given as bytes or as a FHIR JSON value."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return map_message(raw, received_at=RECEIVED, areas=SomeAreas(), acting_area=CUMBERLAND)


def mapped(data: bytes | dict[str, Any]) -> Mapped:
    """Map a message that must be understood."""
    found = outcome(data)
    assert isinstance(found, Mapped), found
    return found


def refused(data: bytes | dict[str, Any]) -> Refused:
    """Map a message that must be refused."""
    found = outcome(data)
    assert isinstance(found, Refused), found
    assert found.reasons
    return found


def only(found: Mapped) -> Event:
    """The one event."""
    assert len(found.events) == 1
    return found.events[0]


def nhs_identifier(number: str = "9990000018", status: str | None = "01") -> dict[str, Any]:
    identifier: dict[str, Any] = {"system": NHS, "value": number}
    if status is not None:
        concept = {
            "coding": [
                {
                    "system": "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-NHSNumberVerificationStatus-1",
                    "code": status,
                }
            ]
        }
        identifier["extension"] = [{"url": VERIFIED, "valueCodeableConcept": concept}]
    return identifier


def a_patient(**changes: Any) -> dict[str, Any]:
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "id": PATIENT[9:],
        "identifier": [nhs_identifier()],
        "name": [{"use": "official", "family": "TESTCASE", "given": ["Ava"]}],
        "gender": "female",
        "birthDate": "2019-05-14",
        "address": [an_address("home", "CA3 8NA", "1 EXAMPLE COURT", "CARLISLE")],
    }
    return {key: value for key, value in (patient | changes).items() if value is not None}


def an_address(
    use: str | None, postcode: str | None, *lines: str, start: str = "", end: str = ""
) -> dict[str, Any]:
    address: dict[str, Any] = {"line": list(lines)} if lines else {}
    if use:
        address["use"] = use
    if postcode:
        address["postalCode"] = postcode
    period = {key: value for key, value in (("start", start), ("end", end)) if value}
    return address | ({"period": period} if period else {})


def an_organisation(number: int, code: str, name: str) -> dict[str, Any]:
    return {
        "resourceType": "Organization",
        "id": f"aaaaaaaa-0000-4000-8000-0000000001{number:02}",
        "identifier": [{"system": ODS, "value": code}],
        "name": name,
        "telecom": [{"system": "phone", "value": "01539 000000"}],
    }


def link_to(resource: dict[str, Any]) -> dict[str, Any]:
    return {"reference": f"urn:uuid:{resource['id']}"}


def a_header(
    code: str,
    *,
    lifecycle: str = "new",
    number: str = "9990000018",
    focus: str = FOCUS,
    born: str = "2019-05-14",
) -> dict[str, Any]:
    return {
        "resourceType": "MessageHeader",
        "id": HEADER_ID,
        "meta": {
            "versionId": "1",
            "lastUpdated": "2026-03-23T09:41:07+00:00",
            "profile": ["https://fhir.nhs.uk/STU3/StructureDefinition/Event-MessageHeader-1"],
        },
        "extension": [
            {
                "url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-RoutingDemographics-1",
                "extension": [
                    {"url": "nhsNumber", "valueIdentifier": {"system": NHS, "value": number}},
                    {"url": "birthDateTime", "valueDateTime": born},
                ],
            },
            {
                "url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-MessageEventType-1",
                "valueCodeableConcept": {
                    "coding": [
                        {
                            "system": "https://fhir.nhs.uk/STU3/CodeSystem/MessageEventType-1",
                            "code": lifecycle,
                        }
                    ]
                },
            },
        ],
        "event": {"system": "https://fhir.nhs.uk/STU3/CodeSystem/EventType-1", "code": code},
        "timestamp": "2026-03-23T09:41:12+00:00",
        "source": {
            "contact": {"system": "email", "value": "a@example.invalid"},
            "endpoint": "urn:nhs:addressing:asid:9",
        },
        "responsible": {"reference": "https://directory.spineservices.nhs.uk/STU3/Organization/X26"},
        "focus": {"reference": focus},
    }


def a_communication(patient: str = PATIENT) -> dict[str, Any]:
    return {
        "resourceType": "Communication",
        "id": FOCUS[9:],
        "status": "completed",
        "subject": {"reference": patient},
        "sent": "2026-03-23",
    }


def a_bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(
        {
            "resourceType": "Bundle",
            "id": "99999999-2222-4333-8444-555555555555",
            "type": "message",
            "entry": [
                {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources
            ],
        }
    )


def a_move(*, lifecycle: str = "new", **changes: Any) -> dict[str, Any]:
    """From Carlisle to Kendal."""
    addresses = [
        an_address("old", "CA3 8NA", "1 EXAMPLE COURT", "CARLISLE", start="2021-08-02", end="2026-03-20"),
        an_address("home", "LA9 4DQ", "2 SPECIMEN YARD", "KENDAL", start="2026-03-20"),
    ]
    patient = a_patient(**({"address": addresses} | changes))
    return a_bundle(a_header("pds-change-of-address-1", lifecycle=lifecycle), a_communication(), patient)


def a_gp_change(**changes: Any) -> dict[str, Any]:
    """From a Carlisle to a Kendal practice."""
    new, old = (
        an_organisation(1, "A82001", "SPECIMEN SURGERY"),
        an_organisation(2, "A82002", "EXAMPLE SURGERY"),
    )
    episode = {
        "resourceType": "EpisodeOfCare",
        "id": "aaaaaaaa-0000-4000-8000-000000000009",
        "status": "finished",
        "type": [
            {
                "coding": [
                    {
                        "system": "https://fhir.nhs.uk/STU3/CodeSystem/EMS-PDS-PatientCareProvisionType-1",
                        "code": "1",
                    }
                ]
            }
        ],
        "patient": {"reference": PATIENT},
        "managingOrganization": link_to(old),
    }
    patient = a_patient(**({"generalPractitioner": [link_to(new)]} | changes))
    return a_bundle(a_header("pds-change-of-gp-1"), a_communication(), patient, new, old, episode)


def a_death(status: str | None = "2", *, lifecycle: str = "new", **changes: Any) -> dict[str, Any]:
    """A registered death."""
    part = {
        "url": DEATH,
        "extension": [
            {
                "url": "deathNotificationStatus",
                "valueCodeableConcept": {
                    "coding": [
                        {
                            "system": "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-DeathNotificationStatus-1",
                            "code": status,
                        }
                    ]
                },
            },
            {"url": "systemEffectiveDate", "valueDateTime": "2026-03-22T00:00:00+00:00"},
        ],
    }
    extension = {"extension": [part]} if status else {}
    given = {"deceasedDateTime": "2026-03-21T15:00:00+00:00"} | changes
    return a_bundle(
        a_header("pds-death-notification-1", lifecycle=lifecycle),
        a_communication(),
        a_patient(**extension, **given),
    )


def a_record_change(**changes: Any) -> dict[str, Any]:
    trail = {
        "resourceType": "Provenance",
        "id": "aaaaaaaa-0000-4000-8000-000000000008",
        "target": [{"reference": PATIENT}],
        "recorded": "2026-03-22T08:39:24+00:00",
        "agent": [{"whoReference": {"reference": PATIENT}}],
    }
    return a_bundle(a_header("pds-record-change-1", focus=PATIENT), a_patient(**changes), trail)


def a_contact(status: str = "active", *, lifecycle: str = "new", **changes: Any) -> dict[str, Any]:
    """A health visitor's."""
    held = an_organisation(3, "RNN", "SPECIMEN COMMUNITY TRUST")
    member = {
        "resourceType": "Practitioner",
        "id": "aaaaaaaa-0000-4000-8000-000000000007",
        "name": [{"family": "Specimen", "given": ["Jo"]}],
    }
    team = {
        "resourceType": "CareTeam",
        "id": "aaaaaaaa-0000-4000-8000-000000000006",
        "name": "Kendal health visiting",
        "subject": {"reference": PATIENT},
        "participant": [
            {"role": {"coding": [{"code": "1", "display": "Health visitor"}]}, "member": link_to(member)}
        ],
    }
    episode = {
        "resourceType": "EpisodeOfCare",
        "id": FOCUS[9:],
        "identifier": [{"system": "https://supplier.invalid/ids", "value": "abc1111"}],
        "status": status,
        "type": [
            {
                "coding": [
                    {
                        "system": "http://snomed.info/sct",
                        "code": "1078501000000104",
                        "display": "Health visiting service",
                    }
                ]
            }
        ],
        "patient": {"reference": PATIENT},
        "managingOrganization": link_to(held),
        "period": {"start": "2026-02-01"},
        "team": [link_to(team)],
    }
    return a_bundle(
        a_header("professional-contacts-1", lifecycle=lifecycle),
        held,
        a_patient(**changes),
        episode,
        team,
        member,
    )


MOTHER: Final = "urn:uuid:aaaaaaaa-0000-4000-8000-000000000003"


def a_birth(
    outcome_code: str | None = "1", *, mother_number: str | None = "9990000026", **changes: Any
) -> dict[str, Any]:
    """A live birth in Kendal."""
    related = {
        "resourceType": "RelatedPerson",
        "id": "aaaaaaaa-0000-4000-8000-000000000004",
        "patient": {"reference": PATIENT},
        "relationship": {"coding": [{"system": "http://hl7.org/fhir/v3/RoleCode", "code": "NMTH"}]},
    }
    mother = {
        "resourceType": "Patient",
        "id": MOTHER[9:],
        "identifier": [nhs_identifier(mother_number)] if mother_number else [],
        "name": [{"use": "official", "family": "TESTCASE", "given": ["Mia"]}],
        "birthDate": "1996-02-03",
        "link": [{"other": link_to(related), "type": "seealso"}],
    }
    if not mother_number:
        del mother["identifier"]
    place = an_organisation(5, "RTX02", "EXAMPLE MATERNITY UNIT")
    baby = a_patient(
        **(
            {
                "birthDate": "2026-03-20",
                "_birthDate": {
                    "extension": [
                        {
                            "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                            "valueDateTime": "2026-03-20T04:12:00+00:00",
                        }
                    ]
                },
                "address": [an_address(None, "LA9 4DQ", "2 SPECIMEN YARD", "KENDAL")],
                "multipleBirthInteger": 1,
            }
            | changes
        )
    )
    episode = {
        "resourceType": "EpisodeOfCare",
        "id": "aaaaaaaa-0000-4000-8000-000000000005",
        "status": "active",
        "type": [
            {
                "coding": [
                    {
                        "system": "https://fhir.nhs.uk/STU3/CodeSystem/BirthEpisodeCategory-1",
                        "code": "delivery-place",
                    }
                ]
            }
        ],
        "patient": {"reference": PATIENT},
        "managingOrganization": link_to(place),
    }
    observations = [
        an_observation(
            1, "364589006", PATIENT, {"valueQuantity": {"value": 3980, "unit": "gram", "code": "g"}}
        ),
        an_observation(
            2, "412726003", PATIENT, {"valueQuantity": {"value": 39.0, "unit": "week", "code": "wk"}}
        ),
        an_observation(3, "382341000000101", MOTHER, {"valueQuantity": {"value": 1}}),
    ]
    if outcome_code:
        concept = {
            "coding": [
                {
                    "system": "https://fhir.nhs.uk/STU3/CodeSystem/EMS-PDS-StillBornIndicator-1",
                    "code": outcome_code,
                }
            ]
        }
        observations.append(an_observation(4, "237364002", PATIENT, {"valueCodeableConcept": concept}))
    header = a_header("pds-birth-notification-1", number=mother_number or "9990000026", born="1996-02-03")
    return a_bundle(header, a_communication(MOTHER), mother, related, baby, episode, place, *observations)


def an_observation(number: int, code: str, about: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"aaaaaaaa-0000-4000-8000-0000000002{number:02}",
        "status": "final",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]},
        "subject": {"reference": about},
    } | value


def restricted(message: dict[str, Any], code: str = "R") -> dict[str, Any]:
    """The same message with its patients marked."""
    message = copy.deepcopy(message)
    for entry in message["entry"]:
        if entry["resource"]["resourceType"] == "Patient":
            entry["resource"]["meta"] = {
                "security": [{"system": "http://hl7.org/fhir/v3/Confidentiality", "code": code}]
            }
    return message


def resource_of(message: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first resource of a kind, to change in place."""
    found: dict[str, Any] = next(
        entry["resource"] for entry in message["entry"] if entry["resource"]["resourceType"] == kind
    )
    return found


def as_xml(message: dict[str, Any]) -> bytes:
    """The same resource as FHIR XML."""
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + _resource_xml(message, root=True)).encode()


def _resource_xml(resource: dict[str, Any], *, root: bool = False) -> str:
    kind = resource["resourceType"]
    space = ' xmlns="http://hl7.org/fhir"' if root else ""
    return f"<{kind}{space}>\n{_fields_xml(resource)}</{kind}>\n"


def _fields_xml(fields: dict[str, Any]) -> str:
    written = ""
    for name, value in fields.items():
        if name.startswith("_") or name in {"resourceType", "url"}:
            continue
        for item in value if isinstance(value, list) else [value]:
            written += _element_xml(name, item, fields.get(f"_{name}"))
    return written


def _element_xml(name: str, item: Any, beside: dict[str, Any] | None) -> str:
    if isinstance(item, dict) and "resourceType" in item:
        return f"<{name}>{_resource_xml(item)}</{name}>\n"
    if isinstance(item, dict):
        url = f" url={quoteattr(item['url'])}" if "url" in item else ""
        return f"<{name}{url}>\n{_fields_xml(item)}</{name}>\n"
    text = str(item).lower() if isinstance(item, bool) else str(item)
    return f"<{name} value={quoteattr(text)}>{_fields_xml(beside or {})}</{name}>\n"
