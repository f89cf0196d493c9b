"""No reader of an aggregate can work out a figure under five: every hidden one has more than one possible value."""

from collections.abc import Sequence

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


def believable(rows: Sequence[tuple[Cell, ...]], most: int = 12) -> list[set[tuple[int, int]]]:
    """For each row what a reader could believe: hidden figures anything from 0, sums and parts as they must be."""
    *items, whole = rows

    def could(row: tuple[Cell, ...]) -> list[tuple[int, int]]:
        bases = range(most + 1) if isinstance(row[1], Mark) else [int(str(row[1]))]
        return [
            (base, part)
            for base in bases
            for part in (range(base + 1) if isinstance(row[2], Mark) else [int(str(row[2]))])
            if part <= base
        ]

    def sums(rows: Sequence[tuple[Cell, ...]]) -> set[tuple[int, int]]:
        reached = {(0, 0)}
        for row in rows:
            reached = {(base + b, part + p) for base, part in reached for b, p in could(row)}
        return reached

    def whole_is(base: int, part: int) -> bool:
        return (isinstance(whole[1], Mark) or base == whole[1]) and (
            isinstance(whole[2], Mark) or part == whole[2]
        )

    def fits(at: int) -> set[tuple[int, int]]:
        rest = sums(items[:at] + items[at + 1 :])
        return {(b, p) for b, p in could(items[at]) if any(whole_is(b + x, p + y) for x, y in rest)}

    return [fits(at) for at in range(len(items))]


@settings(max_examples=300, deadline=None)
@given(st.lists(_PAIR, min_size=1, max_size=5))
def test_no_figure_under_five_can_be_worked_out(pairs: list[tuple[int, int]]) -> None:
    rows = rows_of(pairs)
    shown = suppress(COLUMNS, rows, total=True).rows
    believed = believable(shown)

    for at, (base, part) in enumerate(pairs):
        if 0 < base < FEWEST:
            assert len({base for base, _ in believed[at]}) > 1
        if 0 < part < FEWEST or 0 < base - part < FEWEST:
            assert len({part for _, part in believed[at]}) > 1
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
