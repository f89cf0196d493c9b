"""An acceptance on one's own word alone, and a handover that nobody moves on: the old area holds the case until it is settled."""

import pytest

from schemas.audit import EntryKind
from schemas.control import Action, ActionKind
from schemas.handover import HandoverView
from schemas.wire import EventClass, InKind, MatterEffect
from tests.support.desk import NEW, NORTHUMBERLAND, OLD, THIRD, RouterDesk
from tests.support.directory import CUMBERLAND, WESTMORLAND

OF_OLD = (CUMBERLAND, WESTMORLAND)
"""Case holder and safety duty while the case has not passed."""
OF_NEW = (WESTMORLAND, WESTMORLAND)


def act(desk: RouterDesk, by: str, kind: ActionKind, reason: str | None = None, **more: bool) -> list[str]:
    """An action in the handover that the new area heard of last; gives the codes of what came back."""
    before = len(desk.returned(by))
    handover = desk.handover(NEW).handover
    desk.take(desk.acts(by, Action(kind, handover, reason=reason, conference=more.get("conference", False))))
    return [code for code, *_ in desk.returned(by)[before:]]


def claimed(desk: RouterDesk) -> None:
    """The new area's own front door says that the child is there, and nobody else does; and it accepts."""
    desk.take(desk.opens_matter(), desk.move(NEW))
    assert [] == act(desk, NEW, ActionKind.ACCEPT)


def after(desk: RouterDesk, **span: float) -> HandoverView:
    """What both sides read when so much time has gone by."""
    desk.wait(**span)
    desk.tick()
    assert desk.handover(OLD) == desk.handover(NEW)
    return desk.handover(NEW)


def owed(view: HandoverView) -> set[str]:
    return {due.kind for due in view.due if not due.met_ms}


def test_an_acceptance_on_ones_own_word_leaves_the_case_where_it_is(desk: RouterDesk) -> None:
    claimed(desk)

    assert OF_OLD == desk.child()
    assert ("provisional", CUMBERLAND) == (desk.handover(OLD).state, desk.handover(OLD).holder)
    assert {"contest", "release"} == owed(desk.handover(OLD))


def test_uncontested_for_a_working_day_it_stands(desk: RouterDesk) -> None:
    """Accepted on a Monday: the old area has until the end of Tuesday."""
    claimed(desk)
    assert "provisional" == after(desk, days=1).state

    view = after(desk, hours=15)

    assert ("closed", WESTMORLAND) == (view.state, view.holder)
    assert OF_NEW == desk.child()
    assert ["release"] == [entry.fields["owed"] for entry in desk.audit(EntryKind.OVERDUE)]
    assert "uncontested" == desk.audit(EntryKind.HANDOVER)[-1].fields["step"]


def test_what_an_acceptance_that_stands_has_made_void_is_not_told_as_late_in_the_same_look(
    desk: RouterDesk,
) -> None:
    """The router was away for weeks. By the clock the acceptance stands, so nobody owes anything in the other handover."""
    desk.take(desk.opens_matter())
    desk.take(desk.move("health", to=(OLD, THIRD), residence=NORTHUMBERLAND, to_area=NORTHUMBERLAND))
    desk.take(desk.move(NEW))
    assert [] == act(desk, NEW, ActionKind.ACCEPT)

    desk.wait(days=40)
    desk.tick()

    views = {got.note.message_id: got.handover() for got in desk.inbox(OLD, InKind.HANDOVER)}
    states = {view.to_area: (view.state, one) for one, view in views.items()}
    assert "superseded" == states[NORTHUMBERLAND][0]
    [stood] = [due.due_ms for due in views[states[WESTMORLAND][1]].due if due.kind == "contest"]
    late = {
        entry.fields["owed"]
        for entry in desk.audit(EntryKind.OVERDUE)
        if entry.fields["about"] == states[NORTHUMBERLAND][1] and entry.fields["due_ms"] > stood
    }
    assert set() == late


def test_it_stands_once_however_often_the_clock_is_looked_at(desk: RouterDesk) -> None:
    claimed(desk)
    after(desk, days=3)
    count = len(desk.audit())

    desk.tick()
    desk.restart()
    desk.tick()

    assert count == len(desk.audit())


