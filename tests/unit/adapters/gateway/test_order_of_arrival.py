"""What comes, comes in any order, twice, altered or late: each child's events are applied once and in their order."""

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from broker.crypto.signing import sign
from broker.errors import UnavailableError
from schemas import canonical
from schemas.control import Note, frame, unframe
from schemas.wire import PROTOCOL_VERSION, InKind
from tests.support.events import CHILD, CUMBERLAND, PUPIL, SIBLING, a_document
from tests.support.postroom import PostRoom, a_postroom

HERE = {"residence": {"gss": CUMBERLAND}}
_SUBJECTS = ({"nhs_number": CHILD}, {"nhs_number": SIBLING}, {"upn": PUPIL})


def some_mail(room: PostRoom) -> list[bytes]:
    """Seven messages for one front door: about two children with open matters, and one about nobody of concern."""
    health = room["health"]
    for n, (kind, subject) in enumerate(
        [
            ("concern.raised", 0),
            ("concern.raised", 1),
            ("appointment.missed", 0),
            ("appointment.missed", 1),
            ("health.presentation", 0),
            ("appointment.missed", 2),
            ("appointment.missed", 0),
        ],
        start=1,
    ):
        health.publish(a_document(kind, n=n, subject=_SUBJECTS[subject], **HERE))
    room.post("health")
    return room.collect("cumberland")


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> tuple[PostRoom, list[bytes]]:
    """The same mail for every example: a fresh database receives it each time."""
    made = a_postroom(tmp_path_factory.mktemp("mail"))
    return made, some_mail(made)


def fresh(room: PostRoom, folder: Path) -> Gateway:
    """The front door's home, with nothing received yet."""
    for name in ("gateway.db", "custody.db"):
        for left in folder.glob(f"{name}*"):
            left.unlink()
    return room.exchange.open("cumberland")


def told(gateway: Gateway) -> list[tuple[int, str, str | None]]:
    """What the ledger holds: number, state, child."""
    return [(item.number, item.state, item.child) for item in gateway.inbox(everything=True)]


@given(arrivals=st.lists(st.integers(0, 6), max_size=8), rest=st.permutations(range(7)))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_and_any_repeats_end_in_the_same_ledger(
    mail: tuple[PostRoom, list[bytes]], arrivals: list[int], rest: list[int]
) -> None:
    """At every step no child's event is applied before the one that the router took before it."""
    room, bodies = mail
    gateway = fresh(room, room.exchange.home("cumberland"))
    notes = [gateway.receiving.read(body).note for body in bodies]
    applied: list[int] = []
    try:
        for position in [*arrivals, *rest]:
            gateway.receiving.take([bodies[position]])
            now = [number for number, state, _ in told(gateway) if state == "applied"]
            assert set(applied) <= set(now)
            assert all(note.previous in {0, *now} for note in notes if note.number in now)
            applied = now
        assert [1, 2, 3, 4, 5, 6, 7] == applied
        assert [] == gateway.receiving.gaps()
        with gateway.home.store.work() as work:
            owed = [row.number for row in work.outbox.owed_receipts(100)]
        assert [1, 2, 3, 4, 5, 6, 7] == sorted(owed)
    finally:
        gateway.home.close()


def test_a_gap_holds_its_own_child_only_and_is_named(room: PostRoom) -> None:
    bodies = some_mail(room)
    cumberland = room["cumberland"]
    cumberland.receiving.take([body for number, body in enumerate(bodies, start=1) if number != 3])

    states = {number: state for number, state, _ in told(cumberland)}
    assert {1: "applied", 2: "applied", 4: "applied", 5: "held", 6: "applied", 7: "held"} == states
    assert [3] == cumberland.receiving.gaps()

    cumberland.receiving.take([bodies[2]])

    assert {"applied"} == {state for _, state, _ in told(cumberland)}


@pytest.mark.parametrize("last", [0, 1], ids=["by NHS number", "by pupil number"])
def test_what_follows_a_link_waits_for_all_that_was_sent_under_either_record(
    room: PostRoom, last: int
) -> None:
    cumberland, pupil = room["cumberland"], {"subject": {"upn": PUPIL}}
    cumberland.publish(a_document("plan.opened", n=1, **HERE))
    room["school"].publish(a_document("eha.opened", n=2, **pupil, **HERE))
    room.settle()
    room["health"].publish(a_document("appointment.missed", n=3, **HERE))
    room["school"].publish(a_document("attendance.summary", n=4, **pupil, **HERE))
    room.post("health")
    room.post("school")
    before = room.collect("cumberland")
    both = [{"nhs_number": CHILD}, {"upn": PUPIL}]
    cumberland.actions.link(both, Person("Rowan Example", "social worker"), "Seen.", "official_document")
    room.post("cumberland")
    room["school"].publish(a_document("attendance.summary", n=5, **pupil, **HERE))
    room.post("school")
    after = room.collect("cumberland")

    cumberland.receiving.take(after[::-1])
    cumberland.receiving.take([before[1 - last]])
    held = [number for number, state, _ in told(cumberland) if state == "held"]
    assert len(after) == len(held)

    cumberland.receiving.take([before[last]])
    assert {"applied"} == {state for _, state, _ in told(cumberland)}


