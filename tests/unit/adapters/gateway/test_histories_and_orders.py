"""A history is whole when every event of it is here, under whichever order it came; what never comes is an alarm."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adapters.gateway.actions import Person
from adapters.gateway.api import Gateway
from broker.clock import system_clock
from schemas.ids import EventId
from schemas.wire import InKind
from tests.support.events import CUMBERLAND, a_document
from tests.support.postroom import PostRoom, a_postroom

WORKER = Person("Rowan Example", "social worker")
HERE = {"residence": {"gss": CUMBERLAND}}


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return system_clock() + self.ahead


@pytest.fixture
def clock() -> Watch:
    """As the machine's until it is moved."""
    return Watch()


@pytest.fixture
def room(tmp_path: Path, clock: Watch) -> Iterator[PostRoom]:
    """A child of Cumberland that has moved to Westmorland; nothing is released."""
    made = a_postroom(tmp_path, clock)
    made["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    made["health"].publish(a_document("move.notified", n=2))
    made.settle()
    yield made
    made.close()


def ordered_twice(room: PostRoom) -> EventId:
    """The school tells Cumberland something; before that reaches it, its person releases the history."""
    said = room["school"].publish(a_document("attendance.summary", n=3, **HERE))
    room.post("school")
    handover = room["cumberland"].actions.handovers()[0].handover.hex()
    room["cumberland"].actions.release(handover, WORKER)
    room.post("cumberland")
    return said


def applied(gateway: Gateway, event: EventId) -> list[str]:
    """How often an event has come, and what became of it."""
    kinds = (InKind.VIEW, InKind.GRANTED)
    return [
        item.state
        for item in gateway.inbox(everything=True)
        if item.kind in kinds and item.message_id == event.raw
    ]


def test_a_history_is_whole_with_an_event_that_came_under_another_order(room: PostRoom, clock: Watch) -> None:
    said = ordered_twice(room)
    room.settle()

    new = room["westmorland"]
    assert ["applied"] == applied(new, said)
    assert new.actions.handovers()[0].verified
    clock.ahead = timedelta(minutes=20)
    assert [] == [alarm for alarm in new.alarms() if alarm.code == "grants-missing"]


def test_an_event_that_comes_under_neither_order_is_missed(room: PostRoom, clock: Watch) -> None:
    """Cumberland does not answer: the history is not called whole, and both orders stand as alarms."""
    ordered_twice(room)
    room["westmorland"].receiving.take(room.collect("westmorland"))
    room["westmorland"].actions.verify_whole()

    new = room["westmorland"]
    assert not new.actions.handovers()[0].verified
    clock.ahead = timedelta(minutes=20)
    missing = [alarm.says for alarm in new.alarms() if alarm.code == "grants-missing"]
    assert ["1 of 1 ordered events were not granted", "2 of 2 ordered events were not granted"] == missing