def test_a_protection_plan_accepted_so_still_waits_for_its_conference(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move(NEW))
    act(desk, NEW, ActionKind.ACCEPT, conference=True)

    view = after(desk, days=3)

    assert ("accepted", WESTMORLAND) == (view.state, view.holder)
    assert "conference" in owed(view)
    assert [] == act(desk, NEW, ActionKind.CONFERENCE_HELD)
    assert "closed" == desk.handover(OLD).state


@pytest.mark.parametrize("by", ["health", "police", "school", OLD])
def test_somebody_elses_report_makes_it_stand_at_once(desk: RouterDesk, by: str) -> None:
    claimed(desk)

    desk.take(desk.move(by))

    assert OF_NEW == desk.child()
    assert "closed" == desk.handover(OLD).state == desk.handover(NEW).state


def test_its_own_second_report_does_not(desk: RouterDesk) -> None:
    claimed(desk)

    desk.take(desk.move(NEW))

    assert OF_OLD == desk.child()


def test_the_old_areas_release_makes_it_stand(desk: RouterDesk) -> None:
    claimed(desk)

    assert [] == act(desk, OLD, ActionKind.RELEASE)

    assert OF_NEW == desk.child()
    assert 1 == len([order for order in desk.orders(NEW) if order.handover == desk.handover(NEW).handover])


def test_contested_it_is_before_the_heads_of_service_and_the_old_area_holds_the_case(
    desk: RouterDesk,
) -> None:
    claimed(desk)

    assert [] == act(desk, OLD, ActionKind.CONTEST)

    assert OF_OLD == desk.child()
    assert "disputed" == desk.handover(OLD).state
    assert {"heads-of-service", "chairs", "release"} == owed(desk.handover(OLD))
    assert OF_OLD == desk.child()
    view = after(desk, days=5)
    assert ("disputed", CUMBERLAND) == (view.state, view.holder), "no time settles it"


def test_what_was_not_settled_goes_to_the_chairs_and_is_late_for_both_sides_to_see(desk: RouterDesk) -> None:
    claimed(desk)
    act(desk, OLD, ActionKind.CONTEST)

    view = after(desk, days=40)

    late = {due.kind for due in view.due if due.late}
    assert {"heads-of-service", "chairs", "release"} == late
    assert "disputed" == view.state
    assert {"heads-of-service", "chairs"} <= {e.fields["owed"] for e in desk.audit(EntryKind.OVERDUE)}


SETTLED = {
    "the old area releases": (OLD, ActionKind.RELEASE, "closed", OF_NEW),
    "the old area withdraws": (OLD, ActionKind.WITHDRAW, "withdrawn", OF_OLD),
    "the new area gives it up": (NEW, ActionKind.DECLINE, "declined", OF_OLD),
}


@pytest.mark.parametrize(("by", "kind", "state", "facts"), SETTLED.values(), ids=SETTLED)
def test_a_person_of_either_side_ends_the_dispute(
    desk: RouterDesk, by: str, kind: ActionKind, state: str, facts: tuple[str, str]
) -> None:
    claimed(desk)
    act(desk, OLD, ActionKind.CONTEST)

    assert [] == act(desk, by, kind)

    assert state == desk.handover(OLD).state == desk.handover(NEW).state
    assert facts == desk.child()
    assert not {"heads-of-service", "chairs"} & owed(desk.handover(OLD))


def test_who_contests_too_late_is_told_so(desk: RouterDesk) -> None:
    claimed(desk)
    after(desk, days=3)

    assert ["not-possible-now"] == act(desk, OLD, ActionKind.CONTEST)
    assert OF_NEW == desk.child()


def test_contest_and_release_in_one_batch_have_one_outcome(desk: RouterDesk) -> None:
    """Two people of the old area act at once: the first is taken, the second goes on from there or is told why not."""
    claimed(desk)
    handover = desk.handover(NEW).handover
    first = desk.acts(OLD, Action(ActionKind.RELEASE, handover))
    second = desk.acts(OLD, Action(ActionKind.CONTEST, handover))

    desk.take(first, second)

    assert "not-possible-now" == desk.returned(OLD)[-1][0]
    assert OF_NEW == desk.child()


