"""From an event to sealed parts and readers; durable when ``publish`` returns, with or without a network."""

import json
from typing import Any

import pytest

from adapters.gateway.errors import NobodyToReadError, WrongAuthorError
from adapters.gateway.feeding import MessageRefusedError, feed_nems
from adapters.gateway.record.composing import compose, concerned_areas, identifiers, join, split
from broker.routing.intake import Outcome
from schemas.control import unframe
from schemas.envelope import FullEnvelope
from schemas.errors import EventRefusedError
from schemas.ids import GssCode
from schemas.wire import PROTOCOL_VERSION, PartKind
from tests.support.directory import NOW, a_directory
from tests.support.events import (
    CHILD,
    CUMBERLAND,
    MOTHER,
    PUPIL,
    WESTMORLAND,
    a_document,
    an_event,
    every_type,
)
from tests.support.exchange import FewPlaces
from tests.support.nems_messages import a_move, as_xml
from tests.support.postroom import PostRoom

RICH: dict[str, Any] = {
    "reporter": {"relation": "neighbour", "anonymous": False},
    "residence": {"gss": CUMBERLAND, "postcode": "CA3 8NA"},
}


def envelope_of(room: PostRoom, name: str) -> FullEnvelope:
    """The last event in a member's outbox, as it goes out."""
    with room[name].home.store.work() as work:
        _, body = unframe(work.outbox.events()[0].body, 2, PROTOCOL_VERSION)
    return FullEnvelope.from_bytes(body)


@pytest.mark.parametrize("kind", [kind for kind in every_type() if kind != "learning.published"])
def test_every_event_comes_together_again_from_its_parts(kind: str) -> None:
    event = an_event(kind, residence={"postcode": "CA3 8NA"})

    parts = split(event)

    assert json.loads(event.to_json()) == join(parts)
    assert b"CA3 8NA" in parts[PartKind.LOCATION]
    assert b"CA3 8NA" not in parts[PartKind.CORE]


@pytest.mark.parametrize(
    ("subject", "kinds"),
    [
        pytest.param({"nhs_number": CHILD, "upn": PUPIL}, ["nhs_number", "upn"], id="both, strongest first"),
        pytest.param({"upn": PUPIL}, ["upn"], id="a pupil only"),
        pytest.param(
            {"unborn": {"mother_nhs_number": MOTHER, "pregnancy_ref": "p-1"}}, ["unborn"], id="unborn"
        ),
        pytest.param({"family_name": "Example", "date_of_birth": "2020-01-01"}, [], id="unmatched"),
    ],
)
def test_the_strong_identifiers_of_a_subject(subject: dict[str, Any], kinds: list[str]) -> None:
    found = identifiers(an_event("concern.raised", subject=subject).subject)

    assert kinds == [kind.name.lower() for kind, _ in found]


def test_a_postcode_alone_finds_the_front_door(room: PostRoom) -> None:
    room["health"].publish(a_document("concern.raised", n=1, residence={"postcode": "LA9 4UF"}))
    room.settle()

    assert 1 == len(room["westmorland"].inbox())
    assert 0 == len(room["cumberland"].inbox())


def test_an_event_without_identifier_reaches_the_front_door_unmatched(room: PostRoom) -> None:
    room["police"].publish(
        a_document(
            "concern.raised",
            n=1,
            subject={"family_name": "Example", "date_of_birth": "2020-01-01"},
            residence={"postcode": "CA3 8NA"},
        )
    )
    room.settle()

    item = room["cumberland"].inbox()[0]
    assert item.child is None
    assert "Example" == room["cumberland"].read(item.number, role="worker").document["subject"]["family_name"]


def test_boards_of_all_areas_concerned_get_a_slip_and_no_part() -> None:
    world = a_directory()
    event = an_event("move.notified")
    areas = concerned_areas(event, FewPlaces())
    composed = compose(event, areas, world["health"].id, world.directory, NOW)

    assert {CUMBERLAND, WESTMORLAND} == {areas.from_area, areas.to_area}
    assert [world["board"].id] == [board.id for board in composed.boards]
    assert world["board"].id not in composed.readers


def test_nobody_to_read_is_said_at_once(room: PostRoom) -> None:
    world = a_directory()
    doors = {world["cumberland"].id, world["westmorland"].id}
    alone = world.having(members=tuple(one for one in world.directory.members if one.id not in doors))
    event = an_event("concern.raised")

    with pytest.raises(NobodyToReadError):
        compose(event, concerned_areas(event, FewPlaces()), world["health"].id, alone.directory, NOW)
    del room


@pytest.mark.parametrize(
    ("name", "kind", "area", "why"),
    [
        pytest.param("school", "da.incident", CUMBERLAND, "may not publish", id="wrong kind of member"),
        pytest.param("school", "eha.opened", WESTMORLAND, "not an area of", id="not its area"),
    ],
)
def test_a_wrong_author_is_refused_before_anything_is_queued(
    room: PostRoom, name: str, kind: str, area: str, why: str
) -> None:
    with pytest.raises(WrongAuthorError, match=why):
        room[name].publish(a_document(kind, acting_area=area))
    assert [] == room[name].outbox()


