"""Two records become one child by a named person's signed decision, and two again, exactly, when it was wrong."""

import pytest

from schemas.audit import EntryKind
from schemas.control import Action, ActionKind
from schemas.wire import EventClass, InKind, Token
from tests.support.desk import CHILD, NEW, NORTHUMBERLAND, OLD, PUPIL, THIRD, Posted, RouterDesk
from tests.support.directory import CUMBERLAND, WESTMORLAND

OTHER = Token(1, b"\x0e" * 16)


def decide(
    desk: RouterDesk, kind: ActionKind, *tokens: Token, by: str = OLD, to: tuple[str, ...] = (OLD,)
) -> Posted:
    """A front door's person links or unlinks; it must be taken."""
    before = len(desk.returned(by))
    posted = desk.event(
        by, to=to, tokens=tokens, event_class=EventClass.IDENTITY, action=Action(kind), residence=None
    )
    desk.take(posted)
    assert before == len(desk.returned(by)), desk.returned(by)[-1]
    return posted


def link(desk: RouterDesk, *tokens: Token, by: str = OLD) -> Posted:
    """Link."""
    return decide(desk, ActionKind.LINK, *tokens, by=by)


def unlink(desk: RouterDesk, *tokens: Token, by: str = OLD) -> Posted:
    """Unlink."""
    return decide(desk, ActionKind.UNLINK, *tokens, by=by)


def a_pupil(desk: RouterDesk, area: str = WESTMORLAND, door: str = NEW) -> Posted:
    """A second record, known by its pupil number, with a matter of its own."""
    desk.wait(minutes=1)
    posted = desk.opens_matter(door, tokens=(PUPIL,), to=(door,), ref=b"p" * 16, residence=area)
    desk.take(posted)
    return posted


def test_a_health_event_and_a_census_event_meet_only_after_the_link(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())
    desk.take(desk.event("school", tokens=(PUPIL,)))
    assert desk.child(PUPIL) is None

    link(desk, CHILD, PUPIL)
    desk.take(desk.event("school", tokens=(PUPIL,)))

    assert (CUMBERLAND, CUMBERLAND) == desk.child(PUPIL)
    handles = [got.note.child for got in desk.inbox(OLD, InKind.VIEW)]
    assert handles[0] == handles[3]
    assert handles[1] is None


def test_linking_completes_both_histories_at_the_case_holder(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())
    theirs = a_pupil(desk)

    link(desk, CHILD, PUPIL)

    [order] = [one for one in desk.orders(NEW) if one.grantor == desk.world[NEW].id]
    assert [theirs.event_id] == [event for event, _ in order.events]
    assert (desk.world[NEW].id, desk.world[OLD].id) == (order.grantor, order.reader)
    desk.wait(minutes=11)
    desk.tick()
    assert "order-late" == desk.notices(OLD)[-1][0], "the order has a clock"


def test_what_is_still_on_order_when_records_are_linked_comes_to_the_case_holder_too(
    desk: RouterDesk,
) -> None:
    """The school wrote to an area that has nothing to do with the child; its front door has been asked for it, once."""
    desk.take(desk.opens_matter())
    a_pupil(desk)
    said = desk.event("school", tokens=(PUPIL,), to=(THIRD,), residence=NORTHUMBERLAND)
    desk.take(said)
    third, old = desk.world[THIRD].id, desk.world[OLD].id

    linked = link(desk, CHILD, PUPIL)

    [order] = [one for one in desk.orders(OLD) if one.grantor == third]
    assert (old, linked.event_id) == (order.reader, order.evidence)
    assert [said.event_id] == [event for event, _ in order.events]
    desk.take(*[desk.grant(THIRD, one, said.event_id) for one in desk.orders(THIRD)])
    for door in (NEW, OLD):
        assert [said.event_id] == [got.note.message_id for got in desk.inbox(door, InKind.GRANTED)]


def test_what_was_on_order_when_records_were_linked_stays_where_it_is_once_the_link_is_undone(
    desk: RouterDesk,
) -> None:
    desk.take(desk.opens_matter())
    a_pupil(desk)
    said = desk.event("school", tokens=(PUPIL,), to=(THIRD,), residence=NORTHUMBERLAND)
    desk.take(said)
    link(desk, CHILD, PUPIL)

    unlink(desk, CHILD, PUPIL)
    desk.take(*[desk.grant(THIRD, one, said.event_id) for one in desk.orders(THIRD)])

    assert [said.event_id] == [got.note.message_id for got in desk.inbox(NEW, InKind.GRANTED)]
    assert [] == desk.inbox(OLD, InKind.GRANTED)