def test_a_second_decline_is_a_dispute(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    act(desk, NEW, ActionKind.DECLINE)
    act(desk, OLD, ActionKind.RELEASE)

    assert [] == act(desk, NEW, ActionKind.DECLINE)

    assert "disputed" == desk.handover(OLD).state
    assert OF_OLD == desk.child()


def test_ten_working_days_in_a_waiting_state_are_a_dispute_and_each_step_begins_them_anew(
    desk: RouterDesk,
) -> None:
    desk.take(desk.opens_matter(), desk.move())
    assert "noticed" == after(desk, days=13).state
    act(desk, OLD, ActionKind.RELEASE)
    assert "released" == after(desk, days=12).state

    view = after(desk, days=1)

    assert "disputed" == view.state
    assert OF_OLD == desk.child()
    assert [] == act(desk, NEW, ActionKind.ACCEPT)
    assert OF_NEW == desk.child()


def test_an_area_that_claims_a_child_by_a_plan_of_its_own_is_not_its_own_witness(desk: RouterDesk) -> None:
    """Two areas have a plan: the second one's acceptance can be contested."""
    desk.take(desk.opens_matter())
    desk.take(
        desk.event(
            NEW,
            to=(OLD, NEW),
            event_class=EventClass.PLAN,
            residence=WESTMORLAND,
            matter=(MatterEffect.OPEN, b"w" * 16),
        )
    )
    assert "conflict" == desk.handover(NEW).kind

    act(desk, NEW, ActionKind.ACCEPT)

    assert "provisional" == desk.handover(OLD).state
    assert (CUMBERLAND, CUMBERLAND) == desk.child()


def test_what_was_read_for_a_case_that_did_not_pass_is_returned_or_retained_by_a_person(
    desk: RouterDesk,
) -> None:
    desk.take(desk.opens_matter(), desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    act(desk, OLD, ActionKind.WITHDRAW)
    assert ("withdrawn", "owed") == (desk.handover(NEW).state, desk.handover(NEW).keeping)
    assert {"return-or-retain"} == owed(desk.handover(NEW))

    assert ["not-possible-now"] == act(desk, NEW, ActionKind.RETURN_OR_RETAIN, "burn")
    assert ["not-your-action"] == act(desk, OLD, ActionKind.RETURN_OR_RETAIN, "return")
    assert [] == act(desk, NEW, ActionKind.RETURN_OR_RETAIN, "return")

    assert "return" == desk.handover(OLD).keeping
    assert set() == owed(desk.handover(OLD))
    assert ["not-possible-now"] == act(desk, NEW, ActionKind.RETURN_OR_RETAIN, "retain")


def test_an_area_on_the_way_that_read_the_history_decides_too(desk: RouterDesk) -> None:
    """Cumberland to Westmorland, released; on to Northumberland, which takes the case."""
    desk.take(desk.opens_matter(), desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    desk.take(
        desk.move(
            "health", to=(NEW, THIRD), from_area=WESTMORLAND, to_area=NORTHUMBERLAND, residence=NORTHUMBERLAND
        )
    )

    desk.take(
        desk.acts(THIRD, Action(ActionKind.ACCEPT, desk.handover(THIRD).handover), to=(OLD, NEW, THIRD))
    )

    assert ("superseded", "owed") == (desk.handover(NEW).state, desk.handover(NEW).keeping)
    assert [] == act(desk, NEW, ActionKind.RETURN_OR_RETAIN, "retain")


def test_a_child_is_remembered_until_that_is_decided_and_no_longer(desk: RouterDesk) -> None:
    desk.take(desk.opens_matter(), desk.move())
    act(desk, OLD, ActionKind.RELEASE)
    [order] = [one for one in desk.orders(OLD) if one.handover is not None]
    for event, _ in order.events:
        desk.take(desk.grant(OLD, order, event))
    act(desk, OLD, ActionKind.WITHDRAW)
    desk.take(desk.closes_matter(to=(OLD, NEW)))
    assert desk.child() is not None

    act(desk, NEW, ActionKind.RETURN_OR_RETAIN, "return")

    assert desk.child() is None
