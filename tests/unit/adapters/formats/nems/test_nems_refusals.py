"""Every way in which a message can be wrong has its own reason code, a place, and a sentence on what to do."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.formats.nems.tree import MAX_BYTES
from adapters.formats.outcome import Mapped, Refused
from tests.support.nems_messages import (
    a_birth,
    a_bundle,
    a_communication,
    a_contact,
    a_death,
    a_gp_change,
    a_header,
    a_move,
    an_address,
    as_xml,
    nhs_identifier,
    outcome,
    refused,
    resource_of,
)

FHIR = b'<Bundle xmlns="http://hl7.org/fhir">'
LAUGHS = b'<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'

BYTES = {
    "empty": (b"", "empty-input"),
    "only blanks": (b" \n\t ", "empty-input"),
    "too large": (b" " * (MAX_BYTES + 1), "oversized"),
    "an archive": (b"PK\x03\x04\xff\xfe\x00", "not-text"),
    "plain words": (b"hello", "malformed-json"),
    "document type": (b"<!DOCTYPE Bundle>" + FHIR + b"</Bundle>", "hostile-xml"),
    "billion laughs": (LAUGHS + FHIR + b"&c;</Bundle>", "hostile-xml"),
    "outside file": (
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + FHIR + b"&f;</Bundle>",
        "hostile-xml",
    ),
    "outside document type": (
        b'<!DOCTYPE x PUBLIC "x" "http://example.invalid/x.dtd">' + FHIR + b"</Bundle>",
        "hostile-xml",
    ),
    "parameter entity": (
        b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://example.invalid/p">%p;]>' + FHIR + b"</Bundle>",
        "hostile-xml",
    ),
    "cut off": (FHIR + b"<id value=", "malformed-xml"),
    "unknown entity": (FHIR + b"&nope;</Bundle>", "malformed-xml"),
    "unknown encoding": (b'<?xml version="1.0" encoding="klingon"?>' + FHIR + b"</Bundle>", "malformed-xml"),
    "broken encoding": (FHIR + b'<id value="\xff\xfe"/></Bundle>', "malformed-xml"),
    "words between tags": (FHIR + b"words</Bundle>", "malformed-fhir"),
    "a value as a foreign attribute": (
        b'<Bundle xmlns="http://hl7.org/fhir" type="message"/>',
        "malformed-fhir",
    ),
    "too deep": (FHIR + b"<a>" * 200 + b"</a>" * 200 + b"</Bundle>", "too-complex"),
    "too many elements": (FHIR + b"<id/>" * 60_000 + b"</Bundle>", "too-complex"),
    "another vocabulary": (b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>', "not-fhir"),
    "no vocabulary": (b"<Bundle/>", "not-fhir"),
    "a part of it": (b'<Patient xmlns="http://hl7.org/fhir"/>', "not-a-bundle"),
    "not JSON": (b'{"resourceType": "Bundle",}', "malformed-json"),
    "more than one JSON": (b'{"resourceType": "Bundle"} {}', "malformed-json"),
    "half a character": (b'{"resourceType": "\\ud800"}', "malformed-json"),
    "a JSON list": (b"[]", "malformed-json"),
    "not a number": (b'{"resourceType": "Bundle", "total": NaN}', "malformed-json"),
    "JSON without a type": (b'{"type": "message"}', "not-fhir"),
    "repeated key": (
        b'{"resourceType": "Bundle", "type": "message", "type": "message"}',
        "duplicate-json-key",
    ),
    "deep JSON": (b'{"a":' * 10_000, "too-complex"),
    "lists of lists": (b'{"resourceType": "Bundle", "entry": [[]]}', "malformed-fhir"),
    "empty list": (b'{"resourceType": "Bundle", "entry": []}', "malformed-fhir"),
    "a cloud event": (b'{"specversion": "1.0", "type": "pds-change-of-gp-1"}', "not-fhir"),
}


@pytest.mark.parametrize(("data", "code"), BYTES.values(), ids=BYTES)
def test_bytes_that_are_no_message(data: bytes, code: str) -> None:
    found = refused(data)

    assert [reason.code for reason in found.reasons] == [code]
    assert found.reasons[0].why.endswith(".")
    assert found.reasons[0].advice.endswith(".")


def _move(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    message = a_move()
    change(message)
    return message


def _in(kind: str, **fields: Any) -> dict[str, Any]:
    """A move with these fields changed in a resource; None takes a field away."""
    message = a_move()
    resource = resource_of(message, kind)
    resource.update(fields)
    for name in [name for name, value in fields.items() if value is None]:
        del resource[name]
    return message


def _header_extension(position: int, extension: dict[str, Any] | None) -> dict[str, Any]:
    message = a_move()
    extensions = resource_of(message, "MessageHeader")["extension"]
    if extension is None:
        del extensions[position]
    else:
        extensions[position] = extension
    return message


def _lifecycle(code: str) -> dict[str, Any]:
    return a_move(lifecycle=code)


def _event(
    code: str | None, system: str = "https://fhir.nhs.uk/STU3/CodeSystem/EventType-1"
) -> dict[str, Any]:
    return _in("MessageHeader", event={"system": system} | ({"code": code} if code else {}))


HEADER = "Bundle.entry[0].resource.MessageHeader"
CHILD = "Bundle.entry[2].resource.Patient"
R4 = {"profile": ["http://hl7.org/fhir/R4/StructureDefinition/MessageHeader"]}
UK_CORE = {"profile": ["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"]}
HOME = an_address("home", "LA9 4DQ", "2 SPECIMEN YARD", start="2026-03-20")

CONTENT: dict[str, tuple[dict[str, Any], str, str]] = {
    "not a message": (_move(lambda m: m.update(type="document")), "not-a-message", "Bundle.type"),
    "no type": (_move(lambda m: m.pop("type")), "not-a-message", "Bundle"),
    "R4 profile": (_in("MessageHeader", meta=R4), "wrong-fhir-version", f"{HEADER}.meta.profile"),
    "UK Core profile": (_in("Patient", meta=UK_CORE), "wrong-fhir-version", f"{CHILD}.meta.profile"),
    "R4 event": (_in("MessageHeader", eventUri="urn:x"), "wrong-fhir-version", f"{HEADER}.eventUri"),
    "no header": (_move(lambda m: m["entry"].pop(0)), "message-header-missing", "Bundle"),
    "header not first": (
        _move(lambda m: m["entry"].reverse()),
        "message-header-not-first",
        "Bundle.entry[2].resource.MessageHeader",
    ),
    "two headers": (
        _move(lambda m: m["entry"].append(m["entry"][0])),
        "message-header-repeated",
        "Bundle.entry[3].resource.MessageHeader",
    ),
    "two patients at one address": (
        _move(lambda m: m["entry"].append(m["entry"][2])),
        "duplicate-resource",
        "Bundle.entry[3]",
    ),
    "entry without a resource": (
        _move(lambda m: m["entry"].append({"fullUrl": "urn:x"})),
        "malformed-fhir",
        "Bundle.entry[3]",
    ),
    "no event": (_in("MessageHeader", event=None), "event-code-missing", HEADER),
    "no event code": (_event(None), "event-code-missing", HEADER),
    "foreign event code": (
        _event("pds-change-of-address-1", "http://example.invalid"),
        "unknown-event-system",
        f"{HEADER}.event",
    ),
    "vaccination": (_event("vaccinations-1"), "unsupported-event-type", f"{HEADER}.event"),
    "next version": (_event("pds-birth-notification-2"), "unsupported-event-version", f"{HEADER}.event"),
    "no message id": (_in("MessageHeader", id=None), "message-id-missing", HEADER),
    "message id of another form": (_in("MessageHeader", id="42"), "message-id-malformed", f"{HEADER}.id"),
    "no timestamp": (_in("MessageHeader", timestamp=None), "timestamp-missing", HEADER),
    "timestamp without zone": (
        _in("MessageHeader", timestamp="2026-03-23T09:41:12"),
        "invalid-date",
        f"{HEADER}.timestamp",
    ),
    "no lifecycle": (_header_extension(1, None), "lifecycle-missing", HEADER),
    "unknown lifecycle": (
        _lifecycle("replace"),
        "lifecycle-unknown",
        f"{HEADER}.extension[1].valueCodeableConcept.coding[0]",
    ),
    "deleted address change": (_lifecycle("delete"), "lifecycle-not-defined", HEADER),
    "no focus": (_in("MessageHeader", focus=None), "focus-missing", HEADER),
    "focus on nothing": (
        _in("MessageHeader", focus={"reference": "urn:uuid:0"}),
        "dangling-reference",
        f"{HEADER}.focus.reference",
    ),
    "focus on the wrong thing": (
        a_bundle(
            a_header("pds-change-of-address-1"),
            {"resourceType": "Observation", "id": a_communication()["id"]},
        ),
        "wrong-focus",
        "Bundle.entry[1].resource.Observation",
    ),
    "subject missing": (
        _in("Communication", subject=None),
        "subject-missing",
        "Bundle.entry[1].resource.Communication",
    ),
    "subject elsewhere": (
        _in("Communication", subject={"reference": "Patient/42"}),
        "dangling-reference",
        "Bundle.entry[1].resource.Communication.subject.reference",
    ),
    "wrong check digit": (
        _in("Patient", identifier=[nhs_identifier("9990000019")]),
        "nhs-number-check-digit",
        f"{CHILD}.identifier[0].value",
    ),
    "short number": (
        _in("Patient", identifier=[nhs_identifier("99900000")]),
        "nhs-number-malformed",
        f"{CHILD}.identifier[0].value",
    ),
    "another person's number": (
        _in("Patient", identifier=[nhs_identifier("9990000026")]),
        "nhs-number-mismatch",
        f"{HEADER}.extension[0].extension[0].valueIdentifier.value",
    ),
    "two numbers": (
        _in("Patient", identifier=[nhs_identifier(), nhs_identifier("9990000026")]),
        "several-nhs-numbers",
        f"{CHILD}.identifier[1].value",
    ),
    "nobody": (_in("Patient", identifier=None, name=None), "subject-unrecognisable", CHILD),
    "a day that does not exist": (
        _in("Patient", birthDate="2019-02-30"),
        "invalid-date",
        f"{CHILD}.birthDate",
    ),
    "a day in words": (_in("Patient", birthDate="14 May 2019"), "invalid-date", f"{CHILD}.birthDate"),
    "born tomorrow": (_in("Patient", birthDate="2026-03-24"), "impossible-date", f"{CHILD}.birthDate"),
    "no new address": (_in("Patient", address=None), "address-missing", CHILD),
    "address without use": (
        _in("Patient", address=[an_address(None, "LA9 4DQ"), HOME]),
        "address-use-missing",
        f"{CHILD}.address[0]",
    ),
    "two new addresses": (_in("Patient", address=[HOME, HOME]), "address-ambiguous", f"{CHILD}.address[1]"),
    "death of unknown status": (
        a_death("9"),
        "death-status-unknown",
        f"{CHILD}.extension[0].extension[0].valueCodeableConcept",
    ),
    "death without status": (a_death(None), "death-status-missing", CHILD),
    "withdrawn death with a date": (a_death("U"), "death-status-contradictory", f"{CHILD}.deceasedDateTime"),
    "death before birth": (
        a_death(deceasedDateTime="2018-01-01"),
        "impossible-date",
        f"{CHILD}.deceasedDateTime",
    ),
    "death tomorrow": (
        a_death(deceasedDateTime="2026-03-24"),
        "impossible-date",
        f"{CHILD}.deceasedDateTime",
    ),
    "still birth code of our own": (
        a_birth("7"),
        "birth-outcome-unknown",
        "Bundle.entry[10].resource.Observation.valueCodeableConcept.coding[0]",
    ),
    "contact of unknown status": (
        a_contact("busy"),
        "episode-status-unknown",
        "Bundle.entry[3].resource.EpisodeOfCare.status",
    ),
}


@pytest.mark.parametrize(("message", "code", "path"), CONTENT.values(), ids=CONTENT)
def test_messages_that_cannot_be_believed(message: dict[str, Any], code: str, path: str) -> None:
    found = refused(message)

    assert code in [reason.code for reason in found.reasons]
    reason = next(reason for reason in found.reasons if reason.code == code)
    assert reason.place.path == path
    assert reason.why.endswith(".")
    assert reason.advice.endswith(".")


@pytest.mark.parametrize(("message", "code", "path"), CONTENT.values(), ids=CONTENT)
def test_a_message_is_refused_the_same_as_xml(message: dict[str, Any], code: str, path: str) -> None:
    found = refused(as_xml(message))

    reason = next(reason for reason in found.reasons if reason.code == code)
    assert reason.place.path == path
    assert reason.place.line is not None


@pytest.mark.parametrize(
    "code",
    ["blood-spot-test-outcome-1", "newborn-hearing-1", "nipe-outcome-1", "vaccinations-1", "safety-alerts-1"],
)
def test_a_type_of_the_nhs_that_has_no_event_here_is_named_and_nothing_is_mapped(code: str) -> None:
    [reason] = refused(as_xml(_event(code))).reasons

    assert reason.code == "unsupported-event-type"
    assert f"'{code}'" in reason.why


def test_all_faults_are_told_at_once() -> None:
    message = _in(
        "Patient", identifier=[nhs_identifier("9990000019")], birthDate="2019-02-30", address=[HOME, HOME]
    )

    codes = {reason.code for reason in refused(message).reasons}

    assert codes == {"nhs-number-check-digit", "nhs-number-mismatch", "invalid-date", "address-ambiguous"}


def test_reasons_never_repeat_what_the_message_says() -> None:
    message = _in("Patient", identifier=[nhs_identifier("9990000019")], birthDate="2019-02-30")

    said = json.dumps(refused(message).as_json())

    for secret in ("999000001", "TESTCASE", "Ava", "2019-02-30", "LA9"):
        assert secret not in said


def test_a_change_of_gp_without_any_practice_is_refused() -> None:
    message = a_gp_change(generalPractitioner=None)
    message["entry"] = [
        entry for entry in message["entry"] if entry["resource"]["resourceType"] != "EpisodeOfCare"
    ]

    assert refused(message).has("gp-missing")


def test_a_practice_that_is_not_in_the_message_is_refused() -> None:
    message = a_gp_change(generalPractitioner=[{"reference": "urn:uuid:0"}])

    assert refused(message).has("dangling-reference")


@given(st.binary(max_size=300))
def test_junk_is_refused_and_never_raises(data: bytes) -> None:
    assert isinstance(outcome(data), Refused)


@given(st.text(max_size=300), st.sampled_from(["{", "<", '{"resourceType":', FHIR.decode()]))
def test_junk_that_begins_well_is_refused_and_never_raises(text: str, start: str) -> None:
    assert isinstance(outcome((start + text).encode("utf-8", "surrogatepass")), Refused)


_JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_BUILDERS = st.sampled_from([a_move, a_gp_change, a_death, a_contact, a_birth])


@given(_BUILDERS, st.data())
def test_a_message_with_one_value_replaced_by_junk_never_raises(
    build: Callable[[], dict[str, Any]], data: st.DataObject
) -> None:
    message = build()
    holder, key = data.draw(st.sampled_from(list(_holders(message))))
    holder[key] = data.draw(_JUNK)

    assert isinstance(outcome(json.dumps(message).encode()), Mapped | Refused)


@given(_BUILDERS, st.data())
def test_a_message_with_one_value_taken_away_never_raises(
    build: Callable[[], dict[str, Any]], data: st.DataObject
) -> None:
    message = build()
    holder, key = data.draw(st.sampled_from(list(_holders(message))))
    del holder[key]

    assert isinstance(outcome(json.dumps(message).encode()), Mapped | Refused)


@given(_BUILDERS, st.integers(0, 6000), st.binary(max_size=6))
def test_xml_with_bytes_overwritten_never_raises(
    build: Callable[[], dict[str, Any]], at: int, junk: bytes
) -> None:
    data = bytearray(as_xml(build()))
    data[at : at + len(junk)] = junk

    assert isinstance(outcome(bytes(data)), Mapped | Refused)


def _holders(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value where something else could stand."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found.append((value, key))
            found += _holders(inner)
    return found
