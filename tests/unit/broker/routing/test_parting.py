"""A link was wrong: each child goes on with its own handovers, holder and whereabouts, as if it had never been linked."""

import pytest

from broker.store.router.records import LinkRow, RecordRow, holder_of
from schemas.audit import EntryKind
from schemas.control import Action, ActionKind
from schemas.handover import HandoverView
from schemas.orders import Order
from schemas.wire import EventClass, InKind, Token
from tests.support.desk import CHILD, NEW, NORTHUMBERLAND, OLD, PUPIL, THIRD, RouterDesk
from tests.support.directory import CUMBERLAND, WESTMORLAND

OTHER = Token(1, b"\x0e" * 16)


def decide(desk: RouterDesk, kind: ActionKind, *tokens: Token, by: str = OLD) -> bytes:
    """A front door's person links or unlinks; gives the event's id."""
    before = len(desk.returned(by))
    desk.wait(seconds=1)
    posted = desk.event(
        by, tokens=tokens, event_class=EventClass.IDENTITY, action=Action(kind), residence=None
    )
    desk.take(posted)
    assert before == len(desk.returned(by)), desk.returned(by)[-1]
    return posted.event_id


def link(desk: RouterDesk, *tokens: Token, by: str = OLD) -> bytes:
    return decide(desk, ActionKind.LINK, *tokens, by=by)


def unlink(desk: RouterDesk, *tokens: Token, by: str = OLD) -> bytes:
    return decide(desk, ActionKind.UNLINK, *tokens, by=by)


def act(desk: RouterDesk, by: str, kind: ActionKind, handover: bytes, token: Token) -> list[str]:
    """An action under this identifier; gives the codes of what came back."""
    before = len(desk.returned(by))
    desk.take(desk.acts(by, Action(kind, handover), tokens=(token,)))
    return [code for code, *_ in desk.returned(by)[before:]]


def known(desk: RouterDesk, name: str) -> dict[bytes, HandoverView]:
    """The newest word on each handover that a member knows of."""
    return {got.note.message_id: got.handover() for got in desk.inbox(name, InKind.HANDOVER)}


def two_children(desk: RouterDesk) -> None:
    """One of Cumberland, one of Northumberland."""
    desk.take(desk.opens_matter())
    desk.wait(minutes=1)
    desk.take(desk.opens_matter(THIRD, tokens=(PUPIL,), to=(THIRD,), ref=b"p" * 16, residence=NORTHUMBERLAND))


def test_a_handover_that_the_link_opened_ends_with_it_and_both_sides_are_told(desk: RouterDesk) -> None:
    two_children(desk)
    link(desk, CHILD, PUPIL)
    conflict = desk.handover(THIRD).handover

    unlink(desk, CHILD, PUPIL)

    assert "superseded" == known(desk, OLD)[conflict].state == known(desk, THIRD)[conflict].state
    assert all(due.met_ms for due in known(desk, OLD)[conflict].due)
    assert ["not-possible-now"] == act(desk, THIRD, ActionKind.ACCEPT, conflict, PUPIL)
    assert (CUMBERLAND, CUMBERLAND) == desk.child(CHILD)
    assert (NORTHUMBERLAND, NORTHUMBERLAND) == desk.child(PUPIL)


def test_each_handover_goes_with_the_record_that_it_is_about(desk: RouterDesk) -> None:
    """The pupil's move is accepted after the unlink: the pupil's case passes, the other child's does not."""
    two_children(desk)
    desk.take(desk.move(tokens=(PUPIL,), to=(THIRD, NEW), from_area=NORTHUMBERLAND))
    theirs = desk.handover(NEW).handover
    link(desk, CHILD, PUPIL)
    assert CUMBERLAND == known(desk, NEW)[theirs].from_area

    unlink(desk, CHILD, PUPIL)

    assert (NORTHUMBERLAND, "noticed") == (known(desk, NEW)[theirs].from_area, known(desk, NEW)[theirs].state)
    assert ["unknown-handover"] == act(desk, NEW, ActionKind.ACCEPT, theirs, CHILD)
    assert [] == act(desk, NEW, ActionKind.ACCEPT, theirs, PUPIL)
    assert (CUMBERLAND, CUMBERLAND) == desk.child(CHILD)
    assert (WESTMORLAND, WESTMORLAND) == desk.child(PUPIL)


def test_an_acceptance_while_linked_stays_with_the_record_that_it_was_about(desk: RouterDesk) -> None:
    two_children(desk)
    desk.take(desk.move(tokens=(PUPIL,), to=(THIRD, NEW), from_area=NORTHUMBERLAND))
    theirs = desk.handover(NEW).handover
    link(desk, CHILD, PUPIL)
    assert [] == act(desk, NEW, ActionKind.ACCEPT, theirs, PUPIL)
    assert (WESTMORLAND, WESTMORLAND) == desk.child(CHILD)

    unlink(desk, CHILD, PUPIL, by=NEW)

    assert (CUMBERLAND, CUMBERLAND) == desk.child(CHILD)
    assert (WESTMORLAND, WESTMORLAND) == desk.child(PUPIL)


