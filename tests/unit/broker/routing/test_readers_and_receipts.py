"""Who hears further, and what is said about it: confirmed involvement, receipts, clocks, and the order of notes."""

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import canonical
from schemas.audit import EntryKind
from schemas.control import Action, ActionKind, Receipt
from schemas.wire import EventClass, InKind, ReceiptKind, Token
from tests.support.desk import CHILD, NEW, OLD, PUPIL, STRANGER, Posted, RouterDesk, a_desk
from tests.support.directory import World


def involve(desk: RouterDesk, by: str, member: str, kind: ActionKind = ActionKind.INVOLVE) -> Posted:
    """A front door confirms (or ends) a member's involvement."""
    action = Action(kind, member=desk.world[member].id)
    return desk.event(by, to=(OLD, member), event_class=EventClass.INVOLVEMENT, action=action)


def test_a_confirmed_member_hears_of_what_follows(desk: RouterDesk) -> None:
    """Not sealed to it by the author: the front door is ordered to grant it."""
    desk.take(desk.opens_matter(), involve(desk, OLD, "health"))
    later = desk.event("police", event_class=EventClass.CONCERN)

    desk.take(later)

    [order] = desk.orders("health")
    assert [later.event_id] == [event for event, _ in order.events]


def test_self_declared_involvement_grants_nothing(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.event("health", event_class=EventClass.INVOLVEMENT))

    desk.take(desk.event("police", event_class=EventClass.CONCERN))

    assert [] == desk.inbox("health")


def test_an_involvement_that_has_ended_gives_nothing_more(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), involve(desk, OLD, "health"))
    desk.take(involve(desk, OLD, "health", ActionKind.UNINVOLVE))
    before = len(desk.orders("health"))

    desk.take(desk.event("police", event_class=EventClass.CONCERN))

    assert before == len(desk.orders("health"))


@pytest.mark.parametrize("by", [OLD, NEW])
def test_either_of_both_facts_lets_a_front_door_confirm(desk: RouterDesk, by: str) -> None:
    """The case holder, and the area where the child is."""
    desk.take(desk.opens_matter(), desk.move())

    desk.take(involve(desk, by, "health"))

    assert [] == desk.returned(by)
    assert [desk.world["health"].id] == [entry.fields["member"] for entry in desk.audit(EntryKind.INVOLVED)]


def test_receipts_of_a_routine_event_reach_its_author_though_no_row_is_left(desk: RouterDesk) -> None:
    posted = desk.event("school", tokens=(STRANGER,))
    desk.take(posted)
    [got] = desk.inbox(OLD)

    desk.take(desk.receipts(OLD, desk.receipt(got), desk.receipt(got, ReceiptKind.OPENED)))

    [back] = desk.inbox("school", InKind.RECEIPTS)
    told = [(member, Receipt.from_value(value)) for member, value in canonical.decode(back.body)]
    assert [(desk.world[OLD].id, posted.event_id)] * 2 == [(who, one.message_id) for who, one in told]
    assert [ReceiptKind.DELIVERED, ReceiptKind.OPENED] == [one.kind for _, one in told]
    assert [] == desk.audit()


def test_receipts_about_a_child_with_a_matter_are_written_down_once(desk: RouterDesk) -> None:
    posted = desk.opens_matter("police")
    desk.take(posted)
    receipts = desk.receipts(OLD, desk.receipt(desk.inbox(OLD)[0]))

    desk.take(receipts, receipts)

    [entry] = desk.audit(EntryKind.RECEIPT)
    assert (posted.event_id, desk.world[OLD].id, 1) == (
        entry.fields["event"],
        entry.fields["reader"],
        entry.fields["receipt"],
    )
    assert 1 == len(desk.inbox("police", InKind.RECEIPTS))


