"""The overview's figures, from handovers as the store gives them."""

from datetime import date
from typing import Final

import pytest

from broker.board.pages.figures import (
    BANDS,
    Spread,
    banded,
    bars,
    by_area,
    days_to,
    days_to_met,
    figure,
    is_open,
    overdue,
    working_days_to,
)
from broker.board.questions import Mark
from broker.store.audit.rows import Due, Move

DAY: Final = 86_400_000


def a_move(name: str, state: str = "noticed", **steps: int) -> Move:
    """A handover from A to B; steps in days."""
    named = {step.replace("_", "-"): day * DAY for step, day in ({"noticed": 1} | steps).items()}
    raw = name.encode()
    return Move(raw, b"p" + raw, None, None, "move", "A", "B", False, named, 0, 0, "", state)


def late(name: str, day: int) -> Due:
    """Something was overdue in a handover."""
    return Due(b"p" + name.encode(), "acceptance", day * DAY, "m-1", day * DAY)


@pytest.mark.parametrize("state", ["withdrawn", "closed", "superseded"])
def test_a_handover_that_is_over_is_neither_open_nor_overdue(state: str) -> None:
    move = a_move("x", state)

    assert not is_open(move)
    assert frozenset() == overdue([move], [late("x", 5)])


def test_overdue_ends_when_somebody_moves_it_on_and_not_by_waiting() -> None:
    waits = a_move("waits", disputed=11)
    moved = a_move("moved", "released", release=6)
    again = a_move("again", "released", release=6)
    found = overdue(
        [waits, moved, again], [late("waits", 5), late("moved", 5), late("again", 5), late("again", 9)]
    )

    assert {b"waits", b"again"} == found


def test_days_run_from_being_told_and_count_only_what_has_happened() -> None:
    moves = [a_move("x", accept=4), a_move("y"), a_move("z", accept=1)]

    assert (3, 0) == days_to(moves, "accept").days
    assert () == days_to(moves, "conference-held").days
    assert () == days_to_met([]).days


@pytest.mark.parametrize("days", range(40))
def test_each_number_of_days_falls_into_one_band(days: int) -> None:
    counts = [count for _, count in banded(Spread((days,)), exact=True)[:-1]]

    assert 1 == sum(counts)  # type: ignore[arg-type]
    at = counts.index(1)
    assert at == next(place for place, (_, most) in enumerate(BANDS) if most is None or days <= most)


def test_small_numbers_are_kept_back_from_whoever_sees_no_child() -> None:
    spread = Spread((0, 0, 5, 5, 5, 5, 5, 30))
    shown = banded(spread, exact=False)

    assert Mark.SUPPRESSED in [count for _, count in shown]
    assert not any(isinstance(count, int) and 0 < count < 5 for _, count in shown)
    assert "kept back" == figure(Mark.SUPPRESSED)
    assert all(bar.count is None or bar.count == 0 or bar.count >= 5 for bar in bars(shown))


def test_areas_are_counted_for_their_side_with_the_sum_at_the_end() -> None:
    moves = [a_move("x"), a_move("y"), a_move("z", "closed")]
    rows = by_area(moves, {b"x"}, [("A", "Ay"), ("B", "Bee")], incoming=True, exact=True)

    assert (("Ay", 0, 0), ("Bee", 2, 1), ("all", 2, 1)) == rows


def test_bars_beyond_the_limit_are_late() -> None:
    drawn = bars(banded(Spread((3, 30)), exact=True), late_after=21)

    assert [False] * 6 + [True] == [bar.late for bar in drawn]


@pytest.mark.parametrize(
    ("held", "days"),
    [
        (date(2026, 3, 23), 0),
        (date(2026, 4, 7), 9),
        (date(2026, 4, 15), 15),  # 23 days later: Good Friday and Easter Monday are none
        (date(2026, 4, 16), 16),
        (date(2026, 4, 18), 18),
    ],
)
def test_a_conference_is_counted_in_working_days(held: date, days: int) -> None:
    """Told on Monday 23 March 2026, the last day is 15 April; one that is held on a Saturday counts as on the Monday."""
    began = date(1970, 1, 1)
    move = a_move("x", noticed=(date(2026, 3, 23) - began).days, conference_held=(held - began).days)
    spread = working_days_to([move], "conference-held")
    beyond = [bar.late for bar in bars(banded(spread, exact=True), spread.bands, late_after=15) if bar.count]

    assert (days,) == spread.days
    assert [days > 15] == beyond
