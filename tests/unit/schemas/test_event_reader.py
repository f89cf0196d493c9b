"""Reading events: what authors may not send, what readers keep, and that every refusal says place and remedy."""

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import CATALOGUE, parse_event, read_event, spec_of
from schemas.errors import EventRefusedError
from schemas.event_reader import MAX_EVENT_BYTES, GenericEvent
from schemas.events.base import Event
from schemas.wire import EventClass
from tests.support.events import CHILD, DETAILS, Document, a_document, an_event, every_type

Break = Callable[[Document], object]


def _bytes(document: Document) -> bytes:
    return json.dumps(document).encode()


def _refusal(data: bytes | Document) -> EventRefusedError:
    with pytest.raises(EventRefusedError) as caught:
        parse_event(data)
    return caught.value


class TestCatalogue:
    @pytest.mark.parametrize("kind", every_type())
    def test_every_type_goes_round(self, kind: str) -> None:
        event = an_event(kind)

        assert event == parse_event(event.to_json())
        assert event == read_event(event.to_json())
        assert kind == event.type

    @pytest.mark.parametrize("kind", every_type())
    def test_every_type_has_a_class_publishers_a_source_and_a_sentence(self, kind: str) -> None:
        spec = spec_of(an_event(kind))

        assert isinstance(spec.event_class, EventClass)
        assert spec.publishers
        assert spec.themes
        assert spec.source
        assert spec.summary.endswith(".") or spec.summary.endswith("].")

    def test_there_is_an_example_of_each_and_of_nothing_else(self) -> None:
        assert set(CATALOGUE) == set(DETAILS)

    def test_location_fields_exist_and_may_be_left_out(self) -> None:
        """The gateway takes them out of the core part, and what is left must still be an event."""
        for spec in CATALOGUE.values():
            fields = spec.model.details_model().model_fields
            for name in spec.location_fields:
                assert not fields[name].is_required(), f"{spec.type}: {name}"

    def test_every_theme_of_the_source_is_served(self) -> None:
        served = {theme.value for spec in CATALOGUE.values() for theme in spec.themes}

        assert set("ABCDEFGHIJKLMNOPQRSTUVW") == served


BROKEN: list[tuple[str, Break, str, str]] = [
    ("no version", lambda d: d.pop("version"), "unknown-version", "version"),
    ("version as a number", lambda d: d.update(version=1), "unknown-version", "version"),
    ("a later version", lambda d: d.update(version="2"), "unknown-version", "version"),
    ("no type", lambda d: d.pop("type"), "unknown-type", "type"),
    ("an unknown type", lambda d: d.update(type="move.imagined"), "unknown-type", "type"),
    ("a type that is no text", lambda d: d.update(type=["move.notified"]), "unknown-type", "type"),
    ("an unknown field", lambda d: d.update(mood="glad"), "invalid-event", "mood"),
    (
        "an unknown field of details",
        lambda d: d["details"].update(mood="glad"),
        "invalid-event",
        "details.mood",
    ),
    ("a missing field", lambda d: d.pop("acting_area"), "invalid-event", "acting_area"),
    (
        "a wrong check digit",
        lambda d: d["subject"].update(nhs_number="9990000019"),
        "invalid-event",
        "subject.nhs_number",
    ),
    (
        "a number for a number's text",
        lambda d: d["subject"].update(nhs_number=9990000018),
        "invalid-event",
        "subject.nhs_number",
    ),
    (
        "a wrong check letter",
        lambda d: d["subject"].update(upn="A909999923001"),
        "invalid-event",
        "subject.upn",
    ),
    ("nobody", lambda d: d.update(subject={}), "invalid-event", "subject"),
    ("nobody on purpose", lambda d: d.update(subject={"nobody": True}), "invalid-event", "event"),
    (
        "a time without zone",
        lambda d: d.update(occurred_at="2026-03-01T10:00:00"),
        "invalid-event",
        "occurred_at",
    ),
    ("a time as a number", lambda d: d.update(occurred_at=1772355600), "invalid-event", "occurred_at"),
    (
        "a day that is none",
        lambda d: d["details"].update(moved_on="2026-02-30"),
        "invalid-event",
        "details.moved_on",
    ),
    ("an area by name", lambda d: d.update(acting_area="Cumberland"), "invalid-event", "acting_area"),
    (
        "a malformed postcode",
        lambda d: d.update(residence={"postcode": "CA3"}),
        "invalid-event",
        "residence.postcode",
    ),
    (
        "a code outside its set",
        lambda d: d["details"].update(kind="for ever"),
        "invalid-event",
        "details.kind",
    ),
    (
        "an id of another version",
        lambda d: d.update(id="0198f2a0-5c00-4a4b-8c1d-2e3f4a5b6c7d"),
        "invalid-event",
        "id",
    ),
    (
        "a control character",
        lambda d: d["subject"].update(given_name="A\u0000"),
        "invalid-event",
        "subject.given_name",
    ),
    (
        "a name that would be shown backwards",
        lambda d: d["subject"].update(given_name="A\u202eB"),
        "invalid-event",
        "subject.given_name",
    ),
    (
        "a line break in a line",
        lambda d: d["subject"].update(given_name="A\nB"),
        "invalid-event",
        "subject.given_name",
    ),
    (
        "blanks for a name",
        lambda d: d["subject"].update(given_name="   "),
        "invalid-event",
        "subject.given_name",
    ),
    (
        "a name without end",
        lambda d: d["subject"].update(given_name="A" * 301),
        "invalid-event",
        "subject.given_name",
    ),
    (
        "told nobody and no reason",
        lambda d: d.update(informed=[{"person": "parent", "told": "no_unsafe"}]),
        "invalid-event",
        "informed.0",
    ),
]


