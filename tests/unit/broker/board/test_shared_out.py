"""A whole that is shared out in several ways, as by age and by ethnic group: what one way keeps back no other gives away.

The attacker is that of ``test_differencing``: here it knows of each move the day, the ethnic group, the age at first and
after the second day (a child grows, or is put right), and whether it was accepted. It may know that some age goes with
some group, as far as it sees a nought; it must not come to the number of any set of which there are one to four.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.board.questions.answer import Cell, Column, Counted, Figure, Mark, Role, Unit
from broker.board.questions.differencing import History, Released, counts
from broker.board.questions.suppressing import suppress
from tests.support.subtracting import Told, computable

COLUMNS: Final = (
    Column("characteristic", "By", role=Role.GROUP),
    Column("band", "Band", role=Role.KEY),
    Column("moves", "Moves", Unit.COUNT, Role.BASE),
    Column("accepted", "Accepted", Unit.COUNT, Role.PART),
    Column("days", "Days", Unit.DAYS, Role.DERIVED),
)
DAYS: Final = 2
GROWS_ON: Final = 2


class Sort(NamedTuple):
    """Moves of one day, of children of one age at first and then, of one group; accepted or not."""

    day: int
    ages: str
    group: str
    accepted: bool


SORTS: Final = tuple(
    Sort(day, ages, group, accepted)
    for day in range(DAYS)
    for ages in ("aa", "ab", "bb")
    for group in "xy"
    for accepted in (True, False)
)
World = Mapping[Sort, int]


class Asked(NamedTuple):
    """A period, and the day on which it was asked."""

    since: int
    until: int
    today: int


def worlds() -> st.SearchStrategy[World]:
    """How many there are of each sort."""
    return st.dictionaries(
        st.sampled_from(SORTS), st.sampled_from((1, 3, 4, 5, 6, 7, 10, 12)), min_size=3, max_size=12
    )


def series() -> st.SearchStrategy[list[Asked]]:
    """Questions on days that go on."""
    asked = st.builds(
        Asked, st.integers(0, DAYS - 1), st.integers(1, DAYS), st.integers(1, GROWS_ON + 1)
    ).filter(lambda one: one.since < one.until)
    return st.lists(asked, min_size=1, max_size=5).map(lambda some: sorted(some, key=lambda one: one.today))


def found(world: World, asked: Asked) -> list[tuple[Figure, ...]]:
    """What the question finds: a row for each age, one for each group, and all."""
    here = [sort for sort in world if asked.since <= sort.day < min(asked.until, asked.today)]
    grown = asked.today > GROWS_ON
    ages = [_row(world, "age", age, [sort for sort in here if sort.ages[grown] == age]) for age in "ab"]
    groups = [_row(world, "group", name, [sort for sort in here if sort.group == name]) for name in "xy"]
    return [*ages, *groups, _row(world, "all", "", here)]


def _row(world: World, by: str, band: str, here: Sequence[Sort]) -> tuple[Figure, ...]:
    return by, band, _moves(world, here), _moves(world, [sort for sort in here if sort.accepted]), 1.0


def _moves(world: World, sorts: Sequence[Sort]) -> Counted:
    return frozenset(bytes([SORTS.index(sort), number]) for sort in sorts for number in range(world[sort]))


def answered(history: History, rows: list[tuple[Figure, ...]]) -> Released:
    """As a board's node answers."""
    return history.release(COLUMNS, rows, suppress(COLUMNS, counts(rows), total=True).rows)


def told(asked: Asked, shown: Sequence[tuple[Cell, ...]]) -> Iterator[Told[Sort]]:
    """The figures that are shown, with what they count of whatever might be."""
    for row, cells in zip(found(dict.fromkeys(SORTS, 1), asked), shown, strict=True):
        base, part = _sorts(row[2]), _sorts(row[3])
        for sorts, cell in ((base, cells[2]), (part, cells[3])):
            if isinstance(cell, int):
                yield Told(sorts, cell)
        if isinstance(cells[2], int) and cells[2] == cells[3]:
            yield Told(base - part, 0)


def _sorts(figure: Figure) -> frozenset[Sort]:
    return frozenset(SORTS[one[0]] for one in figure) if isinstance(figure, frozenset) else frozenset()


