"""A history is whole when every event of it is here, under whichever order it came; what never comes is an alarm."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.record.grounds import Record
from schemas.ids import EventId, GssCode
from schemas.wire import InKind
from tests.support.events import CHILD, CUMBERLAND, PUPIL, SIBLING, WESTMORLAND, a_document
from tests.support.exchange import FewPlaces
from tests.support.postroom import PostRoom, a_postroom
from tests.support.turning import Watch

WORKER = Person("Rowan Example", "social worker")
HERE = {"residence": {"gss": CUMBERLAND}}


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


def test_a_history_with_another_childs_events_is_ordered_anew_when_the_link_is_undone(room: PostRoom) -> None:
    """Released while the link stood, and answered before word of the unlink came: nothing of the other child is passed on."""
    old, new = room["cumberland"], room["westmorland"]
    both = [{"nhs_number": CHILD}, {"upn": PUPIL}]
    theirs = old.publish(a_document("plan.opened", n=21, subject=both[1], details={"plan_ref": "q"}, **HERE))
    room.settle()
    link = old.actions.link(both, WORKER, "Seen.", "official_document")
    room.settle()
    room["health"].publish(a_document("move.notified", n=22))
    room.settle()
    [handover] = [one.handover.hex() for one in old.actions.handovers() if one.state == "noticed"]
    old.actions.release(handover, WORKER)
    old.actions.unlink(both, WORKER, "Two children.", str(link))
    room.settle()

    assert [] == applied(new, theirs)
    [view] = [one for one in new.actions.handovers() if one.handover.hex() == handover]
    assert view.verified
    with old.home.store.look() as work:
        assert [] == work.inbox.unanswered(old.home.member_id)


@pytest.mark.parametrize("first", [0, 1], ids=["kept", "merged"])
def test_a_record_is_completed_across_links_that_were_made_under_other_records(
    tmp_path: Path, first: int
) -> None:
    """A moves to Cumberland; then A and B are linked, and both to C. The ground and the links came under other handles."""
    room = a_postroom(tmp_path)
    old, new = room["cumberland"], room["westmorland"]
    there = {"residence": {"gss": WESTMORLAND}, "acting_area": WESTMORLAND}
    about = ({"nhs_number": CHILD}, {"upn": PUPIL})
    old.publish(a_document("plan.opened", n=11, subject={"nhs_number": SIBLING}, **HERE))
    said = [
        new.publish(a_document("plan.opened", n=n, subject=who, details={"plan_ref": f"p-{n}"}, **there))
        for n, who in enumerate(about, start=12)
    ]
    room["health"].publish(
        a_document("move.notified", n=14, details={"from_area": WESTMORLAND, "to_area": CUMBERLAND}, **HERE)
    )
    room.settle()
    for one, other in ((about[first], about[1 - first]), ({"nhs_number": SIBLING}, about[0])):
        new.actions.link([one, other], WORKER, "Seen.", "official_document")
        room.settle()
    new.orders.reconsider()
    room.settle()

    come = [applied(old, event) for event in said]
    room.close()
    assert [["applied"], ["applied"]] == come


def test_what_was_said_of_a_child_that_was_linked_wrongly_vouches_for_nobody(tmp_path: Path) -> None:
    """Two children of Westmorland, linked and parted; the one has moved to Cumberland. That is no ground for the other's."""
    room = a_postroom(tmp_path)
    new = room["westmorland"]
    there = {"residence": {"gss": WESTMORLAND}, "acting_area": WESTMORLAND}
    about = [{"nhs_number": CHILD}, {"upn": PUPIL}]
    for n, who in enumerate(about, start=12):
        new.publish(a_document("plan.opened", n=n, subject=who, details={"plan_ref": f"p-{n}"}, **there))
    room.settle()
    link = new.actions.link(about, WORKER, "Seen.", "official_document")
    room.settle()
    room["health"].publish(
        a_document("move.notified", n=14, details={"from_area": WESTMORLAND, "to_area": CUMBERLAND}, **HERE)
    )
    room.settle()
    new.actions.unlink(about, WORKER, "Two children.", str(link))
    room.settle()

    door = new.home.directory.front_door(GssCode(CUMBERLAND))
    assert door is not None
    record = Record(new.home, FewPlaces())
    with new.home.store.look() as work:
        handles = {row.child for row in work.inbox.about_children(int(InKind.VIEW)) if row.child}
        vouched = {
            kind: any(
                record.vouches_for(work, handle, door, frozenset({(kind, value)})) for handle in handles
            )
            for one in about
            for kind, value in one.items()
        }
    room.close()
    assert {"nhs_number": True, "upn": False} == vouched
