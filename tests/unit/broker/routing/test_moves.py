"""A move seen anywhere counts: safety duty at once, one handover, and nobody lost when the family moves on again."""

import pytest

from broker.routing.desk import AUDIT_PARTITION
from schemas.control import Action, ActionKind
from schemas.handover import HandoverView
from schemas.wire import EventClass, InKind, Urgency
from tests.support.desk import LEEDS, NEW, NORTHUMBERLAND, OLD, THIRD, RouterDesk
from tests.support.directory import CUMBERLAND, WESTMORLAND


def act(
    desk: RouterDesk, by: str, kind: ActionKind, handover: bytes, *, conference: bool = False
) -> list[str]:
    """Take an action; gives the codes of what was refused by it."""
    before = len(desk.returned(by))
    desk.take(desk.acts(by, Action(kind, handover, conference=conference)))
    return [code for code, *_ in desk.returned(by)[before:]]


def newest(desk: RouterDesk, name: str) -> dict[bytes, HandoverView]:
    """The last word on each handover that a member knows of."""
    return {got.note.message_id: got.handover() for got in desk.inbox(name, InKind.HANDOVER)}


def onward(desk: RouterDesk, from_area: str, to_area: str, *to: str) -> bytes:
    """A move is reported; gives the handover that stands for the new area."""
    desk.take(desk.move(to=to, from_area=from_area, to_area=to_area, residence=to_area))
    door = NEW if to_area == WESTMORLAND else THIRD
    return desk.handover(door).handover


@pytest.mark.parametrize("by", [OLD, NEW, "health", "police", "school"])
def test_a_move_seen_by_anybody_sets_the_safety_duty_at_once(desk: RouterDesk, by: str) -> None:
    desk.take(desk.opens_matter())
    moved = desk.move(by, urgency=Urgency.U0)

    desk.take(moved)

    assert (CUMBERLAND, WESTMORLAND) == desk.child()
    view = desk.handover(NEW)
    assert ("move", "noticed", CUMBERLAND, WESTMORLAND, 0) == (
        view.kind,
        view.state,
        view.holder,
        view.safety,
        view.urgency,
    )
    assert [InKind.VIEW, InKind.HANDOVER] == [got.note.kind for got in desk.inbox(NEW)]


def test_duplicate_notices_open_one_handover(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move("health"), desk.move("police"), desk.move("school"))

    assert 1 == len(newest(desk, NEW))


def test_a_new_address_inside_the_area_is_no_move(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())

    desk.take(desk.move(to=(OLD,), from_area=CUMBERLAND, to_area=CUMBERLAND, residence=CUMBERLAND))

    assert (CUMBERLAND, CUMBERLAND) == desk.child()
    assert [] == desk.inbox(OLD, InKind.HANDOVER)


def test_a_new_address_inside_an_area_that_knows_nothing_is_news_to_it(desk: RouterDesk) -> None:
    """The report says that the child is there; that it says nothing of where it came from does not matter."""
    desk.take(desk.opens_matter())

    desk.take(desk.move(from_area=WESTMORLAND))

    assert (CUMBERLAND, WESTMORLAND) == desk.child()
    assert CUMBERLAND == desk.handover(NEW).from_area


@pytest.mark.parametrize(
    "event_class", [c for c in EventClass if c not in {EventClass.MOVE, EventClass.ADMIN}]
)
def test_only_the_class_of_moves_moves_anybody(desk: RouterDesk, event_class: EventClass) -> None:
    desk.take(desk.opens_matter())

    desk.take(desk.move(OLD, event_class=event_class))

    assert (CUMBERLAND, CUMBERLAND) == desk.child()


def test_a_move_about_a_child_without_a_matter_opens_nothing(desk: RouterDesk) -> None:
    desk.take(desk.move())

    assert desk.child() is None
    assert [InKind.VIEW] == [got.note.kind for got in desk.inbox(NEW)]
    assert [] == desk.audit()