def rewritten(room: PostRoom, body: bytes, **changes: Any) -> bytes:
    """The same delivery with another note, signed by the real router."""
    signed, kind, inner = unframe(body, 3, PROTOCOL_VERSION)
    note = room["cumberland"].receiving.read(body).note
    fields = {name: getattr(note, name) for name in Note.__slots__} | changes
    del signed
    return frame(PROTOCOL_VERSION, sign(room.keys.sign, Note.LABEL, Note(**fields).to_bytes()), kind, inner)


def altered(room: PostRoom, body: bytes) -> bytes:
    signed, kind, inner = unframe(body, 3, PROTOCOL_VERSION)
    del room
    return frame(PROTOCOL_VERSION, signed, kind, inner[:-1] + bytes([inner[-1] ^ 1]))


def not_the_routers(room: PostRoom, body: bytes) -> bytes:
    """A member signs the note instead."""
    _, kind, inner = unframe(body, 3, PROTOCOL_VERSION)
    note = room["cumberland"].receiving.read(body).note
    forged = sign(room["health"].home.signer(), Note.LABEL, note.to_bytes())
    return frame(PROTOCOL_VERSION, forged, kind, inner)


def another_kind(room: PostRoom, body: bytes) -> bytes:
    signed, _, inner = unframe(body, 3, PROTOCOL_VERSION)
    del room
    return frame(PROTOCOL_VERSION, signed, int(InKind.NOTICE), inner)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(altered, id="the body was altered"),
        pytest.param(not_the_routers, id="another member signed the note"),
        pytest.param(another_kind, id="it claims another kind"),
        pytest.param(lambda room, body: rewritten(room, body, reader="m-aaaaaaaa"), id="for another reader"),
        pytest.param(lambda _room, _body: b"", id="nothing"),
        pytest.param(lambda _room, _body: b"\xff" * 50, id="noise"),
        pytest.param(lambda _room, _body: canonical.encode([1, b"x", 1, b"y"]), id="junk in a frame"),
    ],
)
def test_what_the_router_did_not_sign_for_us_is_dropped_alone(
    room: PostRoom, spoil: Callable[[PostRoom, bytes], bytes]
) -> None:
    bodies = some_mail(room)
    cumberland = room["cumberland"]
    cumberland.receiving.take([*bodies[:1], spoil(room, bodies[1]), *bodies[2:]])

    assert [2] == cumberland.receiving.gaps()

    cumberland.receiving.take(bodies)

    assert {"applied"} == {state for _, state, _ in told(cumberland)}


@pytest.mark.parametrize("kind", list(InKind), ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xff", id="noise"),
        pytest.param(canonical.encode([]), id="short"),
        pytest.param(canonical.encode(["x", 1, None, b"short"]), id="wrong shapes"),
        pytest.param(canonical.encode([["m-x", [9, b"", "", -1, 0, None]]]), id="impossible values"),
    ],
)
def test_a_poisoned_message_fails_alone(room: PostRoom, kind: InKind, inner: bytes) -> None:
    """Rightly signed by the router, about the same child, and unusable: what comes after it proceeds."""
    bodies = some_mail(room)
    note = room["cumberland"].receiving.read(bodies[2]).note
    fields = {name: getattr(note, name) for name in Note.__slots__} | {
        "kind": kind,
        "body_hash": hashlib.sha256(inner).digest(),
    }
    signed = sign(room.keys.sign, Note.LABEL, Note(**fields).to_bytes())
    poison = frame(PROTOCOL_VERSION, signed, int(kind), inner)
    cumberland = room["cumberland"]
    cumberland.receiving.take([*bodies[:2], poison, *bodies[3:]])

    states = {number: state for number, state, _ in told(cumberland)}
    harmless = {InKind.RECEIPTS} if inner == canonical.encode([]) else set()
    assert ("applied" if kind in harmless else "failed") == states.pop(3)
    assert {"applied"} == set(states.values())


def test_an_event_that_comes_under_two_numbers_counts_once(room: PostRoom) -> None:
    bodies = some_mail(room)
    cumberland = room["cumberland"]
    cumberland.receiving.take(bodies)
    cumberland.receiving.take([rewritten(room, bodies[6], number=8, previous=7)])

    item = cumberland.item(8)
    assert ("failed", "repeated") == (item.state, item.fault)
    assert 4 == len(cumberland.chronology(str(cumberland.item(1).child)))


