"""A child's history crosses from one area to the next: what both sides can read at each step."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.gateway.errors import NoGroundError, NoSuchItemError
from adapters.gateway.frontdoor.actions import Person
from broker.clock import system_clock
from broker.errors import RejectedError
from schemas.codes.members import MemberKind
from schemas.ids import GssCode
from schemas.wire import InKind
from tests.support.events import CHILD, CUMBERLAND, PUPIL, WESTMORLAND, a_document
from tests.support.postroom import PostRoom, a_postroom

WORKER = Person("Rowan Example", "social worker")
HERE = {"residence": {"gss": CUMBERLAND}}


def ids(room: PostRoom, name: str) -> list[str]:
    """The chronology of the one child that a member knows, by event id."""
    child = next(item.child for item in room[name].inbox(everything=True) if item.child)
    return [line.read.document["id"] for line in room[name].chronology(child)]


def a_history(room: PostRoom) -> list[str]:
    """A plan by NHS number, early help by UPN, a person's link between them, then events under both numbers."""
    sent = [
        room["cumberland"].publish(a_document("plan.opened", n=1, **HERE)),
        room["school"].publish(a_document("eha.opened", n=2, subject={"upn": PUPIL}, **HERE)),
    ]
    room.settle()
    sent.append(
        room["cumberland"].actions.link(
            [{"nhs_number": CHILD}, {"upn": PUPIL}], WORKER, "Birth certificate seen.", "official_document"
        )
    )
    room.settle()
    sent += [
        room["health"].publish(a_document("appointment.missed", n=4, **HERE)),
        room["school"].publish(a_document("attendance.summary", n=5, subject={"upn": PUPIL}, **HERE)),
    ]
    room.settle()
    return [str(one) for one in sent]


def a_move(room: PostRoom) -> str:
    """A health provider reports the move; gives the beginning of the handover's id."""
    room["health"].publish(a_document("move.notified", n=6))
    room.settle()
    return room["cumberland"].actions.handovers()[0].handover.hex()[:8]


def test_a_history_is_not_released_on_the_routers_word_alone(room: PostRoom) -> None:
    """The handover leads to an area that no event of the child names: the person is told what is missing, and where."""
    a_history(room)
    handover = a_move(room)
    old = room["cumberland"]
    row, view = old.actions.handover(handover)
    elsewhere = replace(view, to_area="E08000035")
    with old.home.store.work() as work:
        work.inbox.save_handover(replace(row, number=row.number + 1, body=elsewhere.to_bytes()))

    with pytest.raises(NoGroundError, match="no event in this gateway's record of the child names E08000035"):
        old.actions.release(handover, WORKER)


def test_the_new_side_ends_with_the_old_sides_chronology(room: PostRoom) -> None:
    history = a_history(room)
    handover = a_move(room)
    room["cumberland"].actions.release(handover, WORKER)
    room.settle()
    room["westmorland"].actions.accept(handover, WORKER)
    room.settle()

    old, new = ids(room, "cumberland"), ids(room, "westmorland")
    view = room["westmorland"].actions.handovers()[0]
    assert set(history) < set(new)
    assert sorted(old) == sorted(new)
    assert ("closed", WESTMORLAND, True) == (view.state, view.holder, view.verified)


def test_the_history_goes_on_with_a_child_who_moves_again(tmp_path: Path) -> None:
    """What the second area was granted it grants on to the third, in one order with what it was sent itself."""
    third = "E06000047"
    cast = {
        "cumberland": (MemberKind.SOCIAL_CARE, (GssCode(CUMBERLAND),)),
        "westmorland": (MemberKind.SOCIAL_CARE, (GssCode(WESTMORLAND),)),
        "durham": (MemberKind.SOCIAL_CARE, (GssCode(third),)),
        "school": (MemberKind.SCHOOL, (GssCode(CUMBERLAND),)),
        "health": (MemberKind.HEALTH_PROVIDER, (GssCode(CUMBERLAND), GssCode(WESTMORLAND), GssCode(third))),
    }
    room = a_postroom(tmp_path, cast=cast)
    history = a_history(room)
    first = a_move(room)
    room["cumberland"].actions.release(first, WORKER)
    room.settle()
    room["westmorland"].actions.accept(first, WORKER)
    room.settle()

    room["health"].publish(
        a_document(
            "move.notified",
            n=60,
            acting_area=WESTMORLAND,
            details={"from_area": WESTMORLAND, "to_area": third},
            residence={"gss": third},
        )
    )
    room.settle()
    second = next(
        view.handover.hex() for view in room["westmorland"].actions.handovers() if view.to_area == third
    )
    room["westmorland"].actions.release(second, WORKER)
    room.settle()
    room["durham"].actions.accept(second, WORKER)
    room.settle()

    view = room["durham"].actions.handovers()[0]
    known = ids(room, "durham")
    room.close()
    assert ("closed", third, True) == (view.state, view.holder, view.verified)
    assert set(history) < set(known)


