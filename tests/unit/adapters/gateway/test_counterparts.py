"""Agency to agency: a file goes to one named counterpart, its receipt comes back, and who has not sent is listed."""

import pytest

from adapters.gateway.errors import NoSuchItemError
from adapters.gateway.frontdoor.actions import Person
from schemas.wire import InKind
from tests.support.events import CUMBERLAND, a_document
from tests.support.postroom import PostRoom

WORKER = Person("Rowan Example", "social worker")
HERE = {"residence": {"gss": CUMBERLAND}}


def a_move(room: PostRoom) -> str:
    """A school and a clinic know the child; then it moves."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    room["school"].publish(a_document("concern.raised", n=2, **HERE))
    room["health"].publish(a_document("appointment.missed", n=3, **HERE))
    room.settle()
    room["health"].publish(a_document("move.notified", n=4))
    room.settle()
    return room["cumberland"].actions.handovers()[0].handover.hex()


def test_who_was_active_and_has_not_sent_is_listed_until_it_has(room: PostRoom) -> None:
    """The file goes to the one counterpart that it names; whoever takes it on gives the receipt that the rules ask for."""
    handover = a_move(room)
    before = room["cumberland"].counterparts.of(handover)
    to = str(room.exchange.members["education"])
    room["school"].publish(a_document("counterpart.sent", n=5, details={"to_member": to}, **HERE))
    room.settle()
    number = next(item.number for item in room["education"].inbox() if item.author_name == "Example school")
    room["education"].take_on(number, by="Kim Example, designated lead")
    room.settle()
    after = room["cumberland"].counterparts.of(handover)

    assert [("Example health", None), ("Example school", None)] == [(one.name, one.to) for one in before]
    assert [("Example health", None), ("Example school", "Example education")] == [
        (one.name, one.to) for one in after
    ]
    sent = next(one for one in room["school"].outbox() if any(each.reader == to for each in one.readers))
    assert next(each for each in sent.readers if each.reader == to).taken_on_ms is not None


def test_the_education_desk_tells_the_school_of_its_own_roll(room: PostRoom) -> None:
    """The police never name a school, and no roll is at the exchange: the desk does, and hears that it was opened."""
    room["police"].publish(a_document("da.incident", n=1, **HERE))
    room.settle()
    desk, school = room["education"], room["school"]
    number = next(item.number for item in desk.inbox() if item.kind is InKind.VIEW)
    before = school.inbox()
    desk.counterparts.encompass(number, str(room.exchange.members["school"]))
    room.settle()
    [told] = school.inbox()
    read = school.read(told.number, role="designated lead")
    room.settle()

    assert [] == before
    assert "encompass.passed_on" == read.type
    assert "Shouting heard by neighbours." == read.document["details"]["circumstances"]
    assert all(one.opened_ms for one in desk.outbox()[0].readers if one.reader == school.home.member_id)
    with pytest.raises(NoSuchItemError):
        desk.counterparts.encompass(number, "m-nobody")
