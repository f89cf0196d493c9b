"""A gateway tells its boards what its member owes and when it did it; nobody else can read what."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from broker.audit.projection import Projection
from broker.board.node import BoardHome
from broker.clock import to_ms
from broker.store.audit.rows import Came, Scope
from schemas.audit import AuditEntry, EntryKind
from schemas.codes.members import MemberKind
from schemas.ids import GssCode
from tests.support.events import CUMBERLAND, WESTMORLAND, a_document
from tests.support.postroom import PostRoom, a_postroom
from tests.support.turning import Stopped

HERE: dict[str, Any] = {"residence": {"gss": CUMBERLAND}}
CAST: Final[Mapping[str, tuple[MemberKind, tuple[GssCode, ...]]]] = {
    "cumberland": (MemberKind.SOCIAL_CARE, (GssCode(CUMBERLAND),)),
    "westmorland": (MemberKind.SOCIAL_CARE, (GssCode(WESTMORLAND),)),
    "board": (MemberKind.BOARD, (GssCode(CUMBERLAND), GssCode(WESTMORLAND))),
}


@pytest.fixture
def clock() -> Stopped:
    return Stopped()


@pytest.fixture
def room(tmp_path: Path, clock: Stopped) -> Iterator[PostRoom]:
    room = a_postroom(tmp_path, clock, CAST)
    yield room
    room.close()


def trail(room: PostRoom) -> list[bytes]:
    """What the router has written down."""
    with room.store.work() as work:
        return [row.body for row in work.outgoing.waiting_audit(100_000)]


def said(room: PostRoom) -> list[Any]:
    """What the board's node reads of the trail."""
    home = BoardHome.open(room.exchange.home("board"))
    store = home.store()
    try:
        with store.work() as work:
            projection: Projection = home.projection()
            projection.take_all(work, [Came(data) for data in trail(room)])
            return work.obligations(Scope(home.areas()), ("referral-decision",))
    finally:
        store.close()


def test_a_board_reads_what_is_owed_and_when_it_was_met(room: PostRoom, clock: Stopped) -> None:
    room["cumberland"].publish(a_document("concern.raised", **HERE))
    room.settle()
    assert room["cumberland"].clocking.open()
    room["cumberland"].obliging.say()
    room.settle()
    (open_one,) = said(room)
    clock.now += timedelta(hours=3)
    room["cumberland"].publish(a_document("plan.opened", n=2, **HERE))
    room["cumberland"].clocking.look()
    room["cumberland"].obliging.say()
    room.settle()

    (met,) = said(room)
    assert (None, to_ms(clock.now)) == (open_one.met_ms, met.met_ms)
    assert (open_one.ref, open_one.due_ms) == (met.ref, met.due_ms)
    assert 0 == room["cumberland"].obliging.say()


def test_the_broker_reads_neither_kind_nor_time(room: PostRoom) -> None:
    room["cumberland"].publish(a_document("concern.raised", **HERE))
    room.settle()
    room["cumberland"].clocking.look()
    room["cumberland"].obliging.say()
    room.settle()

    entries = [AuditEntry.from_bytes(data) for data in trail(room)]
    words = [entry for entry in entries if entry.kind is EntryKind.OBLIGATION]
    assert words
    assert {("child", "event", "id", "origin", "owner", "ref", "slips")} == {
        tuple(sorted(entry.fields)) for entry in words
    }
    assert not [data for data in trail(room) if b"referral-decision" in data]
