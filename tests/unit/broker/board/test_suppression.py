"""No reader of an aggregate can work out a figure under five: every hidden one has more than one possible value."""

from collections.abc import Sequence
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.board.questions.answer import Cell, Column, Mark, Role, Unit
from broker.board.questions.suppressing import FEWEST, suppress

COLUMNS = (
    Column("area", "Area", role=Role.KEY),
    Column("n", "n", Unit.COUNT, Role.BASE),
    Column("part", "part", Unit.COUNT, Role.PART),
    Column("percent", "%", Unit.PERCENT, Role.DERIVED),
)
_PAIR = st.integers(0, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def rows_of(pairs: Sequence[tuple[int, int]]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [(str(at), n, part, 50.0) for at, (n, part) in enumerate(pairs)]
    return [*rows, ("all", sum(n for n, _ in pairs), sum(part for _, part in pairs), 50.0)]


def solutions(rows: Sequence[tuple[Cell, ...]], most: int = 12) -> list[list[tuple[int, int]]]:
    """Every table that a reader could believe in: hidden figures anything from 0, sums and parts as they must be."""
    *items, whole = rows

    def could(row: tuple[Cell, ...]) -> list[tuple[int, int]]:
        bases = range(most + 1) if isinstance(row[1], Mark) else [int(str(row[1]))]
        return [
            (base, part)
            for base in bases
            for part in (range(base + 1) if isinstance(row[2], Mark) else [int(str(row[2]))])
            if part <= base
        ]

    return [
        list(guess)
        for guess in product(*(could(row) for row in items))
        if (isinstance(whole[1], Mark) or sum(base for base, _ in guess) == whole[1])
        and (isinstance(whole[2], Mark) or sum(part for _, part in guess) == whole[2])
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(_PAIR, min_size=1, max_size=3))
def test_no_figure_under_five_can_be_worked_out(pairs: list[tuple[int, int]]) -> None:
    rows = rows_of(pairs)
    shown = suppress(COLUMNS, rows, total=True).rows
    believed = solutions(shown)

    for at, (base, part) in enumerate(pairs):
        if 0 < base < FEWEST:
            assert len({guess[at][0] for guess in believed}) > 1
        if 0 < part < FEWEST or 0 < base - part < FEWEST:
            assert len({guess[at][1] for guess in believed}) > 1
    for figure in [figure for row in shown for figure in row[1:3] if not isinstance(figure, Mark)]:
        assert not 0 < int(str(figure)) < FEWEST


@given(st.lists(_PAIR, min_size=1, max_size=6))
def test_what_is_large_enough_is_shown(pairs: list[tuple[int, int]]) -> None:
    safe = [(base + 20, part + 8) for base, part in pairs]
    rows = rows_of(safe)
    shown = suppress(COLUMNS, rows, total=True)

    assert not shown.any
    assert tuple(rows) == shown.rows


def test_a_derived_figure_goes_with_what_it_is_derived_from() -> None:
    shown = suppress(COLUMNS, [("one", 30, 2, 6.7), ("two", 3, 0, 0.0)], total=False).rows

    assert ("one", 30, Mark.SUPPRESSED, Mark.SUPPRESSED) == shown[0]
    assert ("two", *(Mark.SUPPRESSED,) * 3) == shown[1]