def test_publishing_is_durable_and_the_same_id_is_the_same_event(room: PostRoom) -> None:
    document = a_document("concern.raised", n=1)
    first = room["health"].publish(document)
    room.shut("health")
    second = room["health"].publish(document | {"occurred_at": "2026-03-01T00:00:00Z"})

    assert first == second
    assert [first] == [one.event_id for one in room["health"].outbox()]


def test_a_document_without_id_gets_one_each_time(room: PostRoom) -> None:
    document = {key: value for key, value in a_document("concern.raised").items() if key != "id"}

    assert room["health"].publish(document) != room["health"].publish(document)


def test_purpose_and_basis_are_filled_in_from_the_policy(room: PostRoom) -> None:
    room["health"].publish(a_document("concern.raised", n=1))
    room.settle()

    read = room["cumberland"].read(1, role="worker").document
    assert read["purpose"]
    assert read["basis"]
    assert read["onward"]


def test_a_sensitive_event_hides_its_routing_fields_from_all_but_the_router(room: PostRoom) -> None:
    room["health"].publish(a_document("concern.raised", n=1, sensitivity="sensitive"))
    hidden = envelope_of(room, "health").to_bytes()
    room["health"].publish(a_document("concern.raised", n=2))
    plain = envelope_of(room, "health").to_bytes()
    room.settle()

    assert CUMBERLAND.encode() not in hidden
    assert CUMBERLAND.encode() in plain
    assert {Outcome.TAKEN} == set(room.outcomes)


def test_a_broken_event_names_each_fault_and_repeats_no_value(room: PostRoom) -> None:
    with pytest.raises(EventRefusedError, match="check digit") as caught:
        room["health"].publish(a_document("concern.raised", subject={"nhs_number": "9990000019"}))
    assert "9990000019" not in str(caught.value)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        pytest.param(b"no json", "not an event", id="no JSON"),
        pytest.param(b"[1]", "not an event", id="not an object"),
        pytest.param(b"[" * 20_000, "not an event", id="a bomb"),
        pytest.param(b'{"type":"concern.raised"}', "another event", id="without its id"),
    ],
)
def test_what_a_member_seals_wrongly_cannot_be_read_and_stops_nothing(
    room: PostRoom, monkeypatch: pytest.MonkeyPatch, document: bytes, why: str
) -> None:
    """An author controls its plaintext: junk in it must neither be believed nor stop the gateway or its lists."""
    with monkeypatch.context() as patch:
        patch.setattr("adapters.gateway.record.composing.split", lambda _event: {PartKind.CORE: document})
        room["health"].publish(a_document("concern.raised", n=1))
    room["health"].publish(a_document("appointment.missed", n=2))
    room.settle()

    cumberland = room["cumberland"]
    with pytest.raises(Exception, match=why):
        cumberland.read(1, role="worker")
    assert ["appointment.missed"] == [
        line.read.type for line in cumberland.chronology(str(cumberland.item(2).child))
    ]


def test_a_type_under_another_class_is_not_believed(room: PostRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """The router lets a health provider publish class health; that its core says *police* only a reader can see."""
    police = split(an_event("da.incident", n=1))
    with monkeypatch.context() as patch:
        patch.setattr("adapters.gateway.record.composing.split", lambda _event: police)
        room["health"].publish(a_document("appointment.missed", n=1))
        room["health"].publish(a_document("concern.raised", n=2))
    room.settle()

    with pytest.raises(Exception, match="under another class"):
        room["cumberland"].read(1, role="worker")


def test_feeding_the_same_message_twice_sends_it_once(room: PostRoom) -> None:
    first = feed_nems(room["health"], as_xml(a_move()), acting_area=GssCode(CUMBERLAND))
    again = feed_nems(room["health"], as_xml(a_move()), acting_area=GssCode(CUMBERLAND))
    room.settle()

    assert first.event_ids == again.event_ids
    assert 1 == len(first.event_ids)
    assert () == first.not_published
    assert first.report.values == (
        first.report.mapped + sum(first.report.ignored.values()) + len(first.report.unmapped)
    )
    assert 1 == len(room["westmorland"].inbox())


def test_a_message_that_is_not_understood_publishes_nothing(room: PostRoom) -> None:
    with pytest.raises(MessageRefusedError, match=r"FHIR|Bundle|message"):
        feed_nems(room["health"], b"<Bundle/>")
    assert [] == room["health"].outbox()


def test_an_event_of_a_message_that_may_not_be_published_stops_no_other(room: PostRoom) -> None:
    """A board that is handed an NHS message: it is understood, and what a board may not send is said."""
    fed = feed_nems(room["board"], as_xml(a_move()))

    assert () == fed.event_ids
    assert ["move.notified"] == [one.type for one in fed.not_published]
