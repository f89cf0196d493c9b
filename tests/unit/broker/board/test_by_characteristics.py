"""Q22 over a trail whose answer is known beforehand: delay by age, by ethnic group and by disability."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from broker.board.questions import Answer, Mark
from broker.board.questions.characteristics import bands_at
from broker.store.audit.rows import Scope, Told
from schemas.audit import EntryKind
from schemas.bands import AgeBand, Bands, Disabled, EthnicGroup
from schemas.default_policy import default_policy
from schemas.wire import ReceiptKind
from tests.support.audit_trail import an_id
from tests.support.banding import with_bands
from tests.support.board import Board, a_board_of
from tests.support.directory import CUMBERLAND, WESTMORLAND
from tests.support.exchange import Exchange
from tests.support.postgres import a_database
from tests.support.telling import DAY_MS, Telling

HOUR_MS = DAY_MS // 24
BABY = Bands(AgeBand.UNDER_1, EthnicGroup.BLACK, Disabled.YES)
PUPIL = Bands(AgeBand.FROM_5_TO_9, EthnicGroup.WHITE, Disabled.NO)


class Delays(Telling):
    """Moves, and what front doors told of the children."""

    def tell(self, event: str, child: str, bands: Bands | None, *, author: str = "cumberland") -> None:
        key, setup = self.key(author)
        self.add(EntryKind.SLIP_KEY, **setup)
        slip = self.a_slip(event, author, key, "plan.changed", None, bands=bands)
        self.taken(event, child=child, author=author, slips=[[self.board, slip]])

    def delayed(self, child: str, *, hours: int | None, days: int | None) -> None:
        """A move that is opened so many hours after it became known, and accepted after so many days."""
        event = f"move of {child}"
        self.share(event, "move.notified", child=child, readers=[[self.member("westmorland"), 1]])
        steps = () if days is None else ("accept",)
        self.move(child, *steps, days=days or 0, evidence=an_id(event))
        if hours is not None:
            self.receipt(event, "westmorland", ReceiptKind.OPENED, after_ms=hours * HOUR_MS)


@pytest.fixture
def trail() -> Delays:
    trail = Delays()
    trail.world = trail.world.having(policy=with_bands(default_policy()))
    return trail


def rows_of(answer: Answer) -> dict[tuple[str, str], tuple[object, ...]]:
    return {(str(row[0]), str(row[1])): row[2:] for row in answer.rows}


def asked(board: Board, trail: Delays) -> Answer:
    board.reads(trail)
    return board.ask("Q22")


def test_each_characteristic_shares_out_the_same_moves(trail: Delays, board: Board) -> None:
    """Babies wait four days and pupils one; of six children nobody tells anything, so they are not known."""
    for number in range(18):
        child, kind = f"child {number}", number // 6
        if kind < 2:
            trail.tell(f"told {number}", child, (BABY, PUPIL)[kind])
        trail.delayed(child, hours=(10, 2, 5)[kind], days=(4, 1, None)[kind])
    answer = asked(board, trail)
    rows = rows_of(answer)

    assert answer.measured
    assert (6, 6, 10.0, 10.0, 6, 4.0) == rows["age", "under 1"]
    assert (6, 6, 2.0, 2.0, 6, 1.0) == rows["age", "5 to 9"]
    assert (6, 6, 5.0, 5.0, 0, None) == rows["age", "not known"]
    assert (0, 0, None, None, 0, None) == rows["age", "1 to 4"]
    assert rows["age", "under 1"] == rows["ethnic group", "Black"] == rows["disabled", "yes"]
    assert rows["age", "not known"] == rows["ethnic group", "not known or refused"]
    assert (18, 18, 5.0, 10.0, 12, 2.5) == rows["all", ""]
    for way in ("age", "ethnic group", "disabled"):
        assert 18 == sum(int(str(row[0])) for (by, _), row in rows.items() if by == way)
    assert answer.summary[0].startswith("18 moves became known; the receiving area opened 18 of them so far")
    assert not [column.name for column in answer.columns if "child" in column.name]


def test_a_small_band_is_kept_back_with_a_neighbour_and_the_others_are_told(
    trail: Delays, board: Board
) -> None:
    for number in range(20):
        trail.tell(f"told {number}", f"child {number}", BABY if number < 2 else PUPIL)
        trail.delayed(f"child {number}", hours=1, days=1)
    for number in range(20, 26):
        trail.delayed(f"child {number}", hours=1, days=1)
    answer = asked(board, trail)
    rows = rows_of(answer)

    assert answer.suppressed
    assert Mark.SUPPRESSED is rows["disabled", "yes"][0] is rows["disabled", "not known"][0]
    assert 18 == rows["disabled", "no"][0]
    assert 26 == rows["all", ""][0]


def test_what_anybody_but_a_front_door_tells_is_not_believed(trail: Delays, board: Board) -> None:
    trail.tell("true", "another child", PUPIL)
    for number in range(6):
        trail.tell(f"told {number}", f"child {number}", BABY, author="school")
        trail.delayed(f"child {number}", hours=1, days=1)

    assert 6 == rows_of(asked(board, trail))["age", "not known"][0]


def test_a_childs_other_records_count_once_a_person_has_joined_them(trail: Delays, board: Board) -> None:
    """As an unborn child's is joined with the child's own, and that with a third."""
    for number in range(6):
        trail.tell(f"told {number}", f"before {number}", BABY)
        trail.delayed(f"child {number}", hours=1, days=1)
        for one, other in (("before", "between"), ("between", "child")):
            kept, merged = an_id(f"{one} {number}"), [an_id(f"{other} {number}")]
            by = trail.member("cumberland")
            trail.add(EntryKind.LINKED, event=an_id(f"link {one} {number}"), child=kept, merged=merged, by=by)

    assert 6 == rows_of(asked(board, trail))["age", "under 1"][0]


def test_a_board_is_told_of_moves_of_its_own_areas_alone(it: Exchange, trail: Delays) -> None:
    for number in range(6):
        trail.tell(f"told {number}", f"child {number}", PUPIL)
        trail.delayed(f"child {number}", hours=1, days=1)
    with a_board_of(trail, it, WESTMORLAND) as board:
        answer = asked(board, trail)

    # The moves concern it; what the old area's front door told of a child there does not.
    assert 6 == rows_of(answer)["age", "not known"][0]


@pytest.mark.parametrize("agreed", [True, False])
def test_without_a_source_it_says_what_is_needed(it: Exchange, trail: Delays, agreed: bool) -> None:
    trail.taken("of something else")
    if not agreed:
        trail.world = trail.world.having(policy=default_policy())
        trail.tell("told when it was agreed", "child", PUPIL)
    with a_board_of(trail, it) as board:
        answer = asked(board, trail)

    assert (False, ()) == (answer.measured, answer.rows)
    assert ("handrail gateway characteristics set" if agreed else "[board_bands]") in str(answer.why_not)


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_either_database_tells_of_a_record_what_is_alike_once(
    tmp_path: Path, trail: Delays, where: str
) -> None:
    for number, bands in enumerate((BABY, PUPIL, BABY)):
        trail.tell(f"told {number}", "child", bands)
    trail.tell("told of another", "another", PUPIL)
    trail.tell("nothing", "child", None)
    scope = Scope(frozenset({CUMBERLAND}))
    with (
        trail.store(tmp_path / "audit.db" if where == "sqlite" else a_database()) as store,
        store.work() as work,
    ):
        doors = [trail.member("cumberland")]
        found = work.bands_of(scope, [an_id("child")], doors)
        elsewhere = work.bands_of(Scope(frozenset({WESTMORLAND})), [an_id("child")], doors)
        of_others = work.bands_of(scope, [an_id("child")], [trail.member("school")])

    assert {BABY: False, PUPIL: True} == {one.bands: one.first_ms == one.last_ms for one in found}
    assert {(an_id("child"), trail.member("cumberland"))} == {(one.record, one.author) for one in found}
    assert [] == elsewhere == of_others


def told(*given: tuple[Bands, int, int]) -> Sequence[Told]:
    return [Told(b"", "", *one) for one in given]


def test_a_child_keeps_the_age_at_which_it_waited_and_has_the_group_that_was_told_last() -> None:
    old = (Bands(AgeBand.UNBORN, EthnicGroup.NOT_KNOWN), 10, 19)
    young = (Bands(AgeBand.UNDER_1, EthnicGroup.MIXED, Disabled.NO), 20, 29)
    now = (Bands(AgeBand.FROM_1_TO_4, EthnicGroup.NOT_TOLD, Disabled.YES), 30, 39)
    every = told(now, old, young)
    ages = [bands_at(every, at).age for at in (5, 15, 20, 25, 35, 99)]

    assert [AgeBand.UNBORN] * 2 + [AgeBand.UNDER_1] * 2 + [AgeBand.FROM_1_TO_4] * 2 == ages
    assert (EthnicGroup.MIXED, Disabled.YES) == (
        bands_at(every, 5).ethnicity,
        bands_at(every, 5).disabled,
    )
    assert Bands() == bands_at([], 5) == bands_at(told((Bands(), 1, 2)), 5)