def test_records_meet_only_after_a_persons_decision(room: PostRoom) -> None:
    """Two numbers, one child: two children to every gateway until somebody signs that they are one."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room["school"].publish(a_document("eha.opened", n=2, subject={"upn": PUPIL}, **HERE))
    room.settle()
    before = {item.child for item in room["cumberland"].inbox()}
    room["cumberland"].actions.link(
        [{"nhs_number": CHILD}, {"upn": PUPIL}], WORKER, "Seen.", "official_document"
    )
    room["school"].publish(a_document("attendance.summary", n=3, subject={"upn": PUPIL}, **HERE))
    room.settle()
    handles = [item.child for item in room["cumberland"].inbox()]

    assert 2 == len(before)
    assert before == set(handles)
    assert handles[-1] == handles[0]
    for handle in before:
        types = {line.read.type for line in room["cumberland"].chronology(str(handle))}
        assert {"plan.opened", "eha.opened", "identity.linked", "attendance.summary"} == types


def test_an_undone_link_parts_the_chronologies_and_tells_those_who_were_told(room: PostRoom) -> None:
    history = a_history(room)
    told = room["cumberland"].actions.unlink(
        [{"nhs_number": CHILD}, {"upn": PUPIL}], WORKER, "Another child.", history[2]
    )
    room.settle()
    room["school"].publish(a_document("attendance.summary", n=7, subject={"upn": PUPIL}, **HERE))
    room.settle()

    cumberland = room["cumberland"]
    items = cumberland.inbox()
    notices = [item for item in items if item.kind is InKind.NOTICE]
    views = [item for item in items if item.kind is InKind.VIEW]
    child, pupil = str(views[0].child), str(views[1].child)
    by_nhs = [line.read.type for line in cumberland.chronology(child)]
    assert ["are one child" in str(one.says) for one in notices] == [True, False]
    assert "undone" in str(notices[1].says)
    assert views[-1].child != child
    assert "eha.opened" not in by_nhs
    assert "attendance.summary" not in by_nhs
    assert "appointment.missed" in by_nhs
    assert "plan.opened" not in [line.read.type for line in cumberland.chronology(pupil)]
    assert told


def test_a_decline_leaves_the_case_where_it_was_and_says_why(room: PostRoom) -> None:
    a_history(room)
    handover = a_move(room)
    room["westmorland"].actions.decline(handover, WORKER, "papers_missing", "No chronology came.")
    room.settle()

    for name in ("cumberland", "westmorland"):
        view = room[name].actions.handovers()[0]
        assert ("declined", CUMBERLAND, WESTMORLAND) == (view.state, view.holder, view.safety)
    assert "papers_missing" == room["cumberland"].actions.handovers()[0].reason


def test_neither_side_can_act_for_the_other(room: PostRoom) -> None:
    a_history(room)
    handover = a_move(room)

    with pytest.raises(RejectedError, match="the new area"):
        room["cumberland"].actions.accept(handover, WORKER)
    with pytest.raises(RejectedError, match="the old area"):
        room["westmorland"].actions.release(handover, WORKER)
    with pytest.raises(NoSuchItemError, match="no handover"):
        room["westmorland"].actions.accept("zz", WORKER)


def test_a_school_hears_once_the_front_door_has_confirmed_it(room: PostRoom) -> None:
    """Confirmed involvement: the school gets what policy allows, of each event the parts for a school, nothing more."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    before = room["school"].inbox()
    room["cumberland"].actions.involve({"nhs_number": CHILD}, room.exchange.members["school"], WORKER)
    room.settle()
    room["cumberland"].publish(a_document("plan.changed", n=2, **HERE))
    room.settle()

    items = [item for item in room["school"].inbox() if item.kind is InKind.GRANTED]
    assert [] == before
    reads = [room["school"].read(item.number, role="designated lead") for item in items]
    assert "plan.changed" in [read.type for read in reads]
    assert all("residence" not in read.document for read in reads)

    room.settle()
    sent = next(one for one in room["cumberland"].outbox() if str(one.event_id) == reads[-1].document["id"])
    school = next(reader for reader in sent.readers if reader.reader == room.exchange.members["school"])
    assert school.opened_ms is not None


def test_a_month_without_network_is_flagged_late_and_refused_nowhere(room: PostRoom) -> None:
    """What was published before the network came back arrives late and in order; what comes now is not late."""
    room["health"].publish(a_document("concern.raised", n=1, **HERE))
    room["health"].publish(a_document("appointment.missed", n=2, **HERE))
    room.clock = lambda: system_clock() + timedelta(days=30)
    room.settle()
    room["police"].publish(a_document("household.changed", n=3, **HERE))
    room.settle()

    items = [(item.late, item.state) for item in room["cumberland"].inbox()]
    assert [(True, "applied"), (True, "applied"), (False, "applied")] == items
