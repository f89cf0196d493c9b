"""The carrying of a child's history: exactly what the old front door was given, whenever it is let go, to the end."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.routing.ordering import pieces
from broker.store.router.outgoing import Delivered
from schemas.audit import EntryKind
from schemas.control import Action, ActionKind
from schemas.orders import MAX_ORDERED, ORDERED_AT_ONCE, Order, OrderKind
from schemas.wire import MAX_MESSAGE_BYTES, EventClass, InKind, Urgency
from tests.support.desk import CHILD, NEW, NORTHUMBERLAND, OLD, PUPIL, THIRD, Posted, RouterDesk
from tests.support.directory import WESTMORLAND


def act(desk: RouterDesk, by: str, kind: ActionKind, handover: bytes | None = None) -> Posted:
    """Take an action in the newest handover that the new side knows of, or in another; it must be taken."""
    before = len(desk.returned(by))
    posted = desk.acts(by, Action(kind, handover or desk.handover(NEW).handover))
    desk.take(posted)
    assert before == len(desk.returned(by)), desk.returned(by)[-1]
    return posted


def handover_orders(desk: RouterDesk, reader: str) -> list[Order]:
    """The orders of a history for a reader."""
    me = desk.world[reader].id
    return [one for one in desk.orders(reader) if one.kind is OrderKind.HANDOVER and one.reader == me]


def answer(desk: RouterDesk, by: str, *orders: Order) -> None:
    """Grant all that these orders ask for."""
    desk.take(*(desk.grant(by, order, event) for order in orders for event, _ in order.events))


def granted(desk: RouterDesk, name: str) -> list[bytes]:
    """The events that were granted to a member, in order."""
    return [got.note.message_id for got in desk.inbox(name, InKind.GRANTED)]


def test_the_release_orders_exactly_what_the_old_front_door_has_and_the_new_one_lacks(
    desk: RouterDesk,
) -> None:
    desk.take(desk.opens_matter(), desk.event("school"), desk.event("health", tokens=(PUPIL,)))
    desk.take(desk.move(), desk.event("police", to=(OLD, NEW)))
    expected = [event for event in desk.views(OLD) if event not in desk.views(NEW)][:2]

    release = act(desk, OLD, ActionKind.RELEASE)

    [order] = handover_orders(desk, NEW)
    assert expected == [event for event, _ in order.events]
    assert (release.event_id, desk.world[OLD].id) == (order.evidence, order.grantor)
    assert order in desk.orders(OLD)


def between_notice_and_release(desk: RouterDesk) -> tuple[Posted, Order, Order]:
    """Sealed to the old front door only, an event is ordered for the new one by itself; then all is released.

    Gives it, the order for it alone, and that of the history.
    """
    desk.take(desk.opens_matter(), desk.move())
    late = desk.event("school", to=(OLD,))
    desk.take(late)
    [alone] = desk.orders(NEW)
    act(desk, OLD, ActionKind.RELEASE)
    [history] = handover_orders(desk, NEW)
    return late, alone, history


def test_a_history_leaves_out_nothing_that_waits_under_another_order(desk: RouterDesk) -> None:
    """That order may be refused for want of a ground; a history that is called whole must have the event all the same."""
    late, alone, history = between_notice_and_release(desk)

    desk.take(desk.refuses(OLD, alone, "not-concerned"))
    answer(desk, OLD, history)

    assert late.event_id in granted(desk, NEW)
    assert desk.handover(NEW).expected == desk.handover(NEW).granted == len(history.events)


def test_what_the_old_front_door_is_given_after_it_has_released_goes_on_to_the_new_one(
    desk: RouterDesk,
) -> None:
    """A second record was linked, and is still on its way to the old front door when that lets the history go."""
    desk.take(desk.opens_matter(THIRD, tokens=(PUPIL,), to=(THIRD,), ref=b"p" * 16, residence=NORTHUMBERLAND))
    desk.wait(minutes=1)
    desk.take(desk.opens_matter())
    both = desk.event(
        OLD,
        tokens=(CHILD, PUPIL),
        event_class=EventClass.IDENTITY,
        action=Action(ActionKind.LINK),
        residence=None,
    )
    desk.take(both, desk.move())
    theirs = desk.views(THIRD)[0]
    [on_its_way] = [one for one in desk.orders(OLD) if theirs in dict(one.events)]
    act(desk, OLD, ActionKind.RELEASE)
    [history] = handover_orders(desk, NEW)
    assert theirs not in dict(history.events)
    answer(desk, OLD, history)

    answer(desk, THIRD, on_its_way)

    more = handover_orders(desk, NEW)[-1]
    assert [theirs] == [event for event, _ in more.events]
    assert (history.handover, history.evidence, desk.world[OLD].id) == (
        more.handover,
        more.evidence,
        more.grantor,
    )
    answer(desk, OLD, more)
    assert theirs in granted(desk, NEW)
    assert desk.handover(NEW).expected == desk.handover(NEW).granted


@pytest.mark.parametrize("history_first", [False, True])
def test_what_is_granted_under_two_orders_comes_once_and_both_are_answered(
    desk: RouterDesk, history_first: bool
) -> None:
    late, *orders = between_notice_and_release(desk)

    answer(desk, OLD, *(reversed(orders) if history_first else orders))

    assert 1 == granted(desk, NEW).count(late.event_id)
    assert [] == desk.returned(OLD)
    again = [entry.fields.get("again") for entry in desk.audit(EntryKind.GRANTED)]
    assert 1 == again.count(True)
    assert desk.handover(NEW).expected == desk.handover(NEW).granted == 2
    desk.wait(minutes=11)
    desk.tick()
    assert [] == desk.audit(EntryKind.OVERDUE)


def test_what_arrives_after_the_release_reaches_the_new_front_door_too(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    late = desk.event("school", to=(OLD,), urgency=Urgency.U0)

    desk.take(late)

    order = desk.orders(NEW)[-1]
    assert (OrderKind.COMPLETE_READERS, desk.world[OLD].id, desk.world[NEW].id) == (
        order.kind,
        order.grantor,
        order.reader,
    )
    assert [late.event_id] == [event for event, _ in order.events]
    answer(desk, OLD, order)
    assert [late.event_id] == granted(desk, NEW)


def test_after_the_acceptance_the_old_front_door_hears_no_more(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    act(desk, NEW, ActionKind.ACCEPT)
    before = len(desk.inbox(OLD))

    desk.take(desk.event("police", to=(NEW,), residence=WESTMORLAND))

    assert before == len(desk.inbox(OLD))


def test_both_sides_see_how_much_of_the_history_is_on_its_way(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.event("school"), desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    [order] = handover_orders(desk, NEW)
    assert (0, 2) == (desk.handover(NEW).granted, desk.handover(NEW).expected)

    answer(desk, OLD, order)

    assert (2, 2) == (desk.handover(NEW).granted, desk.handover(NEW).expected)
    assert desk.handover(OLD) == desk.handover(NEW)
    assert ["dispute", "acceptance"] == [due.kind for due in desk.handover(NEW).due if not due.met_ms]


def test_an_empty_history_is_ordered_too_and_owed_by_nobody(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(to=(OLD, NEW)), desk.move())

    act(desk, OLD, ActionKind.RELEASE)

    [order] = handover_orders(desk, NEW)
    assert () == order.events
    assert "grants" not in [due.kind for due in desk.handover(NEW).due if not due.met_ms]


def test_a_history_released_after_the_acceptance_still_comes(desk: RouterDesk) -> None:
    """Acceptance never waits for papers, and papers never lapse because of it."""
    first = desk.opens_matter()
    desk.take(first, desk.move())
    act(desk, NEW, ActionKind.ACCEPT)

    act(desk, OLD, ActionKind.RELEASE)
    answer(desk, OLD, *handover_orders(desk, NEW))
    act(desk, NEW, ActionKind.VERIFY)

    assert [first.event_id] == granted(desk, NEW)
    view = desk.handover(NEW)
    assert ("closed", True) == (view.state, view.verified)
    assert not [due for due in view.due if not due.met_ms]


def test_asking_again_after_a_decline_orders_nothing_twice(desk: RouterDesk) -> None:
    first = desk.opens_matter()
    desk.take(first, desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    answer(desk, OLD, *handover_orders(desk, NEW))
    act(desk, NEW, ActionKind.DECLINE)
    meanwhile = desk.event("school")
    desk.take(meanwhile)
    answer(desk, OLD, desk.orders(NEW)[-1])

    act(desk, OLD, ActionKind.RELEASE)

    assert [1, 0] == [len(order.events) for order in handover_orders(desk, NEW)]
    assert [first.event_id, meanwhile.event_id] == granted(desk, NEW)
    assert "acceptance" in [due.kind for due in desk.handover(NEW).due if not due.met_ms]


def test_a_refused_order_is_asked_again_with_the_next_release(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    [refused] = handover_orders(desk, NEW)
    desk.take(desk.refuses(OLD, refused, "not-released"))
    assert ("order-refused", {"order": refused.order_id, "reason": "not-released"}) == desk.notices(NEW)[-1]
    act(desk, NEW, ActionKind.DECLINE)

    act(desk, OLD, ActionKind.RELEASE)

    again = handover_orders(desk, NEW)[-1]
    assert refused.events == again.events
    assert (0, 1) == (desk.handover(NEW).granted, desk.handover(NEW).expected)


def test_a_child_that_moves_on_takes_its_whole_history_along(desk: RouterDesk) -> None:
    """A to B to C: what A granted to B belongs to B's record of the child, and goes on to C with B's release."""
    first, second = desk.opens_matter(), desk.event("school")
    desk.take(first, second, desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    answer(desk, OLD, *handover_orders(desk, NEW))
    act(desk, NEW, ActionKind.ACCEPT)
    own = desk.event("health", to=(NEW,), acting=WESTMORLAND, residence=WESTMORLAND)
    desk.take(own, desk.move(to=(NEW, THIRD), from_area=WESTMORLAND, to_area=NORTHUMBERLAND))

    act(desk, NEW, ActionKind.RELEASE, desk.handover(THIRD).handover)

    [order] = handover_orders(desk, THIRD)
    asked = {event for event, _ in order.events}
    assert {first.event_id, second.event_id, own.event_id} <= asked
    assert desk.world[NEW].id == order.grantor
    digests = dict(order.events)
    assert first.sealed is not None
    assert first.sealed.manifest_hash == digests[first.event_id]


def test_the_case_holder_is_asked_first_for_what_a_reader_lacks(desk: RouterDesk) -> None:
    """The custodian of the record grants, whatever the names of those who also have the event."""
    desk.take(desk.opens_matter(), desk.move(), desk.move(to=(OLD, THIRD), to_area=NORTHUMBERLAND))

    desk.take(desk.event("police", to=(OLD, THIRD)))

    assert desk.world[OLD].id == desk.orders(NEW)[-1].grantor


def test_every_order_has_a_clock_and_late_reaches_people_at_both_ends(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move(), desk.event("school", urgency=Urgency.U0))
    [order] = desk.orders(NEW)

    desk.wait(seconds=61)
    desk.tick()

    said = ("order-late", {"order": order.order_id, "due_ms": order.issued_ms + 60_000})
    assert [said] == desk.notices(OLD) == desk.notices(NEW)
    [entry] = desk.audit(EntryKind.OVERDUE)
    assert (order.order_id, desk.world[OLD].id) == (entry.fields["about"], entry.fields["owner"])


def test_an_answered_order_is_never_late(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move(), desk.event("school"), desk.event("health", to=(OLD,)))
    first, second = desk.orders(NEW)
    answer(desk, OLD, first)
    desk.take(desk.refuses(OLD, second))

    desk.wait(minutes=11)
    desk.tick()

    assert [] == desk.audit(EntryKind.OVERDUE)


def test_a_front_door_that_was_cut_off_for_a_month_can_still_grant(desk: RouterDesk) -> None:
    """An order lives as long as the bus keeps it (P1)."""
    desk.take(desk.opens_matter(), desk.move())
    late = desk.event("school")
    desk.take(late)

    desk.wait(days=31)
    desk.tick()
    answer(desk, OLD, *desk.orders(NEW))

    assert [late.event_id] == granted(desk, NEW)
    assert [] == desk.returned(OLD)


def test_the_longest_order_fits_into_one_message(desk: RouterDesk) -> None:
    """With room for the note and the frame around it."""
    listed = tuple((number.to_bytes(16, "big"), bytes(32)) for number in range(MAX_ORDERED))
    order = Order(
        order_id=b"o" * 16,
        kind=OrderKind.HANDOVER,
        grantor=desk.world[OLD].id,
        reader=desk.world[NEW].id,
        child=b"c" * 16,
        handover=b"h" * 16,
        evidence=b"e" * 16,
        events=listed,
        issued_ms=1,
        expires_ms=2,
    )

    assert len(order.to_bytes()) < MAX_MESSAGE_BYTES * 0.9
    assert order == Order.from_bytes(order.to_bytes())


def test_a_history_of_any_length_is_ordered_in_pieces_that_message_and_log_can_carry(
    desk: RouterDesk,
) -> None:
    """Each event once, in its order; what the new front door has, and what another child's is, is left out."""
    desk.take(desk.opens_matter(), desk.move())
    count, old, new = 2 * ORDERED_AT_ONCE + 7, desk.world[OLD].id, desk.world[NEW].id
    with desk.store.work() as work:
        [child] = work.children.by_tokens([CHILD.value])
        for n in range(count):
            event = n.to_bytes(16, "big")
            for number in (1_000 + n, 10_000 + n) if n % 500 == 0 else (1_000 + n,):
                given = Delivered(old, number, event, bytes(32), old, 1)
                work.outgoing.record(given, child.child, child.child)
            if n % 100 == 0:
                work.outgoing.record(
                    Delivered(new, 1_000 + n, event, bytes(32), old, 1), child.child, child.child
                )

    act(desk, OLD, ActionKind.RELEASE)

    orders = handover_orders(desk, NEW)
    ordered = [event for order in orders for event, _ in order.events]
    expected = [n.to_bytes(16, "big") for n in range(count) if n % 100]
    assert expected == [event for event in ordered if event[:8] == bytes(8)]
    assert len(ordered) == len(set(ordered)) == len(expected) + 1
    assert [ORDERED_AT_ONCE] * (len(orders) - 1) == [len(order.events) for order in orders[:-1]]
    assert max(len(got.body) for got in desk.inbox(OLD)) < 65_535
    assert max(len(entry.to_bytes()) for entry in desk.audit()) < 65_535


@given(st.integers(0, 3 * ORDERED_AT_ONCE))
def test_pieces_are_bounded_and_lose_nothing(count: int) -> None:
    listed = [(n.to_bytes(16, "big"), b"") for n in range(count)]
    made = list(pieces(iter(listed)))

    assert listed == list(chain.from_iterable(made))
    assert all(0 < len(piece) <= ORDERED_AT_ONCE for piece in made)
