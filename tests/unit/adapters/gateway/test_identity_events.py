"""A number that was superseded, an adoption, and who may confirm that a member is involved."""

import pytest

from adapters.gateway.errors import AdoptedError
from adapters.gateway.frontdoor.actions import Person
from schemas.catalogue import parse_event
from schemas.control import Action, ActionKind
from schemas.wire import InKind
from tests.support.events import CHILD, CUMBERLAND, SIBLING, a_document
from tests.support.postroom import PostRoom

WORKER = Person("Rowan Example", "social worker")
HERE = {"residence": {"gss": CUMBERLAND}}
OLD, NEW = {"nhs_number": CHILD}, {"nhs_number": SIBLING}


def handles(room: PostRoom, name: str) -> list[str | None]:
    """The child of each event that a member was sent, in order."""
    return [item.child for item in room[name].inbox() if item.kind is InKind.VIEW]


def test_a_superseded_number_leads_to_the_same_child_and_can_be_taken_back(room: PostRoom) -> None:
    """Re-keyed by a person's signature; wrongly merged, it is undone, and those told meanwhile are told."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    link = room["cumberland"].actions.link(
        [OLD, NEW], WORKER, "PDS shows the new number.", "strong_identifier"
    )
    room.settle()
    room["health"].publish(a_document("appointment.missed", n=2, subject=NEW, **HERE))
    room.settle()
    together = handles(room, "cumberland")
    child = str(together[0])
    types = [line.read.type for line in room["cumberland"].chronology(child)]
    room["cumberland"].actions.unlink([OLD, NEW], WORKER, "Another child's number.", str(link))
    room.settle()

    assert 1 == len(set(together))
    assert {"plan.opened", "appointment.missed"} <= set(types)
    told = [str(item.says) for item in room["cumberland"].inbox() if item.kind is InKind.NOTICE]
    assert any("undone" in says for says in told)
    assert "appointment.missed" not in [line.read.type for line in room["cumberland"].chronology(child)]


def test_an_adoption_cuts_nothing_leads_from_the_new_number_to_the_old_child(room: PostRoom) -> None:
    """Never linked, not even by a person; what is said under the new number reaches nobody as news of the old child."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    room["cumberland"].publish(
        a_document(
            "identity.changed",
            n=2,
            subject=NEW,
            details={"change": "adopted", "previous": None},
            **HERE,
        )
    )
    room["health"].publish(a_document("concern.raised", n=3, subject=NEW, **HERE))
    room.settle()
    known = handles(room, "cumberland")

    assert str(known[0]) not in {str(child) for child in known[1:]}
    with pytest.raises(AdoptedError):
        room["cumberland"].actions.link([OLD, NEW], WORKER, "Looks like him.", "seen_together")


def confirms(room: PostRoom, by: str, member: str, n: int) -> None:
    """A member says that another (or itself) is involved with the child, and asks the router to count it."""
    who = str(room.exchange.members[member])
    now = room.clock().isoformat()
    document = a_document(
        "involvement.confirmed", n=n, details={"member": who, "agency": "school"}, recorded_at=now, **HERE
    )
    room[by].publishing.publish(parse_event(document), action=Action(ActionKind.INVOLVE, member=who))
    room.settle()


def test_a_second_independent_member_may_confirm_and_nobody_itself(room: PostRoom) -> None:
    """The school's own word, and a stranger's, grant nothing; that of a member the front door has confirmed does."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    confirms(room, "school", "school", 2)
    confirms(room, "health", "school", 3)
    room["cumberland"].publish(a_document("plan.changed", n=4, **HERE))
    room.settle()
    before = [item for item in room["school"].inbox() if item.kind is InKind.GRANTED]
    room["cumberland"].actions.involve({"nhs_number": CHILD}, str(room.exchange.members["health"]), WORKER)
    room.settle()
    confirms(room, "health", "school", 6)
    room["cumberland"].publish(a_document("plan.changed", n=7, **HERE))
    room.settle()
    granted = [item for item in room["school"].inbox() if item.kind is InKind.GRANTED]

    assert [] == before
    assert "plan.changed" in {room["school"].read(item.number, role="lead").type for item in granted}