def test_two_case_holders_of_one_child_are_a_conflict_for_people(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())
    a_pupil(desk)

    link(desk, CHILD, PUPIL)

    assert (CUMBERLAND, WESTMORLAND) == desk.child(CHILD) == desk.child(PUPIL)
    view = desk.handover(NEW)
    assert view == desk.handover(OLD)
    assert ("noticed", CUMBERLAND, WESTMORLAND) == (view.state, view.from_area, view.to_area)


def test_the_newer_report_says_where_the_linked_child_is(desk: RouterDesk) -> None:
    """The record by pupil number had already moved on: the safety duty is there, and a handover leads there."""
    desk.take(desk.opens_matter(), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
    desk.wait(minutes=1)
    desk.take(desk.move("school", tokens=(PUPIL,)))

    link(desk, CHILD, PUPIL)

    assert (CUMBERLAND, WESTMORLAND) == desk.child()
    assert 1 == len({got.note.message_id for got in desk.inbox(NEW, InKind.HANDOVER)})


def test_the_older_report_does_not_pull_the_child_back(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16), desk.opens_matter())
    desk.wait(minutes=1)
    desk.take(desk.move("health"))

    link(desk, PUPIL, CHILD)

    assert (CUMBERLAND, WESTMORLAND) == desk.child(PUPIL)


def test_unlinking_gives_back_two_children_each_with_its_own(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())
    a_pupil(desk)
    link(desk, CHILD, PUPIL)

    unlink(desk, CHILD, PUPIL)

    assert (CUMBERLAND, CUMBERLAND) == desk.child(CHILD)
    assert (WESTMORLAND, WESTMORLAND) == desk.child(PUPIL)
    desk.take(desk.closes_matter(NEW, tokens=(PUPIL,), ref=b"p" * 16, to=(NEW,)))
    assert desk.child(PUPIL) is None
    assert desk.child(CHILD) is not None


def test_unlinking_leaves_the_child_where_it_was_reported_meanwhile(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())
    a_pupil(desk, CUMBERLAND, OLD)
    link(desk, CHILD, PUPIL)
    desk.wait(minutes=1)
    desk.take(desk.move("health"))

    unlink(desk, CHILD, PUPIL)

    assert (CUMBERLAND, WESTMORLAND) == desk.child(CHILD)
    assert (CUMBERLAND, CUMBERLAND) == desk.child(PUPIL)


def test_an_unlinked_token_without_a_matter_is_forgotten(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())
    link(desk, CHILD, PUPIL)

    unlink(desk, CHILD, PUPIL)

    assert desk.child(PUPIL) is None
    with desk.store.work() as work:
        assert work.children.origin_of(PUPIL.value) is None


def test_unlinking_tells_those_who_were_told_and_nobody_else(desk: RouterDesk) -> None:
    """The health provider heard something while the link stood; the police only before."""
    desk.take(desk.opens_matter(), desk.event("school", to=(OLD, "police"), event_class=EventClass.CONCERN))
    desk.wait(seconds=1)
    linked = link(desk, CHILD, PUPIL)
    desk.take(desk.event("school", tokens=(PUPIL,), to=(OLD, "health"), event_class=EventClass.CONCERN))

    undone = unlink(desk, CHILD, PUPIL)

    said = ("unlinked", {"event": undone.event_id, "link": linked.event_id})
    told = {name for name in desk.world.seats if said in desk.notices(name)}
    assert {OLD, "health"} == told
    [entry] = desk.audit(EntryKind.UNLINKED)
    assert sorted(desk.world[name].id for name in told) == entry.fields["told"]


def test_the_middle_of_three_linked_records_can_be_taken_out(desk: RouterDesk) -> None:
    """A linked to B, then B to C. Undoing the first decision leaves B with C, as the second one said."""
    desk.take(
        desk.opens_matter(),
        desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16),
        desk.opens_matter(tokens=(OTHER,), ref=b"o" * 16),
    )
    link(desk, CHILD, PUPIL)
    link(desk, OTHER, PUPIL)
    assert 1 == len(children(desk, CHILD, PUPIL, OTHER))

    unlink(desk, CHILD, PUPIL)

    assert 2 == len(children(desk, CHILD, PUPIL, OTHER))
    assert 1 == len(children(desk, PUPIL, OTHER))


def test_the_end_of_three_linked_records_can_be_taken_off(desk: RouterDesk) -> None:
    desk.take(
        desk.opens_matter(),
        desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16),
        desk.opens_matter(tokens=(OTHER,), ref=b"o" * 16),
    )
    link(desk, CHILD, PUPIL)
    link(desk, OTHER, PUPIL)

    unlink(desk, OTHER, CHILD)

    assert 1 == len(children(desk, CHILD, PUPIL))
    assert 2 == len(children(desk, PUPIL, OTHER))
    unlink(desk, CHILD, PUPIL)
    assert 3 == len(children(desk, CHILD, PUPIL, OTHER))


