"""Who holds a child's case, from the first matter on; what a second one changes; and how a child is forgotten."""

from typing import Any, Final

import pytest

from broker.routing.intake import Outcome
from schemas.audit import EntryKind
from schemas.wire import EventClass, InKind, MatterEffect
from tests.support.desk import CHILD, LEEDS, NEW, OLD, PUPIL, RouterDesk
from tests.support.directory import CUMBERLAND, WESTMORLAND

FIRST: Final[dict[str, tuple[str, dict[str, Any], tuple[str, str]]]] = {
    "a front door holds what it opens": (OLD, {}, (CUMBERLAND, CUMBERLAND)),
    "a front door holds, the child lives elsewhere": (
        OLD,
        {"residence": WESTMORLAND},
        (CUMBERLAND, WESTMORLAND),
    ),
    "a front door holds, residence unknown": (OLD, {"residence": None}, (CUMBERLAND, CUMBERLAND)),
    "another member: the area of residence": (
        "police",
        {"residence": WESTMORLAND},
        (WESTMORLAND, WESTMORLAND),
    ),
    "another member, residence unknown: where it acts": (
        "police",
        {"residence": None, "acting": WESTMORLAND},
        (WESTMORLAND, WESTMORLAND),
    ),
    "an area whose front door is no member holds it all the same": (
        "police",
        {"residence": LEEDS},
        (LEEDS, LEEDS),
    ),
}


