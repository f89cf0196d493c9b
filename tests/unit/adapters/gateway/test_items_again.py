"""A refused item comes again once, also where a gateway dies while it learns of it."""

import pytest

from adapters.gateway.frontdoor.actions import Person
from schemas.wire import InKind
from tests.attack.granting import Liar
from tests.support.events import CUMBERLAND, a_document
from tests.support.postroom import PostRoom
from tests.unit.adapters.gateway.test_killed_midway import NEW, OLD, Died, opened_to_die

WORKER = Person("Rowan Example", "team manager")
HERE = {"residence": {"gss": CUMBERLAND}}


def released_with_a_lie(room: PostRoom) -> bytes:
    """A history of two events, of which the old front door alters one, once; what it granted lies at the router."""
    room[OLD].publish(a_document("plan.opened", n=1, **HERE))
    event = room["health"].publish(a_document("appointment.missed", n=3, **HERE)).raw
    room.settle()
    room["health"].publish(a_document("move.notified", n=2))
    room.settle()
    room[OLD].orders.granting = Liar(room[OLD], {event: "altered"}, 1)
    room[OLD].actions.release(room[OLD].actions.handovers()[0].handover.hex(), WORKER)
    for _ in range(2):
        room.post(OLD)
        room[OLD].receiving.take(room.collect(OLD))
    room.post(OLD)
    return event


def taken(room: PostRoom, name: str, *, dies: bool) -> None:
    """A gateway takes what the router has for it; ``dies``: in the midst of it, and the bus gives it once more."""
    if dies:
        opened_to_die(room, name, 2)
    bodies = room.collect(name)
    if dies:
        with pytest.raises(Died):
            room[name].receiving.take(bodies)
        room.shut(name)
    room[name].receiving.take(bodies)


@pytest.mark.parametrize("who", [None, OLD, NEW])
def test_an_altered_item_is_refused_once_and_comes_again_once(room: PostRoom, who: str | None) -> None:
    event = released_with_a_lie(room)

    taken(room, NEW, dies=who == NEW)
    assert 1 == room[NEW].orders.refusing.look()
    assert 0 == room[NEW].orders.refusing.look()
    room.post(NEW)
    taken(room, OLD, dies=who == OLD)
    room.settle()

    came = [
        item.state
        for item in room[NEW].inbox(everything=True)
        if item.kind is InKind.GRANTED and item.message_id == event
    ]
    assert ["failed", "applied"] == came
    assert room[NEW].actions.handovers()[0].verified


def test_what_came_again_beside_itself_is_named_and_not_waited_for(room: PostRoom) -> None:
    """The router gives a good grant a second time, under a new number: it is kept once, and nothing is sent for it."""
    released_with_a_lie(room)
    room.settle()
    new = room[NEW]
    with new.home.store.look() as work:
        good = next(iter(work.inbox.history()))
    with new.home.store.work() as work:
        new.orders.refusing.came(work, good.order_id, good.event_id, fresh=False)
        [row] = [one for one in work.faulty.of(good.order_id).values() if one.event_id == good.event_id]

    assert ("replayed", False) == (row.fault, row.wanted)
    new.orders.refusing.look()
    room.settle()
    assert 1 == sum(
        item.message_id == good.event_id for item in new.inbox(everything=True) if item.kind is InKind.GRANTED
    )