class TestBadInput:
    @pytest.mark.parametrize(("name", "breaks", "code", "place"), BROKEN, ids=[row[0] for row in BROKEN])
    def test_each_fault_has_a_code_a_place_and_a_remedy(
        self, name: str, breaks: Break, code: str, place: str
    ) -> None:
        document = a_document("move.notified")
        breaks(document)
        refusal = _refusal(_bytes(document))

        assert (code, place) == (refusal.code, refusal.faults[0].place)
        assert all(fault.why and fault.advice.endswith(".") for fault in refusal.faults)

    @pytest.mark.parametrize(("name", "breaks", "code", "place"), BROKEN, ids=[row[0] for row in BROKEN])
    def test_no_refusal_repeats_who_it_is_about(
        self, name: str, breaks: Break, code: str, place: str
    ) -> None:
        document = a_document(
            "move.notified", residence={"postcode": "CA3 8NA", "address": ["1 Example Way"]}
        )
        document["subject"] |= {"family_name": "Fictitious"}
        breaks(document)
        said = str(_refusal(_bytes(document)))

        assert not [
            secret
            for secret in (CHILD, "999000001", "Fictitious", "CA3 8NA", "Example Way", "909999923")
            if secret in said
        ]

    def test_an_odd_field_name_is_not_repeated(self) -> None:
        """A sender's mistake may put a value where a name belongs."""
        refusal = _refusal(a_document("move.notified") | {"9990000018": "x"})

        assert "9990000018" not in str(refusal)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"move.notified"',
            b"\xff\xfe{}",
            b"\xef\xbb\xbf{}",
            b'{"version": NaN}',
            b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
            b"[" * 100_000,
            b'{"a": ' + b"9" * 10_000 + b"}",
            b'{"version":"1","version":"1"}',
            b'{"subject":{"nhs_number":"9990000018","nhs_number":"9990000026"}}',
        ],
        ids=range(13),
    )
    def test_what_is_no_single_json_object_is_malformed(self, data: bytes) -> None:
        assert "malformed-json" == _refusal(data).code

    def test_a_lone_surrogate_is_refused(self) -> None:
        document = a_document("move.notified", subject={"nhs_number": CHILD, "given_name": "\ud800"})

        assert "invalid-event" == _refusal(_bytes(document)).code

    def test_an_oversized_event_is_refused_before_it_is_read(self) -> None:
        assert "oversized-event" == _refusal(b"{" * (MAX_EVENT_BYTES + 1)).code

    def test_a_mapping_with_values_that_json_cannot_say_is_malformed(self) -> None:
        assert "malformed-json" == _refusal(a_document("move.notified") | {"mood": object()}).code

    def test_many_faults_are_counted_and_not_all_listed(self) -> None:
        refusal = _refusal(a_document("move.notified") | {f"field_{n}": 1 for n in range(500)})

        assert 21 == len(refusal.faults)

    def test_hostile_input_is_cheap(self) -> None:
        """Half a megabyte of the worst we know is refused in a moment's work."""
        worst = [
            b'{"' + b'\\"' * 250_000,
            b"[" * 500_000,
            b'{"version":"1","type":"move.notified",'
            + b",".join(b'"k%d":1' % n for n in range(40_000))
            + b"}",
            b'{"version":"1","type":"move.notified","critical":[' + b",".join([b'"a"'] * 100_000) + b"]}",
        ]
        started = time.process_time()
        for data in worst:
            _refusal(data)
            with pytest.raises(EventRefusedError):
                read_event(data)

        assert time.process_time() - started < 4

    @given(data=st.binary(max_size=200))
    def test_no_bytes_raise_anything_else(self, data: bytes) -> None:
        with pytest.raises(EventRefusedError):
            read_event(data)

    @given(
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        field=st.sampled_from(
            ["version", "type", "id", "occurred_at", "subject", "details", "critical", "adults", "source"]
        ),
    )
    def test_no_value_in_a_known_field_raises_anything_else(self, value: Any, field: str) -> None:
        data = _bytes(a_document("move.notified") | {field: value})
        with contextlib.suppress(EventRefusedError):
            read_event(data)