@settings(max_examples=300, deadline=None)
@given(worlds(), series())
def test_no_chain_of_answers_by_several_characteristics_tells_of_fewer_than_five(
    world: World, asked: list[Asked]
) -> None:
    history = History()
    figures: list[Told[Sort]] = []
    for one in asked:
        figures += told(one, answered(history, found(world, one)).rows)
        history = History(history.lists())  # as the next question reads it

    assert [] == list(computable(figures, world, SORTS))


def things(*names: int) -> Counted:
    return frozenset(bytes([name]) for name in names)


def a_row(by: str, band: str, moves: Counted, accepted: Counted) -> tuple[Figure, ...]:
    return by, band, moves, accepted, 1.0


KEPT_BACK: Final = (Mark.SUPPRESSED,) * 3


def test_each_way_by_itself_is_told_where_no_band_is_small() -> None:
    every, half = things(*range(20)), things(*range(10))
    rows = [
        a_row("age", "a", half, half),
        a_row("age", "b", every - half, things()),
        a_row("group", "x", every, half),
        a_row("group", "y", things(), things()),
        a_row("all", "", every, half),
    ]

    assert Released(counts(rows), kept_back=False) == answered(History(), rows)


def test_a_small_band_hides_its_neighbour_in_its_own_way_and_nothing_in_the_others() -> None:
    every = things(*range(20))
    rows = [
        a_row("age", "a", things(*range(3)), things()),
        a_row("age", "b", things(*range(3, 10)), things()),
        a_row("age", "c", things(*range(10, 20)), things()),
        a_row("group", "x", every, things()),
        a_row("all", "", every, things()),
    ]
    shown = answered(History(), rows).rows

    assert [*KEPT_BACK[:2], 10, 20, 20] == [row[2] for row in shown]


def test_what_one_way_must_keep_back_of_the_whole_no_other_tells() -> None:
    """Six bands of one child each are known one by one to whoever knows that they are six."""
    every = things(*range(6))
    ages = [a_row("age", str(number), things(number), things()) for number in range(6)]
    rows = [*ages, a_row("group", "x", every, things()), a_row("all", "", every, things())]

    assert {KEPT_BACK} == {row[2:] for row in answered(History(), rows).rows}


def test_the_same_of_how_many_were_accepted() -> None:
    every = things(*range(36))
    ages = [a_row("age", str(number), things(*range(number, 36, 6)), things(number)) for number in range(6)]
    accepted = things(*range(6))
    rows = [*ages, a_row("group", "x", every, accepted), a_row("all", "", every, accepted)]

    assert {KEPT_BACK} == {row[2:] for row in answered(History(), rows).rows}


def test_noughts_of_one_way_and_bases_of_another_tell_of_nobody() -> None:
    """None of x and all of y are accepted, none of a: so a is of x. Then x of age b on the first day are three."""
    a_x, b_x, b_y, later = things(*range(5)), things(5, 6, 7), things(*range(8, 18)), things(*range(18, 30))
    history = History()

    def asked(a: Counted, b: Counted, x: Counted, y: Counted) -> Released:
        bands = (("age", "a", a), ("age", "b", b), ("group", "x", x), ("group", "y", y), ("all", "", x | y))
        rows = [a_row(by, band, counted, counted & b_y) for by, band, counted in bands]
        return answered(history, rows)

    both = asked(a_x, b_x | b_y | later, a_x | b_x | later, b_y)
    second = asked(things(), later, later, things())

    assert not both.kept_back
    assert {KEPT_BACK} == {row[2:] for row in second.rows}


def test_a_shorter_period_that_no_age_bears_is_told_by_no_group() -> None:
    """Five fewer of the group, of whom two are of one age: beside the other age and the sum of the groups they are known."""
    a, b = things(*range(10)), things(*range(10, 20))
    history = History()

    def asked(a: Counted, b: Counted) -> Released:
        none = things()
        ages = [a_row("age", "a", a, none), a_row("age", "b", b, none)]
        return answered(history, [*ages, a_row("group", "x", a | b, none), a_row("all", "", a | b, none)])

    assert not asked(a, b).kept_back
    assert {KEPT_BACK} == {row[2:] for row in asked(a - things(0, 1), b - things(10, 11, 12)).rows}
    assert 15 == asked(a, b - things(*range(10, 15))).rows[-1][2]
