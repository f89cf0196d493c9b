"""Between two areas that a hidden family has left, the second of which was itself hidden: three ways, all closed.

From Cumberland to Westmorland, and on from there to Northumberland, each time hidden. Cumberland may not learn of either,
and Westmorland not of the last: no entry in clear, no event, and no order by name leads from one of them to the other.
"""

from pathlib import Path

import pytest

from broker.routing.shield import Sides
from schemas.audit import EntryKind
from schemas.control import Action, ActionKind
from schemas.members import Member
from schemas.wire import EventClass, InKind
from tests.support.desk import NEW, NORTHUMBERLAND, OLD, THIRD, Got, RouterDesk, a_desk, a_wide_directory
from tests.support.directory import CUMBERLAND, WESTMORLAND


@pytest.fixture
def desk(tmp_path: Path) -> RouterDesk:
    """The whole way, and each area has taken the case on."""
    made = a_desk(tmp_path, a_wide_directory())
    made.take(made.opens_matter())
    for leaves, comes_to, door in ((CUMBERLAND, WESTMORLAND, NEW), (WESTMORLAND, NORTHUMBERLAND, THIRD)):
        made.wait(minutes=1)
        there = {"residence": comes_to, "from_area": leaves, "to_area": comes_to}
        made.take(made.move("police", to=(door,), hidden=True, **there))
        made.take(
            made.acts(door, Action(ActionKind.ACCEPT, made.handover(door).handover), to=(door,), hidden=True)
        )
    assert (NORTHUMBERLAND, NORTHUMBERLAND) == made.child()
    return made


def _since(desk: RouterDesk, name: str, before: int) -> list[Got]:
    return desk.inbox(name)[before:]


def test_what_the_one_between_says_reaches_nobody_of_the_first(desk: RouterDesk) -> None:
    """Not even where its author has sealed to them: it may hold an old address of theirs."""
    before = len(desk.inbox(OLD))

    said = desk.event(NEW, to=(NEW, OLD, THIRD), residence=WESTMORLAND)
    desk.take(said)

    assert [] == _since(desk, OLD, before)
    assert said.event_id in desk.views(NEW)
    assert said.event_id in desk.views(THIRD)


def test_what_the_first_says_is_no_secret_to_the_one_between(desk: RouterDesk) -> None:
    """It knew from where the family had come."""
    said = desk.event(OLD, to=(OLD, NEW), residence=CUMBERLAND)
    desk.take(said)

    assert said.event_id in desk.views(NEW)


@pytest.mark.parametrize(("by", "area", "other"), [(OLD, CUMBERLAND, NEW), (NEW, WESTMORLAND, OLD)])
def test_no_order_names_one_of_them_to_the_other(desk: RouterDesk, by: str, area: str, other: str) -> None:
    before = len(desk.orders(by)), len(desk.orders(other))

    desk.take(desk.event(by, to=(by,), residence=area, event_class=EventClass.CONCERN))

    assert before == (len(desk.orders(by)), len(desk.orders(other)))
    ids = {desk.world[name].id for name in (OLD, NEW, THIRD)}
    for name in (OLD, NEW):
        others = ids - {desk.world[name].id}
        assert not [got for got in desk.inbox(name) if any(one.encode() in got.body for one in others)]


def test_what_the_one_between_does_stands_in_no_clear_entry(desk: RouterDesk) -> None:
    """The first area's board reads the trail: there it would find where the family had been. What the first does, stands."""
    first = desk.event(OLD, to=(OLD,), residence=CUMBERLAND)
    second = desk.event(NEW, to=(NEW,), residence=WESTMORLAND)
    desk.take(first, second)

    told = {entry.fields["event"] for entry in desk.audit(EntryKind.TAKEN)}
    assert first.event_id in told
    assert second.event_id not in told
    clear = b"".join(entry.to_bytes() for entry in desk.audit())
    assert WESTMORLAND.encode() not in clear
    assert NORTHUMBERLAND.encode() not in clear


def test_a_receipt_of_the_one_between_is_no_news_for_the_first(desk: RouterDesk) -> None:
    told = len(desk.inbox(OLD, InKind.RECEIPTS))
    desk.take(desk.event(NEW, to=(NEW,), residence=WESTMORLAND))
    got = next(got for got in reversed(desk.inbox(NEW)) if got.note.kind is InKind.VIEW)
    desk.take(desk.receipts(NEW, desk.receipt(got)))

    assert told == len(desk.inbox(OLD, InKind.RECEIPTS))


def _member(name: str) -> Member:
    return a_wide_directory()[name].member


BOTH = Sides(frozenset({CUMBERLAND, WESTMORLAND}), NORTHUMBERLAND, frozenset({WESTMORLAND}))
TOLD = Sides(frozenset({CUMBERLAND}), NORTHUMBERLAND, frozenset(), frozenset({WESTMORLAND}))
"""A person in Northumberland has let Westmorland know."""


@pytest.mark.parametrize(
    ("doer", "other", "hidden", "told"),
    [
        pytest.param(OLD, OLD, True, True, id="itself"),
        pytest.param(OLD, NEW, True, True, id="what the first does is no secret to the second"),
        pytest.param(NEW, OLD, False, False, id="what the second does is one to the first"),
        pytest.param(NEW, NEW, True, False, id="the second, itself: on the new side once it is told"),
        pytest.param(THIRD, OLD, False, False, id="the new side to the first"),
        pytest.param(THIRD, NEW, False, False, id="the new side to the second: not as one that was left"),
    ],
)
def test_who_of_those_left_hears_of_whom(doer: str, other: str, hidden: bool, told: bool) -> None:
    assert (hidden, told) == (
        BOTH.hears(_member(doer), _member(other)),
        TOLD.hears(_member(doer), _member(other)),
    )


def test_the_second_is_of_the_side_that_may_know_once_it_is_told() -> None:
    names = (OLD, NEW, THIRD)

    assert [True, True, False] == [BOTH.is_left(_member(name)) for name in names]
    assert [True, False, False] == [TOLD.is_left(_member(name)) for name in names]
    assert [False, True, True] == [TOLD.knows(_member(name)) for name in names]