class TestReaders:
    def test_unknown_fields_are_kept_and_the_rest_is_understood(self) -> None:
        document = a_document("move.notified") | {"weather": {"sky": "grey"}}
        document["details"]["lorry"] = "hired"
        seen = read_event(_bytes(document))

        assert isinstance(seen, GenericEvent)
        assert {"weather", "details.lorry"} == set(seen.unknown)
        assert an_event("move.notified") == seen.known
        assert {"sky": "grey"} == seen.document["weather"]

    def test_a_type_of_the_future_is_shown_as_it_came(self) -> None:
        seen = read_event(_bytes(a_document("move.notified") | {"type": "move.by_airship"}))

        assert isinstance(seen, GenericEvent)
        assert ("move.by_airship", None) == (seen.type, seen.known)

    def test_a_later_version_of_a_known_type_is_understood_as_far_as_possible(self) -> None:
        seen = read_event(_bytes(a_document("move.notified") | {"version": "2", "extra": 1}))

        assert isinstance(seen, GenericEvent)
        assert "2" == seen.version
        assert isinstance(seen.known, Event)

    @pytest.mark.parametrize("critical", [["extra"], ["details.extra"], ["subject.nhs_number.extra"]])
    @pytest.mark.parametrize("change", [{}, {"type": "move.by_airship"}, {"version": "2"}, {"extra": 1}])
    def test_an_unknown_field_marked_critical_refuses_the_event(
        self, critical: list[str], change: Document
    ) -> None:
        document = a_document("move.notified", critical=critical) | change
        with pytest.raises(EventRefusedError) as caught:
            read_event(_bytes(document))

        assert "unknown-critical-field" == caught.value.code

    def test_a_known_field_marked_critical_changes_nothing(self) -> None:
        document = a_document("move.notified", critical=["sensitivity", "details.to_area"])

        assert isinstance(read_event(_bytes(document)), Event)

    def test_an_invalid_event_of_this_version_is_still_refused(self) -> None:
        document = a_document("move.notified") | {"extra": 1}
        document["subject"] = {"nhs_number": "9990000019"}
        with pytest.raises(EventRefusedError) as caught:
            read_event(_bytes(document))

        assert "invalid-event" == caught.value.code

    def test_a_future_event_without_an_id_is_refused(self) -> None:
        document = a_document("move.notified") | {"version": "2", "id": "no id"}
        with pytest.raises(EventRefusedError):
            read_event(_bytes(document))
