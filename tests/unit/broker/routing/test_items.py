"""Items that a reader refuses: told to their grantor, waited for again under the same order, and in the end a person's."""

from typing import Any

import pytest

from broker.clock import to_ms
from broker.routing.intake import Outcome
from broker.routing.relay import GRID_MS
from broker.store.router.hiding import OneTimeRow
from schemas import canonical
from schemas.audit import EntryKind
from schemas.control import ActionKind
from schemas.orders import SENT_AGAIN_MOST, Fault, Faulty, FaultyItem, Order
from schemas.wire import InKind, OutKind
from tests.support.desk import NEW, OLD, Posted, RouterDesk
from tests.unit.broker.routing.test_history import act, answer, granted, handover_orders


class DiedError(Exception):
    """Stands for SIGKILL before the router commits."""


def a_bundle(desk: RouterDesk) -> Order:
    """A history of three events, granted."""
    desk.take(desk.opens_matter(), desk.event("school"), desk.event("health"), desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    [order] = handover_orders(desk, NEW)
    answer(desk, OLD, order)
    assert 3 == len(granted(desk, NEW))
    return order


def refuses(
    desk: RouterDesk, order: Order, *items: tuple[bytes, Fault, int], by: str = NEW, **more: Any
) -> Posted:
    told = tuple(FaultyItem(event, fault, times, more.get("wanted", True)) for event, fault, times in items)
    said = Faulty(order.order_id, desk.world[by].id, to_ms(desk.now), told)
    return desk.control(by, OutKind.FAULTY, Faulty.LABEL, said.to_bytes())


def told(desk: RouterDesk) -> list[Faulty]:
    """What the old front door was told, in its reader's signed words."""
    said = [fields["said"] for word, fields in desk.notices(OLD) if word == "items-refused"]
    return [Faulty.from_bytes(canonical.decode(one)[2]) for one in said]


def owed(desk: RouterDesk) -> list[str]:
    return [due.kind for due in desk.handover(NEW).due if not due.met_ms]


def test_a_refused_item_is_told_waited_for_and_granted_again_under_the_same_order(desk: RouterDesk) -> None:
    order = a_bundle(desk)
    event = order.events[1][0]

    desk.take(refuses(desk, order, (event, Fault.ALTERED, 1)))

    assert [((event, Fault.ALTERED, 1),)] == [
        tuple((one.event_id, one.fault, one.times) for one in said.items) for said in told(desk)
    ]
    [entry] = desk.audit(EntryKind.ITEMS_REFUSED)
    assert [[event, "altered", 1]] == entry.fields["items"]
    assert (2, 3) == (desk.handover(NEW).granted, desk.handover(NEW).expected)
    assert 1 == len(handover_orders(desk, NEW)), "no other order: the release has served this one"
    desk.take(desk.grant(OLD, order, event))
    assert 2 == granted(desk, NEW).count(event)
    assert (3, 3) == (desk.handover(NEW).granted, desk.handover(NEW).expected)
    desk.take(desk.grant(OLD, order, event))
    assert 2 == granted(desk, NEW).count(event), "the same grant again is nothing"


def test_the_same_refusal_again_does_nothing_and_after_a_crash_it_is_taken_once(desk: RouterDesk) -> None:
    order = a_bundle(desk)
    said = refuses(desk, order, (order.events[0][0], Fault.FOREIGN, 1))

    def die() -> None:
        raise DiedError

    with pytest.raises(DiedError):
        desk.take(said, before_commit=die)
    desk.restart()
    assert [] == told(desk)
    desk.take(said)
    desk.take(said, said)

    assert 1 == len(told(desk))
    assert 1 == len(desk.audit(EntryKind.ITEMS_REFUSED))


def test_refused_too_often_it_is_owed_by_a_person_until_it_is_here(desk: RouterDesk) -> None:
    order = a_bundle(desk)
    event = order.events[2][0]
    for times in range(1, SENT_AGAIN_MOST + 1):
        desk.take(refuses(desk, order, (event, Fault.MISSING, times)))
        assert "items" not in owed(desk)
        desk.take(desk.grant(OLD, order, event))

    desk.take(refuses(desk, order, (event, Fault.MISSING, SENT_AGAIN_MOST + 1)))

    [due] = [due for due in desk.handover(OLD).due if due.kind == "items"]
    assert (desk.world[OLD].id, False) == (due.owner, due.late)
    desk.wait(days=6)
    desk.tick()
    assert "items" in {entry.fields["owed"] for entry in desk.audit(EntryKind.OVERDUE)}
    # A person has seen to it.
    desk.take(desk.grant(OLD, order, event))
    assert SENT_AGAIN_MOST + 2 == granted(desk, NEW).count(event)
    desk.take(refuses(desk, order, (event, Fault.HERE, SENT_AGAIN_MOST + 1), wanted=False))
    assert "items" not in owed(desk)


def test_what_nobody_ordered_is_named_and_waited_for_by_nobody(desk: RouterDesk) -> None:
    order = a_bundle(desk)

    desk.take(refuses(desk, order, (b"x" * 16, Fault.FOREIGN, 1)))

    assert [[b"x" * 16, "foreign", 1]] == desk.audit(EntryKind.ITEMS_REFUSED)[0].fields["items"]
    assert (3, 3) == (desk.handover(NEW).granted, desk.handover(NEW).expected)


@pytest.mark.parametrize("by", [OLD, "school"])
def test_only_the_orders_reader_refuses_its_items(desk: RouterDesk, by: str) -> None:
    order = a_bundle(desk)

    assert [Outcome.REFUSED] == desk.take(refuses(desk, order, (order.events[0][0], Fault.ALTERED, 1), by=by))
    assert [] == told(desk)


def test_numbers_that_do_not_follow_are_no_news(desk: RouterDesk) -> None:
    order = a_bundle(desk)
    event = order.events[0][0]

    desk.take(refuses(desk, order, (event, Fault.ALTERED, 2)), refuses(desk, order, (event, Fault.HERE, 0)))

    assert [] == told(desk)
    assert [] == desk.audit(EntryKind.ITEMS_REFUSED)


def test_items_of_an_order_that_was_refused_in_part_come_again_and_the_refusal_stands(
    desk: RouterDesk,
) -> None:
    desk.take(desk.opens_matter(), desk.event("school"), desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    [order] = handover_orders(desk, NEW)
    first, kept = (event for event, _ in order.events)
    desk.take(desk.grant(OLD, order, first), desk.refuses(OLD, order, "some-kept-by-policy"))

    desk.take(refuses(desk, order, (first, Fault.ALTERED, 1)))
    desk.take(desk.grant(OLD, order, first))

    assert 2 == granted(desk, NEW).count(first)
    assert [Outcome.REFUSED] == desk.take(desk.grant(OLD, order, kept))


def test_a_reader_that_must_not_be_named_is_not_and_its_grantor_hears_at_a_slot(desk: RouterDesk) -> None:
    """Neither who refuses nor when: the moment at which somebody read a history would tell something, too (P7)."""
    order = a_bundle(desk)
    with desk.store.work() as work:
        work.hiding.save(OneTimeRow(order.handover or b"", ""))
    desk.tick()
    event = order.events[0][0]

    desk.take(refuses(desk, order, (event, Fault.ALTERED, 1)))
    assert "items-refused" not in dict(desk.notices(OLD))
    desk.wait(milliseconds=GRID_MS)
    desk.tick()
    desk.wait(milliseconds=GRID_MS)
    desk.tick()

    [said] = [fields for word, fields in desk.notices(OLD) if word == "items-refused"]
    assert {"order": order.order_id, "items": [[event, "altered", 1, True]]} == said
    [got] = [got for got in desk.inbox(OLD, InKind.NOTICE) if canonical.decode(got.body)[1] == said]
    assert "router" == got.note.author
    assert 0 == got.note.taken_ms % GRID_MS
    desk.take(desk.grant(OLD, order, event))
    assert 2 == granted(desk, NEW).count(event)