def test_whoever_accepted_both_holds_both_until_somebody_else_accepts(desk: RouterDesk) -> None:
    """The conflict that the link had opened was settled by a signature: parting takes no case away from its holder."""
    two_children(desk)
    link(desk, CHILD, PUPIL)
    act(desk, THIRD, ActionKind.ACCEPT, desk.handover(THIRD).handover, CHILD)

    unlink(desk, CHILD, PUPIL, by=THIRD)

    assert (NORTHUMBERLAND, CUMBERLAND) == desk.child(CHILD)
    assert (NORTHUMBERLAND, NORTHUMBERLAND) == desk.child(PUPIL)
    [back] = [view for view in known(desk, OLD).values() if view.state == "noticed"]
    assert (NORTHUMBERLAND, CUMBERLAND) == (back.from_area, back.to_area)
    assert [] == act(desk, THIRD, ActionKind.RELEASE, back.handover, CHILD)
    assert [] == act(desk, OLD, ActionKind.ACCEPT, back.handover, CHILD)
    assert (CUMBERLAND, CUMBERLAND) == desk.child(CHILD)


@pytest.mark.parametrize("token", [CHILD, PUPIL], ids=["the kept child", "the merged child"])
def test_a_move_while_linked_stays_with_the_record_that_it_was_reported_for(
    desk: RouterDesk, token: Token
) -> None:
    two_children(desk)
    link(desk, CHILD, PUPIL)
    desk.take(desk.move(tokens=(token,), to=(OLD, NEW, THIRD)))
    assert (CUMBERLAND, WESTMORLAND) == desk.child(CHILD)

    unlink(desk, CHILD, PUPIL)

    moved, other = {CHILD: (CHILD, PUPIL), PUPIL: (PUPIL, CHILD)}[token]
    stayed = {CHILD: (CUMBERLAND, CUMBERLAND), PUPIL: (NORTHUMBERLAND, NORTHUMBERLAND)}
    assert (stayed[moved][0], WESTMORLAND) == desk.child(moved)
    assert stayed[other] == desk.child(other)
    [open_one] = [view for view in known(desk, NEW).values() if view.state == "noticed"]
    assert (stayed[moved][0], WESTMORLAND) == (open_one.holder, open_one.safety)


def test_a_parted_child_that_had_been_in_the_kept_ones_area_has_its_handover_again(desk: RouterDesk) -> None:
    """Of Northumberland, and in Cumberland: linked to a child of Cumberland nothing was left to hand over."""
    two_children(desk)
    desk.take(desk.move(tokens=(PUPIL,), to=(OLD, THIRD), from_area=NORTHUMBERLAND, to_area=CUMBERLAND))
    link(desk, CHILD, PUPIL)

    unlink(desk, CHILD, PUPIL)

    assert (NORTHUMBERLAND, CUMBERLAND) == desk.child(PUPIL)
    [waiting] = [view for view in known(desk, OLD).values() if view.state == "noticed"]
    assert (NORTHUMBERLAND, CUMBERLAND) == (waiting.from_area, waiting.to_area)


def test_a_hidden_move_stays_hidden_from_the_old_side_when_a_link_is_undone(desk: RouterDesk) -> None:
    """The pupil has fled to Westmorland. The link hid nothing and the unlink shows nothing."""
    two_children(desk)
    desk.take(desk.move("police", tokens=(PUPIL,), to=(NEW,), hidden=True))
    link(desk, CHILD, PUPIL, by=NEW)

    unlink(desk, CHILD, PUPIL, by=NEW)

    assert (NORTHUMBERLAND, WESTMORLAND) == desk.child(PUPIL)
    assert not [got for got in desk.inbox(THIRD) if WESTMORLAND.encode() in got.body]


@pytest.mark.parametrize("by", [OLD, THIRD])
def test_a_hidden_child_is_taken_for_another_only_by_whoever_protects_it(desk: RouterDesk, by: str) -> None:
    """Else a front door that wants to know where it is would say that it is a child of its own."""
    two_children(desk)
    desk.take(desk.move("police", tokens=(PUPIL,), to=(NEW,), hidden=True))
    before = len(desk.inbox(by))

    desk.take(
        desk.event(
            by,
            tokens=(CHILD, PUPIL),
            event_class=EventClass.IDENTITY,
            action=Action(ActionKind.LINK),
            residence=None,
        )
    )

    assert ["not-your-action"] == [code for code, *_ in desk.returned(by)]
    assert [InKind.RETURNED] == [got.note.kind for got in desk.inbox(by)[before:]]
    assert desk.child(CHILD) != desk.child(PUPIL)