def test_the_receipt_of_a_granted_event_goes_to_its_author_not_to_its_grantor(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    desk.take(desk.event("school"))
    [order] = desk.orders(NEW)
    desk.take(desk.grant(OLD, order, order.events[0][0]))
    [granted] = desk.inbox(NEW, InKind.GRANTED)

    desk.take(desk.receipts(NEW, desk.receipt(granted)))

    assert 1 == len(desk.inbox("school", InKind.RECEIPTS))
    assert [] == desk.inbox(OLD, InKind.RECEIPTS)


def test_a_deadline_fires_once_and_late_if_nothing_ran_when_it_fell_due(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    desk.wait(days=1)
    assert 0 == desk.tick()

    desk.wait(days=9)
    desk.restart()
    assert 1 == desk.tick()
    desk.restart()
    assert 0 == desk.tick()

    view = desk.handover(NEW)
    assert view == desk.handover(OLD)
    assert "overdue: release" == view.reason
    late = [(due.kind, due.late) for due in view.due]
    assert [("release", True), ("dispute", False), ("acceptance", False)] == late
    [entry] = desk.audit(EntryKind.OVERDUE)
    assert (desk.world[OLD].id, "release") == (entry.fields["owner"], entry.fields["owed"])


def test_what_was_met_or_made_void_never_fires(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    desk.take(desk.acts(OLD, Action(ActionKind.WITHDRAW, desk.handover(NEW).handover)))

    desk.wait(days=60)

    assert 0 == desk.tick()


def test_nothing_closes_by_time_alone(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    for _ in range(10):
        desk.wait(days=40)
        desk.tick()

    assert "disputed" == desk.handover(NEW).state
    assert 4 == len(desk.audit(EntryKind.OVERDUE))


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["record", "move", "routine", "link", "unlink", "refused"]),
        st.sampled_from([(CHILD,), (PUPIL,), (CHILD, PUPIL)]),
        st.sampled_from([(OLD,), (NEW,), (OLD, NEW)]),
    ),
    max_size=12,
)


def perform(desk: RouterDesk, deed: str, tokens: tuple[Token, ...], to: tuple[str, ...]) -> Posted:
    """One step of a random run."""
    match deed:
        case "move":
            return desk.move(tokens=tokens, to=to)
        case "routine":
            return desk.event("school", tokens=(STRANGER,), to=to)
        case "link" | "unlink":
            return desk.event(
                OLD,
                to=to,
                tokens=(CHILD, PUPIL),
                event_class=EventClass.IDENTITY,
                action=Action(ActionKind(deed)),
            )
        case "refused":
            return desk.event("school", acting="E06000064")
        case _:
            return desk.event("police", tokens=tokens, to=to)


@settings(max_examples=12, deadline=None)
@given(deeds=DEEDS, cuts=st.sets(st.integers(1, 11)))
def test_notes_count_without_gaps_and_thread_each_child_in_order(
    wide: World, deeds: list[tuple[str, tuple[Token, ...], tuple[str, ...]]], cuts: set[int]
) -> None:
    """Whatever happens in whatever batches: a reader counts 1, 2, 3; each note names the newest before it about the
    same handle; and a reader that applies a note only after the one it names applies all of them.
    """
    with TemporaryDirectory() as folder:
        desk = a_desk(Path(folder), wide)
        desk.take(desk.opens_matter(), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
        batch: list[Posted] = []
        for number, (deed, tokens, to) in enumerate(deeds):
            batch.append(perform(desk, deed, tokens, to))
            if number in cuts:
                desk.take(*batch)
                batch = []
        desk.take(*batch)

        for name in desk.world.seats:
            newest: dict[bytes, int] = defaultdict(int)
            for got in desk.inbox(name):  # the desk itself refuses gaps in numbers, and foreign signatures
                note = got.note
                assert note.previous < note.number
                if note.child is None:
                    assert note.previous == 0
                    continue
                assert note.previous >= newest[note.child]
                newest[note.child] = note.number
        assert desk.audit() is not None  # refuses gaps in the log
        desk.store.close()
