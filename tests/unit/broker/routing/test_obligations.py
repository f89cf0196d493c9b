"""What a member says of something owed: kept for its boards where a matter is open, and of nothing else (P3, P12)."""

import pytest

from broker.routing.intake import Outcome
from schemas.audit import EntryKind
from schemas.control import Obligation
from schemas.wire import OutKind
from tests.support.desk import NEW, OLD, Posted, RouterDesk


def says(
    desk: RouterDesk,
    event: bytes,
    by: str = OLD,
    member: str | None = None,
    boards: tuple[str, ...] = ("board",),
) -> Posted:
    slips = tuple((str(desk.world[board].id), b"sealed") for board in boards)
    word = Obligation(str(desk.world[member or by].id), bytes(16), b"r" * 16, event, slips)
    return desk.control(by, OutKind.OBLIGATION, Obligation.LABEL, word.to_bytes())


def test_it_is_written_down_for_the_boards_of_what_it_is_about(desk: RouterDesk) -> None:
    opened = desk.opens_matter()
    desk.take(opened)

    assert [Outcome.TAKEN] == desk.take(says(desk, opened.event_id, boards=("board", "school")))
    (entry,) = desk.audit(EntryKind.OBLIGATION)
    assert opened.event_id == entry.fields["event"]
    assert [[str(desk.world["board"].id), b"sealed"]] == entry.fields["slips"]
    assert {"child", "origin", "event", "id", "ref", "owner", "slips"} == set(entry.fields)


@pytest.mark.parametrize("by", [OLD, NEW, "health"])
def test_of_an_event_about_a_child_without_a_matter_nothing_is_written(desk: RouterDesk, by: str) -> None:
    routine = desk.move()
    desk.take(routine)

    assert [Outcome.TAKEN] == desk.take(says(desk, routine.event_id, by=by))
    assert [] == desk.audit(EntryKind.OBLIGATION)


def test_of_an_event_that_the_member_neither_wrote_nor_was_given_nothing_is_written(desk: RouterDesk) -> None:
    opened = desk.opens_matter()
    desk.take(opened)

    desk.take(says(desk, opened.event_id, by="police"))

    assert [] == desk.audit(EntryKind.OBLIGATION)


def test_about_a_handover_its_two_sides_may_speak(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    handover = desk.handover(NEW).handover

    desk.take(says(desk, handover, by=NEW), says(desk, handover, by="police"))

    (entry,) = desk.audit(EntryKind.OBLIGATION)
    assert (handover, desk.world[NEW].id) == (entry.fields["handover"], entry.fields["owner"])


def test_nobody_can_say_it_for_another(desk: RouterDesk) -> None:
    opened = desk.opens_matter()
    desk.take(opened)

    assert [Outcome.REFUSED] == desk.take(says(desk, opened.event_id, by="health", member=OLD))
    assert [] == desk.audit(EntryKind.OBLIGATION)
