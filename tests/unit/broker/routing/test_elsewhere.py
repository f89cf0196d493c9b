"""A front door that cannot grant is not the end: another that has the event is asked, and what was refused is asked again on a new ground."""

import pytest

from schemas.control import Action, ActionKind
from schemas.orders import Order, OrderKind
from schemas.wire import EventClass, InKind
from tests.support.desk import CHILD, NEW, NORTHUMBERLAND, OLD, PUPIL, THIRD, Posted, RouterDesk


def said_to_two(desk: RouterDesk) -> tuple[Posted, Order]:
    """The child is in the new area; the school has sealed to the old front door and to a third one. The first is asked."""
    desk.take(desk.opens_matter(), desk.move())
    said = desk.event("school", to=(OLD, THIRD))
    desk.take(said)
    [order] = desk.orders(NEW)
    assert desk.world[OLD].id == order.grantor
    return said, order


@pytest.mark.parametrize("late", [False, True], ids=["it refuses", "it is down"])
def test_another_front_door_that_has_the_event_is_asked_for_it(desk: RouterDesk, late: bool) -> None:
    said, first = said_to_two(desk)

    if late:
        desk.wait(minutes=11)
        desk.tick()
    else:
        desk.take(desk.refuses(OLD, first, "not-in-our-record"))

    [order] = desk.orders(THIRD)
    assert (OrderKind.SUBSTITUTE, desk.world[NEW].id, said.event_id) == (
        order.kind,
        order.reader,
        order.evidence,
    )
    assert order in desk.orders(NEW)
    desk.take(desk.grant(THIRD, order, said.event_id))
    assert [said.event_id] == [got.note.message_id for got in desk.inbox(NEW, InKind.GRANTED)]
    if late:
        # It is up again and answers: the event is there once.
        desk.take(desk.grant(OLD, first, said.event_id))
        assert 1 == len(desk.inbox(NEW, InKind.GRANTED))


def test_each_is_asked_once(desk: RouterDesk) -> None:
    _, first = said_to_two(desk)
    desk.take(desk.refuses(OLD, first, "not-in-our-record"))

    desk.take(desk.refuses(THIRD, desk.orders(THIRD)[0], "not-concerned"))
    desk.wait(minutes=11)
    desk.tick()

    assert 1 == len(desk.orders(THIRD))
    assert [first] == [order for order in desk.orders(OLD) if order.grantor == desk.world[OLD].id]


@pytest.mark.parametrize("why", ["kept-by-policy", "needs-a-person", "ask-the-author"])
def test_whom_policy_or_a_mark_answers_no_nobody_else_is_asked_for(desk: RouterDesk, why: str) -> None:
    _, first = said_to_two(desk)

    desk.take(desk.refuses(OLD, first, why))

    assert [] == desk.orders(THIRD)


def refused_before(desk: RouterDesk, door: str) -> tuple[Posted, Order]:
    """Of a second record, which ``door`` holds: the school wrote to an area that would not share it."""
    desk.take(desk.opens_matter())
    desk.wait(minutes=1)
    desk.take(desk.opens_matter(door, tokens=(PUPIL,), to=(door,), ref=b"p" * 16))
    said = desk.event("school", tokens=(PUPIL,), to=(THIRD,), residence=NORTHUMBERLAND)
    desk.take(said)
    [order] = [one for one in desk.orders(THIRD) if said.event_id in dict(one.events)][:1]
    desk.take(*(desk.refuses(THIRD, one, "not-concerned") for one in desk.orders(THIRD)))
    return said, order


def link(desk: RouterDesk) -> Posted:
    joined = desk.event(
        OLD,
        tokens=(CHILD, PUPIL),
        event_class=EventClass.IDENTITY,
        action=Action(ActionKind.LINK),
        residence=None,
    )
    desk.take(joined)
    return joined


@pytest.mark.parametrize("door", [OLD, NEW], ids=["to the case holder itself", "to the other front door"])
def test_what_was_refused_before_a_link_is_asked_for_again_on_the_link(desk: RouterDesk, door: str) -> None:
    said, before = refused_before(desk, door)
    asked = len(desk.orders(THIRD))

    joined = link(desk)

    again = [one for one in desk.orders(THIRD)[asked:] if one.reader == desk.world[OLD].id]
    assert [(joined.event_id, ((said.event_id, dict(before.events)[said.event_id]),))] == [
        (one.evidence, one.events) for one in again
    ]
    desk.take(desk.grant(THIRD, again[0], said.event_id))
    assert [said.event_id] == [got.note.message_id for got in desk.inbox(OLD, InKind.GRANTED)]


def test_what_a_person_has_upheld_is_not_asked_for_again(desk: RouterDesk) -> None:
    _, before = refused_before(desk, OLD)
    upheld = Action(ActionKind.REVIEW, handover=before.order_id, reason="uphold")
    desk.take(desk.event(THIRD, to=(THIRD,), action=upheld, residence=None, tokens=(PUPIL,)))
    asked = len(desk.orders(THIRD))

    link(desk)

    assert asked == len(desk.orders(THIRD))
