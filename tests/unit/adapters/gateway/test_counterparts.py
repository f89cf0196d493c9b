"""Agency to agency: a file goes to one named counterpart, its receipt comes back, and who has not sent is listed."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.gateway.commands.counterparts import counterparts
from adapters.gateway.errors import NoSuchItemError
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.frontdoor.counterpart_list import Counterpart
from broker.clock import from_ms
from broker.store.gateway.clocks import ClockRow
from schemas.wire import InKind
from tests.support.events import CUMBERLAND, a_document
from tests.support.postroom import PostRoom, a_postroom
from tests.support.turning import Stopped

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


def owed(room: PostRoom, handover: str) -> dict[tuple[str, str], Counterpart]:
    found = room["cumberland"].counterparts.of(handover)
    return {(one.name.removeprefix("Example "), one.what): one for one in found}


def test_who_was_active_and_has_not_sent_is_listed_until_it_has(room: PostRoom) -> None:
    """The file goes to the one counterpart that it names; whoever takes it on gives the receipt that the rules ask for."""
    handover = a_move(room)
    before = owed(room, handover)
    to = str(room.exchange.members["education"])
    room["school"].publish(a_document("counterpart.sent", n=5, details={"to_member": to}, **HERE))
    room.settle()
    number = next(item.number for item in room["education"].inbox() if item.author_name == "Example school")
    room["education"].take_on(number, by="Kim Example, designated lead")
    room.settle()
    after = owed(room, handover)

    files = {("school", "protection_file"), ("school", "common_transfer_file")}
    assert {("health", "health_record"), *files} == set(before) == set(after)
    assert {None} == {one.to for one in before.values()}
    assert {("school", "protection_file"): "Example education"} == {
        key: one.to for key, one in after.items() if one.to
    }
    sent = next(one for one in room["school"].outbox() if any(each.reader == to for each in one.readers))
    assert next(each for each in sent.readers if each.reader == to).taken_on_ms is not None


def test_each_has_a_date_which_the_agency_itself_reckons_alike_and_a_receipt(tmp_path: Path) -> None:
    """The front door chases by name: due, late, sent too late, and whether the other side has it."""
    turned = Stopped()
    room = a_postroom(tmp_path, turned)
    try:
        handover = a_move(room)
        began = owed(room, handover)["health", "health_record"]
        [own] = [row for row in room["health"].clocking.open() if row.key == "health-record"]
        turned.now = from_ms(own.due_ms or 0) + timedelta(days=1)
        late = owed(room, handover)["health", "health_record"]
        publish_record(room)
        [waits] = [row for row in room["health"].clocking.open() if row.key == "sent-record-receipt"]
        sent = owed(room, handover)["health", "health_record"]
        turned.now = from_ms(waits.due_ms or 0) + timedelta(days=1)
        chased = owed(room, handover)["health", "health_record"]
        say_received(room, waits)
        received = owed(room, handover)["health", "health_record"]
    finally:
        room.close()

    assert (own.due_ms, own.reason, False) == (began.due_ms, began.limit, began.late)
    assert "(policy default)" in began.limit
    assert (True, None, None) == (late.late, late.to, late.receipt_due_ms)
    assert (True, "Example education", False) == (sent.late, sent.to, sent.receipt_late)
    assert (waits.due_ms, None) == (sent.receipt_due_ms, sent.receipt_ms)
    assert chased.receipt_late
    assert received.receipt_ms is not None


def publish_record(room: PostRoom) -> None:
    details = {"to_member": str(room.exchange.members["education"]), "what": "health_record"}
    room["health"].publish(a_document("counterpart.sent", n=5, details=details, **HERE))
    room.settle()


def say_received(room: PostRoom, waits: ClockRow) -> None:
    ref = f"{waits.about.hex()}.{waits.key}.1"
    met = {"obligation_ref": ref, "met_at": "2026-03-12T10:00:00Z"}
    room["health"].publish(a_document("obligation.recorded", n=6, details=met, **HERE))
    room.settle()


def test_the_list_says_what_is_late_and_what_has_no_date_yet(room: PostRoom) -> None:
    handover = a_move(room)
    home = {"HANDRAIL_HOME": str(room.exchange.home("cumberland")), "COLUMNS": "220"}
    shown = CliRunner().invoke(counterparts, [handover], env=home).output

    assert "5 working days from `move.notified`" in shown
    assert "no date yet" in shown
    assert "[KCSIE-BR]" in shown
    assert "NOT YET" in shown


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
