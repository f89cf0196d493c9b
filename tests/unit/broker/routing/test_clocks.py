"""The clocks of a handover at the router: six moments, the same words to both sides, once, and late if nothing ran."""

import re
from datetime import timedelta
from typing import Any, Final

import pytest
import sqlalchemy as sa

from broker.clock import to_ms
from broker.store.router import procedures
from schemas.audit import EntryKind
from schemas.codes.cases import ClockStart
from schemas.control import Action, ActionKind
from schemas.handover import Due, HandoverView
from tests.support.desk import NEW, OLD, RouterDesk
from tests.support.directory import WESTMORLAND

_PAPERS: Final = "papers not received: a reason, not a pause"


def noticed(desk: RouterDesk) -> bytes:
    """A plan in Cumberland, a move to Westmorland: the id of the handover."""
    desk.take(desk.opens_matter(), desk.move())
    return desk.handover(OLD).handover


def due(view: HandoverView) -> dict[str, Due]:
    return {one.kind: one for one in view.due}


def own_clock(desk: RouterDesk, start: ClockStart) -> None:
    """Westmorland's own clock."""
    areas = tuple(
        area.model_copy(update={"clock_start": start}) if area.gss == WESTMORLAND else area
        for area in desk.world.directory.areas
    )
    desk.world = desk.world.having(areas=areas)


def test_both_sides_read_the_same_dates_in_the_same_words(desk: RouterDesk) -> None:
    noticed(desk)

    assert desk.handover(OLD) == desk.handover(NEW)
    assert {"release", "acceptance", "dispute"} == set(due(desk.handover(NEW)))
    assert (
        f"15 working days from being notified [P-NOT]; {_PAPERS}"
        == due(desk.handover(OLD))["acceptance"].reason
    )


def test_the_moments_are_the_routers_and_stay_as_they_were(desk: RouterDesk) -> None:
    handover = noticed(desk)
    known = to_ms(desk.now)
    desk.wait(days=2)
    desk.take(desk.acts(NEW, Action(ActionKind.ACCEPT, handover=handover, conference=True)))

    assert (
        ("move_known", known),
        ("notified", known),
        ("accepted", to_ms(desk.now)),
        ("responsibility_accepted", to_ms(desk.now)),
    ) == desk.handover(NEW).moments


@pytest.mark.parametrize("start", [ClockStart.NOTIFIED, ClockStart.ACCEPTED], ids=lambda start: start.value)
def test_notified_comes_first_and_an_areas_own_clock_beside_it(desk: RouterDesk, start: ClockStart) -> None:
    own_clock(desk, start)
    handover = noticed(desk)
    desk.wait(days=3)
    desk.take(desk.acts(NEW, Action(ActionKind.ACCEPT, handover=handover, conference=True)))
    view = desk.handover(NEW)
    wanted = ["conference"] if start is ClockStart.NOTIFIED else ["conference", "conference-local"]

    assert desk.handover(OLD) == view
    assert wanted == [one.kind for one in view.due if one.kind.startswith("conference")]
    if len(wanted) > 1:
        assert due(view)["conference-local"].due_ms > due(view)["conference"].due_ms
        assert "[P-TEE2]" in due(view)["conference-local"].reason


def test_a_clock_that_has_not_begun_says_what_it_waits_for(desk: RouterDesk) -> None:
    own_clock(desk, ClockStart.WRITTEN_PACK_RECEIVED)
    handover = noticed(desk)
    desk.take(desk.acts(NEW, Action(ActionKind.ACCEPT, handover=handover, conference=True)))

    assert "own clock (written pack received): not begun" in (due(desk.handover(OLD))["conference"].reason)


def test_late_is_late_though_nothing_ran_when_it_fell_due_and_is_said_once(desk: RouterDesk) -> None:
    """A power cut of a fortnight: the clock stood still for nobody."""
    noticed(desk)
    before = due(desk.handover(OLD))["release"]
    desk.now += timedelta(days=14)
    desk.restart()

    said = [desk.tick(), desk.tick()]
    desk.restart()
    said.append(desk.tick())
    [entry] = desk.audit(EntryKind.OVERDUE)

    assert [1, 0, 0] == said
    assert (False, True) == (before.late, due(desk.handover(NEW))["release"].late)
    assert (before.due_ms, "release") == (entry.fields["due_ms"], entry.fields["owed"])


def test_moments_go_with_the_child_when_it_is_forgotten(desk: RouterDesk) -> None:
    """P12: no row is left, of the clocks neither."""
    handover = noticed(desk)
    desk.take(desk.acts(NEW, Action(ActionKind.ACCEPT, handover=handover)))
    with desk.store.work() as work:
        assert work.procedures.moments_of(handover)
        row = work.procedures.handover(handover)
        assert row is not None
        work.children.forget(row.child)

        assert {} == work.procedures.moments_of(handover)


@pytest.mark.parametrize(
    ("query", "index"),
    [(procedures.DUE, "deadlines_unmet"), (procedures.EXPIRED, "orders_open")],
    ids=["due", "expired"],
)
def test_a_look_at_the_clock_reads_what_is_due_and_nothing_else(
    desk: RouterDesk, query: sa.Select[Any], index: str
) -> None:
    """A million open deadlines are a million rows that it must not touch; the bench measures it."""
    with desk.store.work() as work:
        written = str(query.compile(work.connection)).replace("?", "1")
        plan = work.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}").all()

    assert [index] == re.findall(r"USING INDEX (\w+)", str(plan))
    assert "SCAN" not in str(plan)
