"""Stories that an outsider tried: a stay that becomes a move over Easter, and home again during a dispute."""

from datetime import UTC, datetime

from broker.calendars import LONDON
from broker.clock import from_ms
from schemas.audit import EntryKind
from schemas.control import Action, ActionKind
from schemas.handover import HandoverView
from schemas.handover_words import PASSES, STAYS
from schemas.wire import EventClass, InKind
from tests.support.desk import NEW, NORTHUMBERLAND, OLD, THIRD, RouterDesk
from tests.support.directory import CUMBERLAND, WESTMORLAND


def asks(desk: RouterDesk, handover: bytes, terms: str) -> None:
    desk.take(desk.acts(OLD, Action(ActionKind.ASK, handover, reason=terms)))


def day_due(view: HandoverView, kind: str) -> str:
    """The day on which something is owed, as people in England read it."""
    [at_ms] = [one.due_ms for one in view.due if one.kind == kind]
    return f"{from_ms(at_ms).astimezone(LONDON):%a %d %b %Y %H:%M}"


def where(desk: RouterDesk, name: str) -> set[tuple[str, str]]:
    """Case holder and safety duty, as each open handover of a front door shows them now."""
    newest = {got.note.message_id: got.handover() for got in desk.inbox(name, InKind.HANDOVER)}
    return {(view.holder, view.safety) for view in newest.values()}


def test_a_stay_that_becomes_a_move_over_easter_has_its_conference_counted_from_the_request(
    desk: RouterDesk,
) -> None:
    """Until then nobody was to hold one there: it is not late, nor counted as late, the moment the case is accepted.

    3 and 6 April 2026 are bank holidays, and clocks went forward on 29 March.
    """
    desk.take(desk.opens_matter(), desk.move())
    handover = desk.handover(OLD).handover
    asks(desk, handover, STAYS)
    assert "Mon 25 May 2026 23:59" == day_due(desk.handover(NEW), "temporary-review")

    desk.now = datetime(2026, 4, 1, 15, tzinfo=UTC)
    asks(desk, handover, PASSES)
    assert "Fri 17 Apr 2026 23:59" == day_due(desk.handover(NEW), "dispute")
    desk.now = datetime(2026, 4, 7, 10, tzinfo=UTC)
    desk.tick()
    desk.take(desk.acts(NEW, Action(ActionKind.ACCEPT, handover, conference=True)))
    desk.tick()

    for name in (OLD, NEW):
        assert "Fri 24 Apr 2026 23:59" == day_due(desk.handover(name), "conference")
    assert "conference" not in {entry.fields["owed"] for entry in desk.audit(EntryKind.OVERDUE)}


def test_a_declined_stay_that_is_then_asked_to_pass_counts_from_that_too(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    handover = desk.handover(OLD).handover
    asks(desk, handover, STAYS)
    desk.take(desk.acts(NEW, Action(ActionKind.DECLINE, handover, reason="temporary_stay")))
    desk.wait(days=40)
    asks(desk, handover, PASSES)
    desk.wait(days=1)
    asks(desk, handover, STAYS)
    desk.wait(days=1)
    asks(desk, handover, PASSES)
    desk.take(desk.acts(NEW, Action(ActionKind.ACCEPT, handover, conference=True)))

    # Asked last on Monday 13 April 2026.
    assert "Tue 05 May 2026 23:59" == day_due(desk.handover(NEW), "conference")


def test_whoever_sees_a_handover_reads_where_the_child_is_now(desk: RouterDesk) -> None:
    """A to B, which does not take it on; to C; home during the dispute. No screen leaves the duty where the child was."""
    desk.take(desk.opens_matter(), desk.move())
    desk.take(desk.acts(NEW, Action(ActionKind.DECLINE, desk.handover(NEW).handover, reason="x")))
    everybody = (OLD, NEW, THIRD)

    desk.take(
        desk.move(to=everybody, from_area=WESTMORLAND, to_area=NORTHUMBERLAND, residence=NORTHUMBERLAND)
    )
    assert {(CUMBERLAND, NORTHUMBERLAND)} == set.union(*(where(desk, name) for name in everybody))
    desk.wait(days=25)
    desk.tick()
    desk.take(desk.move(to=everybody, from_area=NORTHUMBERLAND, to_area=CUMBERLAND, residence=CUMBERLAND))

    assert {(CUMBERLAND, CUMBERLAND)} == set.union(*(where(desk, name) for name in everybody))
    assert "disputed" == desk.handover(OLD).state, "nothing is closed by time, nor by coming home"


def test_an_area_that_held_the_case_owes_no_decision_on_what_it_read_when_it_passes_on(
    desk: RouterDesk,
) -> None:
    """B has accepted, and the family moves on to C before B's conference: the case did pass to B, and then to C."""
    desk.take(desk.opens_matter(), desk.move())
    first = desk.handover(NEW).handover
    desk.take(desk.acts(OLD, Action(ActionKind.RELEASE, first)))
    desk.take(desk.acts(NEW, Action(ActionKind.ACCEPT, first, conference=True)))
    desk.take(
        desk.move(to=(NEW, THIRD), from_area=WESTMORLAND, to_area=NORTHUMBERLAND, residence=NORTHUMBERLAND)
    )
    assert (WESTMORLAND, NORTHUMBERLAND) == desk.child()

    onward = desk.handover(THIRD).handover
    desk.take(
        desk.event(
            THIRD, event_class=EventClass.HANDOVER, to=(NEW, THIRD), action=Action(ActionKind.ACCEPT, onward)
        )
    )

    newest = {got.note.message_id: got.handover() for got in desk.inbox(NEW, InKind.HANDOVER)}
    assert ("superseded", "none") == (newest[first].state, newest[first].keeping)
    assert (NORTHUMBERLAND, NORTHUMBERLAND) == desk.child()