def test_a_hidden_child_that_is_linked_stays_where_it_is_hidden(desk: RouterDesk) -> None:
    """Though the newest word on the other record says another place."""
    two_children(desk)
    desk.take(desk.move("police", tokens=(PUPIL,), to=(NEW,), hidden=True))
    desk.wait(minutes=1)
    desk.take(desk.move("health", to=(THIRD,), to_area=NORTHUMBERLAND, residence=NORTHUMBERLAND))

    link(desk, CHILD, PUPIL, by=NEW)

    known = desk.child(PUPIL)
    assert known is not None
    assert WESTMORLAND == known[1]
    assert not [got for got in desk.inbox(THIRD) if WESTMORLAND.encode() in got.body]


def test_an_order_that_rested_on_the_link_is_void_and_both_ends_are_told(desk: RouterDesk) -> None:
    two_children(desk)
    link(desk, CHILD, PUPIL)
    [order] = [one for one in desk.orders(THIRD) if one.grantor == desk.world[THIRD].id]

    unlink(desk, CHILD, PUPIL)
    desk.take(desk.grant(THIRD, order, order.events[0][0]))

    assert "unknown-order" == desk.returned(THIRD)[-1][0]
    said = ("order-refused", {"order": order.order_id, "reason": "link-undone"})
    assert said in desk.notices(OLD)
    assert said in desk.notices(THIRD)
    assert [] == desk.inbox(OLD, InKind.GRANTED)
    assert "link-undone" == desk.audit(EntryKind.ORDER_REFUSED)[-1].fields["reason"]


def a_mixed_history(desk: RouterDesk) -> tuple[bytes, bytes, Order]:
    """Released while the link stood, a history asks for events of both. Gives one event of each, and the order."""
    two_children(desk)
    theirs = desk.event("school", tokens=(PUPIL,), to=(OLD, THIRD), event_class=EventClass.CONCERN)
    desk.take(theirs, desk.move("health", to=(OLD, NEW)))
    link(desk, CHILD, PUPIL)
    [handover] = [one for one, view in known(desk, NEW).items() if view.state == "noticed"]
    assert [] == act(desk, OLD, ActionKind.RELEASE, handover, CHILD)
    order = next(one for one in desk.orders(NEW) if one.handover == handover)
    own = desk.views(OLD)[0]
    assert {own, theirs.event_id} <= {event for event, _ in order.events}
    return own, theirs.event_id, order


@pytest.mark.parametrize("first", [False, True], ids=["nothing was granted", "its own was granted"])
def test_a_grant_under_way_brings_nothing_of_the_other_child_once_the_link_is_undone(
    desk: RouterDesk, first: bool
) -> None:
    own, theirs, order = a_mixed_history(desk)
    if first:
        desk.take(desk.grant(OLD, order, own))

    unlink(desk, CHILD, PUPIL)
    desk.take(desk.grant(OLD, order, theirs))

    assert "unknown-order" == desk.returned(OLD)[-1][0]
    assert ("order-refused", {"order": order.order_id, "reason": "link-undone"}) in desk.notices(NEW)
    anew = [one for one in desk.orders(NEW) if one.handover == order.handover][-1]
    asked = [event for event, _ in anew.events]
    assert order.evidence == anew.evidence
    assert theirs not in asked
    assert (own in asked) is not first
    desk.take(*(desk.grant(OLD, anew, event) for event in asked))
    granted = [got.note.message_id for got in desk.inbox(NEW, InKind.GRANTED)]
    assert 1 == granted.count(own)
    assert theirs not in granted
    view = known(desk, NEW)[order.handover or b""]
    assert view.expected == view.granted == len(asked)
    assert "grants" not in [due.kind for due in view.due if not due.met_ms]


def test_a_parted_child_that_is_forgotten_leaves_no_event_in_an_order_about_the_other(
    desk: RouterDesk,
) -> None:
    own, theirs, order = a_mixed_history(desk)
    desk.take(desk.grant(OLD, order, own), desk.grant(OLD, order, theirs))
    unlink(desk, CHILD, PUPIL)

    desk.take(desk.closes_matter(THIRD, tokens=(PUPIL,), to=(THIRD,), ref=b"p" * 16))

    assert desk.child(PUPIL) is None
    with desk.store.work() as work:
        left = work.connection.exec_driver_sql("SELECT event_id FROM order_events").all()
    assert theirs not in {event for (event,) in left}


def test_both_children_are_known_to_their_readers_by_the_handles_that_they_had(desk: RouterDesk) -> None:
    two_children(desk)
    desk.take(desk.event("health", tokens=(PUPIL,), to=(THIRD,), event_class=EventClass.CONCERN))
    link(desk, CHILD, PUPIL)
    unlink(desk, CHILD, PUPIL)
    desk.take(desk.event("health", tokens=(PUPIL,), to=(THIRD,), event_class=EventClass.CONCERN))

    views = desk.inbox(THIRD, InKind.VIEW)
    assert views[0].note.child == views[-1].note.child