def children(desk: RouterDesk, *tokens: Token) -> set[bytes]:
    """The children that these tokens lead to."""
    with desk.store.work() as work:
        return {row.child for row in work.children.by_tokens([token.value for token in tokens])}


@pytest.mark.parametrize("by", ["health", "school", THIRD])
def test_only_a_front_door_concerned_may_link(desk: RouterDesk, by: str) -> None:
    desk.take(desk.opens_matter())

    desk.take(
        desk.event(by, tokens=(CHILD, PUPIL), event_class=EventClass.IDENTITY, action=Action(ActionKind.LINK))
    )

    assert {"not-your-action", "wrong-kind"} & {desk.returned(by)[-1][0]}
    assert desk.child(PUPIL) is None


def test_handovers_of_either_record_lead_to_one_place_after_the_link(desk: RouterDesk) -> None:
    """Both records were on their way to the same area: accepted once, neither is left waiting."""
    desk.take(desk.opens_matter(), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
    desk.take(desk.move(), desk.move(tokens=(PUPIL,)))
    link(desk, CHILD, PUPIL)
    first = desk.handover(NEW).handover

    desk.take(desk.acts(NEW, Action(ActionKind.ACCEPT, first)))

    states = {got.note.message_id: got.handover().state for got in desk.inbox(NEW, InKind.HANDOVER)}
    assert ["closed", "superseded"] == sorted(states.values())
    assert (WESTMORLAND, WESTMORLAND) == desk.child(PUPIL)


def test_what_follows_a_link_follows_all_that_was_sent_under_both_records(desk: RouterDesk) -> None:
    """A note names one delivery that it follows; so a word of the router's stands between, that waits for two."""
    desk.take(desk.opens_matter(), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
    link(desk, CHILD, PUPIL)

    assert [0, 0, 1, 3] == [got.note.previous for got in desk.inbox(OLD)]
    assert [("joined", {"after": 2})] == desk.notices(OLD)


def test_who_was_sent_something_under_one_of_the_records_only_is_not_told_of_the_link(
    desk: RouterDesk,
) -> None:
    desk.take(desk.opens_matter(to=(OLD, "health")), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
    desk.take(desk.event("school", tokens=(PUPIL,), to=(OLD, "police"), event_class=EventClass.CONCERN))
    link(desk, CHILD, PUPIL)
    desk.take(desk.event("school", to=(OLD, "health", "police"), event_class=EventClass.CONCERN))

    assert [0, 1] == [got.note.previous for got in desk.inbox("health")]
    assert [0, 1] == [got.note.previous for got in desk.inbox("police")]


def test_whoever_was_told_of_the_link_is_told_that_it_was_undone(desk: RouterDesk) -> None:
    """The health provider knew both records, and has heard nothing of the child since; the police knew one."""
    both = (OLD, "health")
    desk.take(desk.opens_matter(to=(*both, "police")))
    desk.take(desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16, to=both))
    desk.wait(seconds=1)
    linked = link(desk, CHILD, PUPIL)

    undone = unlink(desk, CHILD, PUPIL)

    said = ("unlinked", {"event": undone.event_id, "link": linked.event_id})
    assert [("joined", {"after": 2}), said] == desk.notices("health")
    assert [] == desk.notices("police")


def test_records_that_are_joined_a_second_time_are_waited_for_as_far_as_each_has_come(
    desk: RouterDesk,
) -> None:
    desk.take(desk.opens_matter(), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
    link(desk, CHILD, PUPIL)
    unlink(desk, CHILD, PUPIL)
    meanwhile = [desk.event("school", tokens=(token,)) for token in (CHILD, PUPIL)]
    desk.take(*meanwhile)
    own, other = [got.note.number for got in desk.inbox(OLD)][-2:]

    link(desk, CHILD, PUPIL)

    *_, joined, _ = desk.inbox(OLD)
    assert own == joined.note.previous
    assert ("joined", {"after": other}) == desk.notices(OLD)[-1]


def test_a_confirmed_involvement_is_kept_over_a_link(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
    involve = Action(ActionKind.INVOLVE, member=desk.world["school"].id)
    desk.take(desk.event(OLD, tokens=(PUPIL,), event_class=EventClass.INVOLVEMENT, action=involve))

    link(desk, CHILD, PUPIL)
    desk.take(desk.event("health", event_class=EventClass.PLAN, to=(OLD,)), desk.event("police", to=(OLD,)))

    assert desk.world["school"].id in {order.reader for order in desk.orders("school")}


def test_a_third_area_is_unknown_to_all_of_this(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter())
    a_pupil(desk)
    link(desk, CHILD, PUPIL)
    unlink(desk, CHILD, PUPIL)

    assert [] == desk.inbox(THIRD)
    assert NORTHUMBERLAND not in {area for pair in (desk.child(), desk.child(PUPIL)) for area in pair or ()}
