"""No chain of answers to one question, over whichever periods and areas and on whichever days, tells of fewer than five.

The attacker here knows every released figure and what it counts: moves of certain days to certain areas, held by a
certain day or not. It may add and subtract figures with any weights whatever, and knows that nothing is where nought is
shown. It must not come to the number of any set of which there are one to four.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.board.questions.answer import Cell, Column, Counted, Figure, Mark, Role, Unit
from broker.board.questions.differencing import (
    History,
    Pieces,
    Released,
    counts,
    read_rows,
    write_rows,
)
from broker.board.questions.suppressing import suppress
from broker.store.audit.store import AuditStore
from tests.support.postgres import a_database
from tests.support.subtracting import Told, computable

COLUMNS: Final = (
    Column("area", "Area", role=Role.KEY),
    Column("n", "n", Unit.COUNT, Role.BASE),
    Column("held", "held", Unit.COUNT, Role.PART),
    Column("percent", "%", Unit.PERCENT, Role.DERIVED),
)
DAYS: Final = 3


class Sort(NamedTuple):
    """Moves of one day to one area whose conference was held on one day; beyond the last: never."""

    day: int
    area: str
    held: int


SORTS: Final = tuple(
    Sort(day, area, held) for day in range(DAYS) for area in "AB" for held in range(day, DAYS + 2)
)
World = Mapping[Sort, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """A period, one area or both, and the day on which it was asked."""

    since: int
    until: int
    area: str | None
    today: int


def worlds() -> st.SearchStrategy[World]:
    """How many there are of each sort."""
    return st.dictionaries(st.sampled_from(SORTS), st.sampled_from((1, 2, 4, 5, 6, 9)), max_size=7)


@st.composite
def series(draw: st.DrawFn) -> list[Asked]:
    """Questions on days that go on."""
    days = sorted(draw(st.lists(st.integers(1, DAYS + 1), min_size=1, max_size=5)))
    found = []
    for today in days:
        since, until = sorted(draw(st.tuples(st.integers(0, DAYS - 1), st.integers(0, DAYS - 1))))
        found.append(Asked(since, until + 1, draw(st.sampled_from((None, "A", "B"))), today))
    return found


def found(world: World, asked: Asked) -> list[tuple[Figure, ...]]:
    """What the question finds: a row for each area, and their sum."""
    here = [
        sort
        for sort in world
        if asked.since <= sort.day < min(asked.until, asked.today) and asked.area in {None, sort.area}
    ]
    areas = sorted({sort.area for sort in here})
    rows = [_row(world, area, [sort for sort in here if sort.area == area], asked.today) for area in areas]
    return [*rows, _row(world, "all", here, asked.today)]


def _row(world: World, name: str, here: Sequence[Sort], today: int) -> tuple[Figure, ...]:
    held = [sort for sort in here if sort.held < today]
    return name, _moves(world, here), _moves(world, held), 50.0


def _moves(world: World, sorts: Sequence[Sort]) -> Counted:
    return frozenset(bytes([SORTS.index(sort), number]) for sort in sorts for number in range(world[sort]))


def answered(history: History, rows: list[tuple[Figure, ...]]) -> Released:
    """As a board's node answers."""
    alone = suppress(COLUMNS, counts(rows), total=True).rows
    return history.release(COLUMNS, rows, alone)


def told(asked: Asked, shown: Sequence[tuple[Cell, ...]]) -> Iterator[Told[Sort]]:
    """The figures that are shown, with what they count of whatever might be."""
    whatever = {str(row[0]): row for row in found(dict.fromkeys(SORTS, 1), asked)}
    for cells in shown:
        counted = [
            frozenset(SORTS[one[0]] for one in figure)
            for figure in whatever[str(cells[0])][1:3]
            if isinstance(figure, frozenset)
        ]
        for sorts, cell in zip(counted, cells[1:3], strict=True):
            if isinstance(cell, int):
                yield Told(sorts, cell)
        if isinstance(cells[1], int) and cells[1] == cells[2]:  # all of them are held
            yield Told(counted[0] - counted[1], 0)


@settings(max_examples=200, deadline=None)
@given(worlds(), series())
def test_no_chain_of_answers_tells_of_fewer_than_five(world: World, asked: list[Asked]) -> None:
    history = History()
    figures: list[Told[Sort]] = []
    for one in asked:
        figures += told(one, answered(history, found(world, one)).rows)
        history = History(history.lists())  # as the next question reads it

    assert [] == list(computable(figures, world, SORTS))