def test_a_crash_between_custody_and_ledger_loses_and_doubles_nothing(
    room: PostRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up after custody was written: the bus is not told, brings all again, and all is applied once."""
    bodies = some_mail(room)
    cumberland = room["cumberland"]
    real, calls = cumberland.receiving._enter, iter(range(100))

    def full(work: Any, noted: Any) -> None:
        real(work, noted)
        if next(calls) == 3:
            raise UnavailableError("the database took no write: disk full")

    with monkeypatch.context() as patch:
        patch.setattr(cumberland.receiving, "_enter", full)
        with pytest.raises(UnavailableError):
            cumberland.receiving.take(bodies)
    room.shut("cumberland")
    after_restart = room["cumberland"]

    assert [] == told(after_restart)
    assert bodies == list(after_restart.home.custody.since(0))

    after_restart.receiving.take(bodies)

    assert [(n, "applied") for n in range(1, 8)] == [(n, state) for n, state, _ in told(after_restart)]


def test_nothing_readable_lies_in_a_home(room: PostRoom) -> None:
    """Names, numbers and free text, sent and received, read and taken on: no file of either home has any of it."""
    canaries = ("Quill", "Zephyrine", CHILD, "Heard shouting next door.", "CA3 8NA")
    room["health"].publish(
        a_document(
            "concern.raised",
            n=1,
            subject={"nhs_number": CHILD, "given_name": "Quill", "family_name": "Zephyrine"},
            details={"what": "Heard shouting next door."},
            residence={"postcode": "CA3 8NA"},
        )
    )
    room["health"].publish(a_document("move.notified", n=2, residence={"postcode": "CA3 8NA"}))
    room.settle()
    room["cumberland"].read(1, role="worker")
    room["cumberland"].take_on(1, by="Rowan Example, worker")
    room.settle()

    found = [
        (path.name, canary)
        for name in ("health", "cumberland", "westmorland")
        for path in room.exchange.home(name).rglob("*")
        if path.is_file()
        for canary in canaries
        if canary.encode() in path.read_bytes()
    ]
    assert [] == found
    assert "Heard shouting next door." in str(room["cumberland"].read(1, role="worker").document)


def test_a_database_from_an_old_backup_goes_on_beyond_what_was_sent(room: PostRoom) -> None:
    """Without that, the router would take the next events for repeats of forgotten ones, and drop them unsaid."""
    home = room.exchange.home("health")
    room["health"].publish(a_document("concern.raised", n=1, **HERE))
    room.settle()
    room.shut("health")
    with sqlite3.connect(home / "gateway.db") as old, sqlite3.connect(home / "backup") as copy:
        old.backup(copy)
    for n in (2, 3, 4):
        room["health"].publish(a_document("appointment.missed", n=n, **HERE))
    room.settle()
    room.shut("health")
    for left in home.glob("gateway.db*"):
        left.unlink()
    (home / "backup").rename(home / "gateway.db")

    lanes = room["health"].stepped
    for n in (5, 6):
        room["health"].publish(a_document("appointment.missed", n=n, **HERE))
    room.settle()

    assert lanes
    types = [item.message_id for item in room["cumberland"].inbox()]
    assert 6 == len(set(types))
    assert () == room.exchange.open("health").stepped


def test_a_home_that_lost_both_databases_still_reaches_its_readers(room: PostRoom) -> None:
    home = room.exchange.home("health")
    for n, kind in enumerate(("concern.raised", "appointment.missed"), start=1):
        room["health"].publish(a_document(kind, n=n, **HERE))
    room.settle()
    room.shut("health")
    for left in [*home.glob("gateway.db*"), *home.glob("custody.db*")]:
        left.unlink()
    room["health"].publish(a_document("appointment.missed", n=3, **HERE))
    room.settle()

    assert 3 == len(room["cumberland"].inbox())


def test_a_forked_chain_is_mended_and_the_event_can_be_published_again(room: PostRoom) -> None:
    """Home and custody both went back one event: the router notices, the event comes back, the next try goes."""
    health = room["health"]
    health.publish(a_document("concern.raised", n=1, **HERE))
    room.settle()
    with health.home.store.work() as work:
        heads = work.outbox.chains()
        for lane, sequence in heads.items():
            work.outbox.advance(lane, sequence - 1, bytes(32))
    again = a_document("concern.raised", n=2, **HERE)
    event_id = health.publish(again)
    room.settle()
    came_back = health.outbox()[0].returned
    assert event_id == health.publish(again)
    room.settle()

    assert "chain-fork" in str(came_back)
    assert [event_id] == [one.event_id for one in health.outbox() if one.returned is None][:1]
    assert event_id.raw in {item.message_id for item in room["cumberland"].inbox()}