def test_linking_what_is_one_already_is_recorded_and_undone_without_effect(desk: RouterDesk) -> None:
    two_children(desk)
    link(desk, CHILD, PUPIL)
    link(desk, PUPIL, CHILD)
    with desk.store.work() as work:
        [row] = work.children.by_tokens([CHILD.value])
        assert 2 == len(work.links.of(row.child))
    told = len(desk.notices("health"))

    unlink(desk, CHILD, PUPIL)

    assert desk.child(CHILD) == desk.child(PUPIL)
    assert [] == desk.audit(EntryKind.UNLINKED)[-1].fields["origins"]
    assert told == len(desk.notices("health"))
    unlink(desk, CHILD, PUPIL)
    assert (CUMBERLAND, CUMBERLAND) == desk.child(CHILD)
    assert (NORTHUMBERLAND, NORTHUMBERLAND) == desk.child(PUPIL)


def test_a_third_reason_that_closes_a_circle_can_be_taken_back_alone(desk: RouterDesk) -> None:
    """A is B, B is C, and A is C: any one of the three may fall, a second one parts them."""
    desk.take(desk.opens_matter(), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
    desk.take(desk.opens_matter(tokens=(OTHER,), ref=b"o" * 16))
    for pair in ((CHILD, PUPIL), (PUPIL, OTHER), (CHILD, OTHER)):
        link(desk, *pair)

    unlink(desk, CHILD, PUPIL)
    assert 1 == len(children(desk, CHILD, PUPIL, OTHER))
    unlink(desk, CHILD, OTHER)

    assert 2 == len(children(desk, CHILD, PUPIL, OTHER))
    assert 1 == len(children(desk, PUPIL, OTHER))


def children(desk: RouterDesk, *tokens: Token) -> set[bytes]:
    """The children that these tokens lead to."""
    with desk.store.work() as work:
        return {row.child for row in work.children.by_tokens([token.value for token in tokens])}


def test_a_child_that_is_over_when_it_is_parted_leaves_nothing(desk: RouterDesk) -> None:
    """The pupil's matter has ended while the link stood: parted, there is nothing about it to keep (P12)."""
    two_children(desk)
    link(desk, CHILD, PUPIL)
    desk.take(desk.closes_matter(THIRD, tokens=(PUPIL,), to=(OLD, THIRD), ref=b"p" * 16))

    unlink(desk, CHILD, PUPIL)

    assert desk.child(PUPIL) is None
    with desk.store.work() as work:
        assert 1 == len(work.connection.exec_driver_sql("SELECT origin FROM records").all())


def record(origin: bytes, holder: str, taken_by: str | None = None, taken: int = 0) -> RecordRow:
    return RecordRow(
        origin, b"c", holder, holder, b"e", "m-x", withheld=False, reported=0, taken_by=taken_by, taken=taken
    )


def edge(n: int, kept: bytes, merged: bytes) -> LinkRow:
    return LinkRow(n, b"l", b"c", kept, merged, 0)


A, B, C = b"a", b"b", b"c"
HOLDERS = {
    "alone": ([record(A, "a")], [], "a"),
    "taken on": ([record(A, "a", "x", 1)], [], "x"),
    "the kept one's": ([record(A, "a"), record(B, "b")], [edge(1, A, B)], "a"),
    "taken on before it was merged": ([record(A, "a"), record(B, "b", "x", 1)], [edge(2, A, B)], "a"),
    "taken on after it was merged": ([record(A, "a"), record(B, "b", "x", 2)], [edge(1, A, B)], "x"),
    "of two that took it on, the later": (
        [record(A, "a", "y", 3), record(B, "b", "x", 2)],
        [edge(1, A, B)],
        "y",
    ),
    "the kept one's of the later link": (
        [record(A, "a"), record(B, "b"), record(C, "c")],
        [edge(1, A, B), edge(2, C, B)],
        "c",
    ),
    "a second reason changes nothing": (
        [record(A, "a"), record(B, "b", "x", 2)],
        [edge(1, A, B), edge(3, B, A)],
        "x",
    ),
}


@pytest.mark.parametrize(("records", "links", "expected"), HOLDERS.values(), ids=HOLDERS)
def test_who_holds_the_case_follows_from_what_was_decided_about_these_records(
    records: list[RecordRow], links: list[LinkRow], expected: str
) -> None:
    """Whatever else there is beside them makes no difference."""
    beside = record(b"z", "z", "w", 9)
    side = {one.origin for one in records}

    assert expected == holder_of(side, [*records, beside], [*links, edge(8, b"z", A)])
