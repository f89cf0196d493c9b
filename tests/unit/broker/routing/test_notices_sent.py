"""A member says that it has told its people: the router keeps it, once, and only of what that member owes."""

from broker.clock import to_ms
from broker.routing.intake import Outcome
from schemas.audit import EntryKind
from schemas.control import NoticeSent
from schemas.handover import HandoverView
from schemas.wire import OutKind
from tests.support.desk import NEW, OLD, Posted, RouterDesk


def noticed(desk: RouterDesk) -> HandoverView:
    desk.take(desk.opens_matter(), desk.move())
    return desk.handover(NEW)


def says(
    desk: RouterDesk, view: HandoverView, by: str = NEW, member: str = NEW, owed: str = "acceptance"
) -> Posted:
    due = next(one for one in view.due if one.kind == owed)
    told = NoticeSent(desk.world[member].id, view.handover, owed, due.due_ms, "team_manager", to_ms(desk.now))
    return desk.control(by, OutKind.NOTICE_SENT, NoticeSent.LABEL, told.to_bytes())


def test_that_people_were_told_is_kept_and_written_down_once(desk: RouterDesk) -> None:
    view = noticed(desk)

    assert [Outcome.TAKEN] * 2 == desk.take(says(desk, view), says(desk, view))
    [entry] = desk.audit(EntryKind.NOTICE_SENT)
    assert ("acceptance", "team_manager", desk.world[NEW].id) == tuple(
        entry.fields[name] for name in ("owed", "rung", "owner")
    )
    with desk.store.work() as work:
        assert ["team_manager"] == [one.rung for one in work.procedures.told_of(view.handover)]


def test_nobody_can_say_it_for_another_member(desk: RouterDesk) -> None:
    """Else a silent member's neighbour could keep the operator's notifier quiet."""
    view = noticed(desk)

    assert [Outcome.REFUSED] == desk.take(says(desk, view, by=OLD))
    assert [Outcome.TAKEN] == desk.take(says(desk, view, by=OLD, member=OLD))
    assert [] == desk.audit(EntryKind.NOTICE_SENT)
    with desk.store.work() as work:
        assert [] == work.procedures.told_of(view.handover)