@pytest.mark.parametrize(("by", "changes", "expected"), FIRST.values(), ids=FIRST)
def test_the_first_matter_decides_who_holds_the_case(
    desk: RouterDesk, by: str, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    desk.take(desk.opens_matter(by, **changes))

    assert expected == desk.child()


def test_a_second_areas_matter_opens_a_conflict_and_moves_nothing(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())

    desk.take(desk.opens_matter(NEW, to=(NEW,), ref=b"n" * 16, residence=None))

    assert (CUMBERLAND, CUMBERLAND) == desk.child()
    seen = desk.handover(OLD)
    assert seen == desk.handover(NEW)
    assert ("conflict", "noticed", CUMBERLAND, WESTMORLAND) == (
        seen.kind,
        seen.state,
        seen.from_area,
        seen.to_area,
    )
    assert (CUMBERLAND, CUMBERLAND) == (seen.holder, seen.safety)


def test_another_members_matter_in_another_area_is_no_conflict(desk: RouterDesk) -> None:
    """A school's early help episode does not claim the case for its council."""
    desk.take(desk.opens_matter(), desk.opens_matter("police", acting=WESTMORLAND, ref=b"p" * 16))

    assert [] == desk.inbox(OLD, InKind.HANDOVER)


def test_the_same_matter_opened_twice_is_one_matter(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.opens_matter(), desk.closes_matter())

    assert desk.child() is None
    assert 1 == len(desk.audit(EntryKind.MATTER_OPENED))


def test_a_reference_is_the_authors_own(desk: RouterDesk) -> None:
    """Another member cannot close a matter by naming its reference."""
    desk.take(desk.opens_matter(), desk.closes_matter("police"))

    assert (CUMBERLAND, CUMBERLAND) == desk.child()


def test_a_matter_about_nobody_known_by_a_strong_identifier_is_written_down(desk: RouterDesk) -> None:
    """It makes no child, and it is not routine: a person must link it."""
    posted = desk.opens_matter("police", tokens=())

    assert [Outcome.TAKEN] == desk.take(posted)
    [entry] = desk.audit()
    assert (EntryKind.TAKEN, posted.event_id) == (entry.kind, entry.fields["event"])
    assert "child" not in entry.fields
    assert [posted.event_id] == desk.views(OLD)


def test_an_event_with_two_tokens_joins_nobody(desk: RouterDesk) -> None:
    """Two children that share an event are still two: only a person's decision links (P10)."""
    desk.take(
        desk.opens_matter(),
        desk.opens_matter("police", tokens=(PUPIL,), ref=b"p" * 16, residence=WESTMORLAND),
    )

    desk.take(desk.event("health", tokens=(CHILD, PUPIL)))

    assert (CUMBERLAND, CUMBERLAND) == desk.child(CHILD)
    assert (WESTMORLAND, WESTMORLAND) == desk.child(PUPIL)


def test_the_last_event_reaches_everybody_before_the_child_is_forgotten(desk: RouterDesk) -> None:
    """The closing event was not sealed to the area where the child is: the order for it keeps the child until then."""
    desk.take(desk.opens_matter(residence=WESTMORLAND, to=(OLD, NEW)))
    closing = desk.closes_matter(residence=WESTMORLAND, to=(OLD,))
    desk.take(closing)
    [order] = desk.orders(OLD)

    assert desk.child() is not None
    desk.take(desk.grant(OLD, order, closing.event_id))

    assert [closing.event_id] == [got.note.message_id for got in desk.inbox(NEW, InKind.GRANTED)]
    assert desk.child() is None


def test_a_child_whose_order_nobody_answers_is_forgotten_when_the_order_expires(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(residence=WESTMORLAND, to=(OLD, NEW)))
    desk.take(desk.closes_matter(residence=WESTMORLAND, to=(OLD,)))

    desk.wait(days=44)
    desk.tick()
    assert desk.child() is not None
    desk.wait(days=2)
    desk.tick()

    assert desk.child() is None


def test_a_child_known_again_is_a_new_child_to_every_reader(desk: RouterDesk) -> None:
    """What was forgotten is not recognised: the handle is another, the thread starts anew."""
    desk.take(desk.opens_matter(), desk.closes_matter(), desk.opens_matter())

    first, last, again = (got.note for got in desk.inbox(OLD))
    assert first.child == last.child
    assert again.child is not None
    assert again.child != first.child
    assert (first.number, 0) == (last.previous, again.previous)


def test_an_event_that_no_front_door_can_read_is_not_silently_kept_from_one(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())
    posted = desk.event("police", to=("health",), event_class=EventClass.CONCERN)

    desk.take(posted)

    [entry] = desk.audit(EntryKind.UNREACHED)
    assert (posted.event_id, [desk.world[OLD].id]) == (entry.fields["event"], entry.fields["readers"])


def test_closing_what_was_never_open_is_routine(desk: RouterDesk) -> None:
    posted = desk.event("police", matter=(MatterEffect.CLOSE, b"q" * 16))

    assert [Outcome.ROUTINE] == desk.take(posted)
    assert [] == desk.audit()


def test_a_view_holds_no_other_readers_wraps(desk: RouterDesk) -> None:
    """Cutting views is the router's last act on an event: a second reader's key is not in the first one's bytes."""
    desk.take(desk.opens_matter(to=(OLD, NEW)))

    [old], [new] = desk.inbox(OLD, InKind.VIEW), desk.inbox(NEW, InKind.VIEW)
    assert desk.kem(OLD).key_id.encode() in old.body
    assert desk.kem(NEW).key_id.encode() not in old.body
    assert old.note.child != new.note.child


def test_brothers_and_sisters_on_one_plan_have_a_matter_each(desk: RouterDesk) -> None:
    """One reference for the family's plan: that it ends for one child must not make the other forgotten."""
    desk.take(desk.opens_matter(tokens=(CHILD,)), desk.opens_matter(tokens=(PUPIL,)))
    desk.take(desk.closes_matter(tokens=(CHILD,)))

    with desk.store.work() as work:
        assert [] == work.children.by_tokens([CHILD.value])
        [other] = work.children.by_tokens([PUPIL.value])
        assert {desk.world[OLD].id} == work.children.matter_authors(other.child)
    desk.take(desk.closes_matter(tokens=(PUPIL,)))
    with desk.store.work() as work:
        assert [] == work.children.by_tokens([PUPIL.value])
