"""Two clocks that rest on what an event says: early help after absence, and the child being seen. Boards learn when, not what."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from broker.clock import to_ms
from broker.store.gateway.clocks import ClockRow
from schemas.codes.members import MemberKind
from schemas.ids import GssCode
from tests.support.diary import THERE, Diary
from tests.support.events import CUMBERLAND, WESTMORLAND
from tests.support.postroom import PostRoom, a_postroom
from tests.support.turning import Stopped

CAST: Final[Mapping[str, tuple[MemberKind, tuple[GssCode, ...]]]] = {
    "cumberland": (MemberKind.SOCIAL_CARE, (GssCode(CUMBERLAND),)),
    "westmorland": (MemberKind.SOCIAL_CARE, (GssCode(WESTMORLAND),)),
    "school": (MemberKind.SCHOOL, (GssCode(CUMBERLAND),)),
}
WORKER: Final = Person("Rowan Example", "social worker")
ABSENCE, SEEN, AFTER_MOVE = "early-help-after-absence", "child-seen", "child-seen-after-move"


@pytest.fixture
def clock() -> Stopped:
    return Stopped()


@pytest.fixture
def room(tmp_path: Path, clock: Stopped) -> Iterator[PostRoom]:
    room = a_postroom(tmp_path, clock, CAST)
    yield room
    room.close()


@pytest.fixture
def diary(room: PostRoom, clock: Stopped) -> Diary:
    return Diary(room, clock)


def kept(gateway: Gateway, key: str) -> list[ClockRow]:
    """The clocks of one kind that a gateway keeps for itself, met or not, oldest first."""
    while gateway.clocking.look():
        pass
    with gateway.home.store.look() as work:
        rows = work.clocks.untold(gateway.home.member_id, 1000)
    return sorted((row for row in rows if row.key == key), key=lambda row: row.start_ms)


def met(gateway: Gateway, key: str) -> list[str | int | None]:
    """Of each: when it was met, "over", or None."""
    return ["over" if row.met_by == "over" else row.met_ms for row in kept(gateway, key)]


@pytest.mark.parametrize(
    ("attended", "possible", "asks"),
    [(33, 40, True), (34, 40, False), (24, 29, False), (24, 30, True), (0, 0, False)],
    ids=["82.5 %", "exactly 85 %", "of 29 sessions", "of 30 sessions", "of none"],
)
def test_attendance_under_85_per_cent_of_enough_sessions_asks_for_early_help(
    room: PostRoom, diary: Diary, attended: int, possible: int, asks: bool
) -> None:
    diary.says("school", "attendance.summary", attended=attended, possible=possible, unauthorised=0)

    assert ([None] if asks else []) == met(room["school"], ABSENCE)


def test_nobody_is_asked_for_early_help_that_goes_on_or_twice_for_one_pupil(
    room: PostRoom, diary: Diary
) -> None:
    low = {"attended": 30, "possible": 40}
    diary.says("school", "eha.opened")
    diary.says("school", "attendance.summary", **low)
    during = met(room["school"], ABSENCE)
    diary.says("school", "eha.closed")
    for _ in range(3):
        diary.says("school", "attendance.summary", **low)
    afterwards = met(room["school"], ABSENCE)
    declined = diary.says("school", "eha.declined")
    diary.says("school", "attendance.summary", **low)

    assert ([], [None]) == (during, afterwards)
    assert [to_ms(declined), None] == met(room["school"], ABSENCE)


def test_the_child_is_seen_when_social_care_says_that_it_was(room: PostRoom, diary: Diary) -> None:
    """Not when it is said, not before there was a concern, and not because its teacher has seen it."""
    raised = diary.says("school", "concern.raised", concern_ref="one")
    diary.says("school", "voice.recorded", child_seen_at=raised.isoformat())
    diary.says("cumberland", "assessment.started")
    before = met(room["cumberland"], SEEN)
    seen = raised + timedelta(minutes=7)
    diary.says("cumberland", "assessment.completed", child_seen_at=seen.isoformat())

    assert [None] == before
    assert [to_ms(seen)] == met(room["cumberland"], SEEN)
    [row] = kept(room["cumberland"], SEEN)
    diary.says("school", "concern.raised", concern_ref="two")
    diary.says("cumberland", "voice.recorded", child_seen_at="2026-01-01T10:00:00Z")
    assert [row.met_ms, kept(room["cumberland"], SEEN)[1].start_ms] == met(room["cumberland"], SEEN)


def test_a_concern_that_is_closed_ends_it_without_the_child_being_seen(room: PostRoom, diary: Diary) -> None:
    diary.says("school", "concern.raised", concern_ref="one")
    diary.says("cumberland", "concern.closed", concern_ref="one")
    raised = diary.says("school", "concern.raised", concern_ref="two")
    diary.says("cumberland", "concern.closed", concern_ref="two", child_seen_at=raised.isoformat())

    assert ["over", to_ms(raised)] == met(room["cumberland"], SEEN)


def test_after_a_move_it_outlives_the_handover(room: PostRoom, diary: Diary, clock: Stopped) -> None:
    diary.says("cumberland", "plan.opened", plan="child_in_need")
    diary.says("school", "move.notified")
    handover = room["cumberland"].actions.handovers()[0].handover.hex()
    room["cumberland"].actions.release(handover, WORKER)
    room.settle()
    room["westmorland"].actions.accept(handover, WORKER)
    room.settle()
    state = room["westmorland"].actions.handovers()[0].state
    accepted = met(room["westmorland"], AFTER_MOVE)
    seen = clock.now + timedelta(minutes=1)
    diary.says("westmorland", "voice.recorded", THERE, child_seen_at=seen.isoformat())

    assert ("closed", [None]) == (state, accepted)
    assert [to_ms(seen)] == met(room["westmorland"], AFTER_MOVE)


def test_a_move_that_comes_to_nothing_ends_it(room: PostRoom, diary: Diary) -> None:
    diary.says("cumberland", "plan.opened", plan="child_in_need")
    diary.says("school", "move.notified")
    before = met(room["westmorland"], AFTER_MOVE)
    handover = room["cumberland"].actions.handovers()[0].handover.hex()
    room["cumberland"].actions.withdraw(handover, WORKER, "They have come back.")
    room.settle()

    assert [None] == before
    assert ["over"] == met(room["westmorland"], AFTER_MOVE)