@given(worlds(), series())
def test_the_first_answer_is_what_it_is_alone_and_the_same_again_is_the_same(
    world: World, asked: list[Asked]
) -> None:
    history = History()
    rows = found(world, asked[0])
    first = answered(history, rows)

    assert not first.kept_back
    assert first == answered(history, rows)


def test_the_attacker_of_this_test_can_subtract() -> None:
    """Or it would find nothing in anything: two answers, and three of which only the chain tells."""
    sorts = [sort for sort in SORTS if sort.area == "A" and sort.held == DAYS]
    world = dict(zip(sorts, (10, 2, 12), strict=True))

    def figure(*which: int) -> Told[Sort]:
        counted = frozenset(sorts[at] for at in which)
        return Told(counted, sum(world[sort] for sort in counted))

    assert [2] == list(computable([figure(0), figure(0, 1)], world, SORTS))
    assert [] == list(computable([figure(0, 1), figure(1, 2)], world, SORTS))
    assert [2] == list(computable([figure(0, 1), figure(1, 2), figure(0, 1, 2)], world, SORTS))


def things(*names: int) -> Counted:
    return frozenset(bytes([name]) for name in names)


@pytest.mark.parametrize("last", [20, 24, 25])
def test_a_longer_period_is_answered_once_five_more_are_in_it(last: int) -> None:
    history = History()
    march, spring = things(*range(20)), things(*range(last))
    for_march = answered(history, [("all", march, march, 50.0)])
    for_spring = answered(history, [("all", spring, spring, 50.0)])

    assert (("all", 20, 20, 50.0),) == for_march.rows
    kept_back = last == 24
    assert kept_back == for_spring.kept_back
    assert (("all", *(Mark.SUPPRESSED,) * 3) if kept_back else ("all", last, last, 50.0),) == for_spring.rows


@pytest.mark.parametrize(("held", "of_them_told"), [(13, Mark.SUPPRESSED), (15, 15), (17, Mark.SUPPRESSED)])
def test_a_part_of_the_longer_period_is_told_where_neither_it_nor_the_rest_is_small(
    held: int, of_them_told: Cell
) -> None:
    """Ten more, of whom three, five or seven were held: what was told of the whole stays."""
    history = History()
    march, held_in_march = things(*range(20)), things(*range(10))
    answered(history, [("all", march, held_in_march, 50.0)])
    spring, held_in_spring = things(*range(30)), held_in_march | things(*range(20, 20 + held - 10))
    ((_, whole, part, _),) = answered(history, [("all", spring, held_in_spring, 50.0)]).rows

    assert (30, of_them_told) == (whole, part)


def test_rows_are_read_as_they_were_written_unless_the_columns_are_others_now() -> None:
    rows: tuple[tuple[Cell, ...], ...] = (("A", Mark.SUPPRESSED, 7, 12.5), ("all", 20, None, Mark.SUPPRESSED))

    assert rows == read_rows(COLUMNS, write_rows(COLUMNS, rows))
    assert read_rows(COLUMNS[:3], write_rows(COLUMNS, rows)) is None


def test_what_is_kept_back_cuts_nothing() -> None:
    """An answer that was not given does not stand in the way of the next."""
    pieces = Pieces()
    pieces.cut(things(*range(10)))
    before = pieces.lists()

    assert not pieces.bear(things(*range(8)))
    assert pieces.bear(things(*range(5)))
    assert before == pieces.lists()


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_a_nodes_store_keeps_the_pieces_of_a_large_board(tmp_path: Path, where: str) -> None:
    ids = [number.to_bytes(16, "big") for number in range(70_000)]
    cut = {"base": [ids], "in again": [ids[:5], ids[5:]], "not in again": [ids]}
    store = AuditStore(tmp_path / "audit.db" if where == "sqlite" else a_database())
    try:
        with store.work() as work:
            assert {} == work.pieces("Q23")
            work.keep_pieces("Q23", {"base": [ids[:5]]})
            work.keep_pieces("Q23", cut)
        with store.work() as work:
            assert cut == work.pieces("Q23")
            assert {} == work.pieces("Q2")
            assert work.answered("Q23; everything") is None
            for at_ms in (1, 2):
                work.keep_answer("Q23; everything", at_ms, "[]")
            assert (2, "[]") == work.answered("Q23; everything")
    finally:
        store.close()