def test_a_decline_moves_neither_case_nor_safety_duty(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    handover = desk.handover(NEW).handover

    act(desk, NEW, ActionKind.DECLINE, handover)
    assert (CUMBERLAND, WESTMORLAND) == desk.child()
    assert [("release", OLD), ("dispute", NEW), ("response", OLD)] == owed(desk)
    act(desk, NEW, ActionKind.ACCEPT, handover)

    assert (WESTMORLAND, WESTMORLAND) == desk.child()
    assert "closed" == desk.handover(OLD).state


def owed(desk: RouterDesk) -> list[tuple[str, str]]:
    """What is owed and not met in the newest view, by whom, in the order in which it falls due."""
    names = {str(seat.id): name for name, seat in desk.world.seats.items()}
    return [(due.kind, names.get(due.owner, due.owner)) for due in desk.handover(NEW).due if not due.met_ms]


def test_a_withdrawn_handover_is_over_and_a_new_report_opens_another(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    first = desk.handover(NEW).handover
    act(desk, OLD, ActionKind.WITHDRAW, first)
    assert [] == owed(desk)
    assert ["not-possible-now"] == act(desk, NEW, ActionKind.ACCEPT, first)

    desk.take(desk.move("police"))

    assert ["noticed", "withdrawn"] == sorted(view.state for view in newest(desk, NEW).values())


def test_a_conference_keeps_both_sides_informed_until_it_is_held(desk: RouterDesk) -> None:
    """Until the receiving conference the old area still owns the plan."""
    desk.take(desk.opens_matter(), desk.move())
    handover = desk.handover(NEW).handover
    act(desk, NEW, ActionKind.ACCEPT, handover, conference=True)
    assert ("accepted", WESTMORLAND) == (desk.handover(OLD).state, desk.handover(OLD).holder)
    assert ("conference", NEW) in owed(desk)

    desk.take(desk.event("police", to=(NEW,)))
    assert 1 == len([order for order in desk.orders(OLD) if order.reader == desk.world[OLD].id])
    act(desk, NEW, ActionKind.CONFERENCE_HELD, handover)

    assert "closed" == desk.handover(OLD).state
    assert ["release"] == [kind for kind, _ in owed(desk)], "the papers are owed still"


def test_moving_on_before_anybody_accepted_leads_the_child_to_the_third_area(desk: RouterDesk) -> None:
    """A to B, then B to C. B takes the case first: C's handover now starts from B."""
    desk.take(desk.opens_matter())
    to_second = onward(desk, CUMBERLAND, WESTMORLAND, OLD, NEW)
    to_third = onward(desk, WESTMORLAND, NORTHUMBERLAND, NEW, THIRD)
    assert (CUMBERLAND, NORTHUMBERLAND) == desk.child()
    assert [CUMBERLAND, CUMBERLAND] == [view.from_area for view in newest(desk, OLD).values()]

    act(desk, NEW, ActionKind.ACCEPT, to_second)

    assert (WESTMORLAND, NORTHUMBERLAND) == desk.child()
    handed_on = desk.handover(THIRD)
    assert (to_third, WESTMORLAND, "noticed") == (handed_on.handover, handed_on.from_area, handed_on.state)
    assert [] == act(desk, THIRD, ActionKind.ACCEPT, to_third)
    assert (NORTHUMBERLAND, NORTHUMBERLAND) == desk.child()
    assert all(view.state == "closed" for view in newest(desk, NEW).values())


def test_the_area_that_the_child_has_left_again_is_no_longer_asked(desk: RouterDesk) -> None:
    """A to B, then B to C. C takes the case first: B has nothing left to accept, and is told."""
    desk.take(desk.opens_matter())
    to_second = onward(desk, CUMBERLAND, WESTMORLAND, OLD, NEW)
    to_third = onward(desk, WESTMORLAND, NORTHUMBERLAND, NEW, THIRD)

    act(desk, THIRD, ActionKind.ACCEPT, to_third)

    assert (NORTHUMBERLAND, NORTHUMBERLAND) == desk.child()
    assert "superseded" == newest(desk, NEW)[to_second].state
    assert ["not-possible-now"] == act(desk, NEW, ActionKind.ACCEPT, to_second)
    assert (NORTHUMBERLAND, NORTHUMBERLAND) == desk.child()
    assert all(due.met_ms for due in newest(desk, NEW)[to_second].due)


def test_a_child_that_is_back_before_the_acceptance_is_not_left_behind(desk: RouterDesk) -> None:
    """A to B and home again: B accepts all the same, and a handover leads home at once."""
    desk.take(desk.opens_matter())
    to_second = onward(desk, CUMBERLAND, WESTMORLAND, OLD, NEW)
    desk.take(desk.move(from_area=WESTMORLAND, to_area=CUMBERLAND, residence=CUMBERLAND))
    assert (CUMBERLAND, CUMBERLAND) == desk.child()

    act(desk, NEW, ActionKind.ACCEPT, to_second)

    assert (WESTMORLAND, CUMBERLAND) == desk.child()
    home = desk.handover(OLD)
    assert (WESTMORLAND, CUMBERLAND, "noticed") == (home.from_area, home.to_area, home.state)


def test_a_move_to_an_area_that_is_no_member_stays_with_the_case_holder(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())

    desk.take(desk.move(to=(OLD,), to_area=LEEDS, residence=LEEDS))

    view = desk.handover(OLD)
    assert (CUMBERLAND, LEEDS, "noticed") == (view.holder, view.safety, view.state)
    assert {LEEDS, desk.world[OLD].id} == {due.owner for due in view.due}
    assert [] == act(desk, OLD, ActionKind.RELEASE, view.handover)
    assert [] == desk.orders(OLD)
    assert [] == act(desk, OLD, ActionKind.WITHDRAW, view.handover)


def test_a_move_from_an_area_that_is_no_member_can_be_accepted(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter("police", residence=LEEDS, to=(NEW,)))
    desk.take(desk.move(to=(NEW,), from_area=LEEDS))

    act(desk, NEW, ActionKind.ACCEPT, desk.handover(NEW).handover)

    assert (WESTMORLAND, WESTMORLAND) == desk.child()


def test_a_hidden_move_tells_the_old_side_nothing(desk: RouterDesk) -> None:
    """The new area has the safety duty and knows; no delivery, order or notice of the router names it to the old."""
    desk.take(desk.opens_matter())
    before = len(desk.inbox(OLD))

    desk.take(desk.move("police", to=(NEW,), hidden=True))
    desk.take(desk.event("health", to=(NEW,), acting=WESTMORLAND, residence=WESTMORLAND))
    desk.wait(days=40)
    desk.tick()

    assert (CUMBERLAND, WESTMORLAND) == desk.child()
    assert "noticed" == desk.handover(NEW).state
    assert before == len(desk.inbox(OLD))
    assert not [got for got in desk.inbox(OLD) if WESTMORLAND.encode() in got.body]


def test_a_child_is_not_forgotten_while_its_handover_is_open(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move(), desk.closes_matter(to=(OLD, NEW)))
    assert desk.child() is not None

    act(desk, OLD, ActionKind.WITHDRAW, desk.handover(NEW).handover)

    assert desk.child() is None


def test_every_step_is_in_the_audit_trail_with_both_facts(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    handover = desk.handover(NEW).handover
    for by, kind in ((OLD, ActionKind.RELEASE), (NEW, ActionKind.DECLINE), (NEW, ActionKind.ACCEPT)):
        act(desk, by, kind, handover)

    steps = [entry for entry in desk.audit() if entry.fields.get("step") and entry.kind.value == "handover"]
    assert [
        ("noticed", CUMBERLAND, WESTMORLAND),
        ("release", CUMBERLAND, WESTMORLAND),
        ("decline", CUMBERLAND, WESTMORLAND),
        ("accept", WESTMORLAND, WESTMORLAND),
    ] == [(entry.fields["step"], entry.fields["holder"], entry.fields["safety"]) for entry in steps]
    assert {AUDIT_PARTITION} == {entry.partition for entry in steps}
